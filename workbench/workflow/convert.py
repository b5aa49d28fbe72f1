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
from workbench.dataset.sources import (
    ColumnMapping,
    Progress,
    Source,
    Unplaced,
    apply,
    check_columns,
    open_source,
    place_rows,
    read_mapping,
)
from workbench.errors import WorkbenchError
from workbench.workflow.importing import guess_mapping

_RECORDS = frozenset({"jsonl", "json"})
"""Kinds of sources whose rows are records as they are, if their keys fit a format."""


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
    source: str | Path,
    out: Path,
    target: Format,
    *,
    template: Path | None = None,
    lossy: bool = False,
    autotrain: bool = False,
    bom: bool = False,
    container: Container | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Write the records of `source` to `out` in another format, whole or not at all.

    A source is whatever `open_source` takes. Rows of JSON whose keys fit a format are its records; of other rows a
    template makes them: the one that is given, else one that their columns suggest. Without `lossy` nothing may be
    lost: raises CannotHold, which names what would be. Raises WorkbenchError where a file cannot be read or written,
    or no record is left.
    """
    path = Path(source)
    if out.exists() and path.exists() and out.samefile(path):
        raise WorkbenchError(
            str(out), "is the file that is read", "name another one to write", code="same_file", exit_code=2
        )
    given = _input(source, template, progress)
    mode_of = path if path.is_file() else None
    write = partial(export, fmt=target, container=container, autotrain=autotrain, bom=bom, mode_of=mode_of)
    try:
        return _converted(given, out, target, write, lossy=lossy, lists=False)
    except MixedShapes:
        return _converted(given, out, target, write, lossy=lossy, lists=True)


def _input(spec: str | Path, template: Path | None, progress: Progress | None) -> _Input:
    mapping = None if template is None else read_mapping(template)
    source = open_source(spec, None if mapping is None else mapping.source)
    if mapping is not None:
        told = Detected(mapping.format, f"as {template} says")
        return _Input(source.spec, told, lambda: _placed(source, mapping, progress))
    readable = [row for row in source.sample if row.problem is None]
    told = detect([dict(row.values) for row in readable], [row.line or row.number for row in readable])
    if source.kind in _RECORDS and told.format is not Format.UNKNOWN:
        return _Input(source.spec, told, lambda: _as_they_are(source, progress))
    guessed = guess_mapping(source) if readable else None
    if guessed is None:
        names = ", ".join(column.name for column in source.columns)
        why = f"no template can be guessed from the columns {names}" if readable else "no record can be read"
        hint = "say what becomes of them: --template T.toml" if readable else "see `ftwb dataset check`"
        raise WorkbenchError(source.spec, why, hint, code="no_template")
    told = Detected(guessed.mapping.format, f"by a guessed template: {guessed.reason}")
    return _Input(source.spec, told, lambda: _placed(source, guessed.mapping, progress))


def _as_they_are(source: Source, progress: Progress | None) -> Iterator[Item]:
    for row in source.rows(progress):
        yield Item(row.line or row.number, row.values, row.problem)


def _placed(source: Source, mapping: ColumnMapping, progress: Progress | None) -> Iterator[Item]:
    """The records that a template makes, and the rows that found no place."""
    if mapping.grouping is not None:
        for made in place_rows(source, mapping, progress=progress):
            if isinstance(made, Unplaced):
                yield Item(made.line or made.number, None, made.reason)
            else:
                yield Item(made.numbers[0], made.value)
        return
    check_columns(mapping, [column.name for column in source.columns])
    for row in source.rows(progress):
        record = apply(mapping, row)
        problem = record.reason if isinstance(record, Unplaced) else None
        yield Item(row.line or row.number, record, problem)


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
