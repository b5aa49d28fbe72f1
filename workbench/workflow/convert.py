"""Converting a dataset into another format, for the screen and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from workbench.dataset.conversion import Dropped, Item, MixedShapes, Tally, converted, summary
from workbench.dataset.export import Container, Exported, export
from workbench.dataset.formats import Detected, Format, detect
from workbench.dataset.rows import DecodeError, Rows, open_rows
from workbench.errors import WorkbenchError

Progress = Callable[[int, int | None], None]
"""Records done, and records in all where that is known."""

_SAMPLE = 1000  # records by which the format of a file is told


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a file; the keys of the command line contract."""

    file: str
    out: str
    format: Format
    """The source's."""
    reason: str
    """Why it is taken for that."""
    to: Format
    records: int
    written: int
    """Records; more than `records` where a pair becomes two."""
    dropped: tuple[Dropped, ...]
    """By line."""


class CannotHold(WorkbenchError):
    """The target cannot hold all of the source; nothing was written."""

    code = "would_lose"

    def __init__(self, conversion: Conversion) -> None:
        why = f"was not written, because {conversion.to} cannot hold all: {'; '.join(summary(conversion.dropped))}"
        super().__init__(conversion.out, why, "add --lossy to leave that out")
        self.conversion = conversion
        """What would have been written; it was not."""


@dataclass(frozen=True, slots=True)
class _Input:
    """A source, however it is written."""

    name: str
    told: Detected
    """The usual format of its records."""
    items: Callable[[], Iterator[Item]]
    """The records from the first; can be asked again."""


def convert_dataset(
    source: Path,
    out: Path,
    target: Format,
    *,
    lossy: bool = False,
    autotrain: bool = False,
    bom: bool = False,
    container: Container | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Write the records of `source` to `out` in another format, whole or not at all.

    Without `lossy` nothing may be lost: raises CannotHold, which names what would be. Raises WorkbenchError where a
    file cannot be read or written, or no record is left.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise WorkbenchError(
            str(out), "is the file that is read", "name another one to write", code="same_file", exit_code=2
        )
    with open_rows(source) as rows:
        given = _Input(str(source), _told(rows), lambda: _items(rows, progress))
        write = partial(export, fmt=target, container=container, autotrain=autotrain, bom=bom, mode_of=source)
        try:
            return _converted(given, out, target, write, lossy=lossy, lists=False)
        except MixedShapes:
            return _converted(given, out, target, write, lossy=lossy, lists=True)


def _converted(
    given: _Input, out: Path, target: Format, write: Callable[..., Exported], *, lossy: bool, lists: bool
) -> Conversion:
    tally = Tally()

    def report() -> Conversion:
        dropped = tuple(sorted(tally.dropped, key=lambda one: one.line or 0))
        told = given.told
        return Conversion(given.name, str(out), told.format, told.reason, target, tally.records, tally.written, dropped)

    def records() -> Iterator[dict[str, Any]]:
        """Until one loses something; then the rest is only looked at, so that all of it can be named."""
        for record in converted(given.items(), given.told.format, target, tally, lists=lists):
            if lossy or not tally.dropped:
                yield record
        if not tally.written:
            why = f"no record can be written as {target}: {'; '.join(summary(tally.dropped))}"
            raise WorkbenchError(given.name, why, "see `ftwb dataset check`", code="no_records")
        if tally.dropped and not lossy:
            raise CannotHold(report())

    write(records(), out)
    return report()


def _told(rows: Rows) -> Detected:
    """The usual format of a file, by its first records."""
    values: list[object] = []
    lines: list[int] = []
    for number, value in rows.records():
        if len(values) == _SAMPLE:
            break
        if not isinstance(value, DecodeError):
            values.append(value)
            lines.append(rows.line(number))
    return detect(values, lines)


def _items(rows: Rows, progress: Progress | None) -> Iterator[Item]:
    for number, value in rows.records():
        if progress is not None and number and number % 1000 == 0:
            progress(number, len(rows))
        if isinstance(value, DecodeError):
            yield Item(value.line, None, f"column {value.column}: {value.why}")
        else:
            yield Item(rows.line(number), value)
    for damage in rows.damage():
        yield Item(damage.line, None, damage.why)
