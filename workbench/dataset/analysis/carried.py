"""The analysis of a file that was saved, from that of the file before: only rows that were written are looked at.

What is said about the file as a whole is worked out anew from what is known of every row, so that nothing differs from
an analysis of all of it.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from workbench.dataset.analysis.columns import DIGEST, DUPLICATE, NO_SEVERITY, TYPES, Columns, ColumnStore
from workbench.dataset.analysis.findings import Findings
from workbench.dataset.analysis.part import Part
from workbench.dataset.analysis.places import Places
from workbench.dataset.analysis.pool import Pool
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.stored import load, load_grounds
from workbench.dataset.analysis.tasks import PART_BYTES
from workbench.dataset.analysis.whole import Whole
from workbench.dataset.analysis.wire import Start, Task
from workbench.dataset.rows import Rows, Saved
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rules.facts import Tally
from workbench.dataset.rules.registry import all_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = 0.5  # of the rows that may have changed: above, looking at all of them is as quick


@dataclass(frozen=True, slots=True)
class Before:
    """A file as it was before it was saved."""

    rows: Rows
    """Still open, though another file has its name by now."""
    now: Rows
    """The file as it is."""
    ids: NDArray[np.int64] | None
    """For every row of the file as it is, the row it was; below 0 for one that was written. None: all are as they
    were."""

    @classmethod
    def of(cls, saved: Saved) -> Before | None:
        """What a save leaves behind; None where it was to another file."""
        return None if saved.before is None or saved.now is None else cls(saved.before, saved.now, saved.ids)


def carry(
    whole: Whole, before: Before, cache: Path, spec: Spec, workers: int, cancelled: Callable[[], bool] | None
) -> bool:
    """Fill `whole` with all rows of its file; False where that takes an analysis of all of it.

    Raises AnalysisCancelled, and WorkbenchError as the analysis does.
    """
    rows, index = whole.rows, whole.rows.index
    if rows is not before.now:  # it was saved once more meanwhile
        return False
    if not isinstance(index, LineIndex) or not isinstance(before.rows.index, LineIndex) or not rows.complete:
        return False
    old, grounds = load(cache, before.rows, spec), load_grounds(cache, before.rows, spec)
    if old is None or grounds is None or len(old.columns) != len(before.rows):
        return False
    ids = np.arange(len(rows)) if before.ids is None else before.ids
    moved = _Moved(ids, len(old.columns), Places(len(ids), np.array(index.blank_line_numbers(), "i8")), old.places)
    known, said = old.columns.arrays(), old.findings
    del old
    if len(moved.fresh) + len(moved.gone) > _MOST * len(ids):
        return False
    gone, fresh = _look_at(before.rows, moved.gone, rows, moved.fresh, spec, workers, cancelled)
    left, digests = grounds.tally.without(_tally(gone), moved.lines_left), grounds.digests
    del grounds
    if left is None:
        return False
    columns = ColumnStore()
    for part in fresh:
        columns.append(part.columns, part.digests)
    found = [_kept(said, moved), _placed(fresh, moved)]
    left.merge(_at(_tally(fresh), moved), 0)
    left.in_order()
    digests = moved.combined(digests, columns.digests, DIGEST)
    combined = _combined(known, columns.finish(), found, moved)
    whole.take_all(combined, digests, found, left, index.blank_line_numbers())
    return True


class _Moved:
    """Which rows went, came and stayed, and where they stand now."""

    def __init__(self, ids: NDArray[np.int64], count: int, places: Places, old: Places) -> None:
        self.fresh = np.flatnonzero(ids < 0).astype("i4")
        """Rows of the new file."""
        self.stayed = np.flatnonzero(ids >= 0).astype("i4")
        self.was = ids[self.stayed].astype("i4")
        """What these were called in the old file."""
        self.new = np.full(count, -1, "i4")
        """Of every row of the old file its number now; -1 for those that are gone."""
        self.new[self.was] = self.stayed
        self.gone = np.flatnonzero(self.new < 0)
        self._places, self._old = places, old

    def combined(self, old: NDArray[Any], fresh: NDArray[Any], kind: str) -> NDArray[Any]:
        """Of all rows of the new file, from that of those of the old file and that of those that came."""
        column = np.empty(len(self.stayed) + len(self.fresh), kind)
        column[self.stayed] = old[self.was]
        column[self.fresh] = fresh
        return column

    def lines(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The lines of rows of the new file."""
        return self._places.lines(rows)

    def lines_left(self, lines: array[int]) -> array[int]:
        """Lines of the old file, where they are in the new one; those of rows that are gone are left out."""
        rows = self.new[self._old.rows_at(np.frombuffer(lines, "i8"))] if lines else np.empty(0, "i4")
        left = array("q")
        left.frombytes(np.sort(self.lines(rows[rows >= 0])).astype("i8").tobytes())
        return left


def _combined(known: dict[str, NDArray[Any]], fresh: Columns, found: list[Findings], moved: _Moved) -> Columns:
    """The columns of all rows; those of the old file are used up, as both together are large."""
    arrays = {name: moved.combined(known.pop(name), getattr(fresh, name), kind) for name, kind in TYPES.items()}
    # What the rules about the file said is said anew.
    arrays["flags"] &= ~np.uint8(DUPLICATE)
    arrays["severity"][:] = NO_SEVERITY
    for findings in found:
        np.maximum.at(arrays["severity"], findings.row, findings.severities())
    return Columns(**arrays)


def _kept(findings: Findings, moved: _Moved) -> Findings:
    """What the rules about rows said of those that stayed, with the texts that are still needed."""
    about_rows = np.array([rule.check_file is None for rule in all_rules()])
    chosen = np.flatnonzero(about_rows[findings.rule] & (findings.row >= 0))
    chosen = chosen[moved.new[findings.row[chosen]] >= 0]
    row = moved.new[findings.row[chosen]]
    texts, numbers = np.unique(findings.text[chosen], return_inverse=True)
    said = [findings.blob[findings.ends[text] : findings.ends[text + 1]] for text in texts.tolist()]
    return Findings(
        rule=findings.rule[chosen],
        row=row,
        line=moved.lines(row).astype("i4"),
        message=findings.message[chosen],
        fixable=findings.fixable[chosen],
        text=numbers.astype("i4"),
        ends=np.cumsum([0, *map(len, said)], dtype="i8"),
        blob=b"".join(said),
    )


def _placed(parts: list[Part], moved: _Moved) -> Findings:
    """What the rules about rows said of those that were written, at their places in the file."""
    rows, numbered = 0, []
    for part in parts:
        numbered.append((part.findings, rows, 0))
        rows += len(part.columns)
    findings = Findings.joined(numbered)
    row = moved.fresh[findings.row].astype("i4")
    return replace(findings, row=row, line=moved.lines(row).astype("i4"))


def _tally(parts: list[Part]) -> Tally:
    """Of some parts together; a row is a line there."""
    tally, lines = Tally(), 0
    for part in parts:
        tally.merge(part.tally, lines)
        lines += part.lines
    return tally


def _at(tally: Tally, moved: _Moved) -> Tally:
    """The tally of the rows that were written, with their lines in the file."""
    lines = [0, *moved.lines(moved.fresh).tolist()]
    for prompt in tally.systems.values():
        for at, line in enumerate(prompt.lines):
            prompt.lines[at] = lines[line]
    for at, line in enumerate(tally.without_system):
        tally.without_system[at] = lines[line]
    tally.grader_keys = {keys: [lines[line] for line in there] for keys, there in tally.grader_keys.items()}
    return tally


class _Both(NamedTuple):
    gone: list[Part]
    fresh: list[Part]


def _look_at(
    old: Rows,
    gone: NDArray[Any],
    new: Rows,
    fresh: NDArray[Any],
    spec: Spec,
    workers: int,
    cancelled: Callable[[], bool] | None,
) -> _Both:
    """Analyse rows that went and rows that came, in processes of their own."""
    if not len(gone) and not len(fresh):
        return _Both([], [])
    with tempfile.TemporaryFile(prefix="ftwb-carried-") as file:
        tasks = list(_tasks(file, (old.raw(row) for row in gone.tolist()), 0))
        before = len(tasks)
        tasks += _tasks(file, (new.raw(row) for row in fresh.tolist()), before)
        file.flush()
        parts: dict[int, Part] = {}
        with Pool(Start(file.fileno(), spec, sums=False), max(1, min(workers, len(tasks))), str(new.path)) as pool:
            for done in pool.run(iter(tasks), cancelled):
                parts[done.number] = done.part
    ordered = [parts[task.number] for task in tasks]
    return _Both(ordered[:before], ordered[before:])


def _tasks(file: BinaryIO, raws: Iterable[bytes], number: int) -> Iterator[Task]:
    """Write rows at the end of a file, one a line; the parts of it that they make, numbered from `number`."""
    first = last = file.tell()
    for raw in raws:
        last += file.write(raw + b"\r\n")  # a row may end in a CR of its own
        if last - first >= PART_BYTES:
            yield Task(number, first, last)
            first, number = last, number + 1
    if last > first:
        yield Task(number, first, last)
