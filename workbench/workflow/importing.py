"""Bringing data in: a look at what a source would become, and the import itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from workbench.dataset.rows.save import write_atomically
from workbench.dataset.sources import (
    Column,
    ColumnMapping,
    Guessed,
    Placed,
    Progress,
    Sniffed,
    Source,
    Unplaced,
    guess,
    open_source,
    place_rows,
)
from workbench.errors import WorkbenchError

_GROUPED_ROWS = 5000
"""Rows that a preview of grouped rows reads: a conversation's rows may be anywhere, but a preview must be quick."""


@dataclass(frozen=True)
class Preview:
    """What a source would become, on its first rows."""

    columns: tuple[Column, ...]
    described: tuple[Sniffed, ...]
    mapping: ColumnMapping | None
    """The one that was given, or the one that was guessed; None if neither."""
    reason: str
    """By what it was guessed; empty if it was given."""
    records: tuple[Placed, ...]
    unplaced: tuple[Unplaced, ...]
    partial: bool
    """Whether conversations may go on behind the rows that were read."""


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    records: int
    """Rows of the source."""
    written: int
    """Records in the new file."""
    unplaced: tuple[Unplaced, ...]
    """Every row that is in no record, with the reason."""
    sha256: str | None
    """Of the new file; None where nothing was written."""


def preview_import(spec: str | Path, mapping: ColumnMapping | None = None, n: int = 20) -> Preview:
    """The first `n` records that a source would become; without a template a guessed one.

    Raises a WorkbenchError for a source that cannot be read and for a template that does not fit it.
    """
    source = open_source(spec, None if mapping is None else mapping.source)
    guessed = None if mapping is not None else guess_mapping(source)
    used = mapping if guessed is None else guessed.mapping
    if used is None:
        return Preview(source.columns, source.described, None, "", (), (), partial=False)
    records: list[Placed] = []
    unplaced: list[Unplaced] = []
    limit = _GROUPED_ROWS if used.grouping is not None else None
    for made in place_rows(source, used, limit=limit):
        if isinstance(made, Unplaced):
            unplaced.append(made)
        else:
            records.append(made)
        if len(records) == n or (limit is None and len(unplaced) == _GROUPED_ROWS):
            break
    reason = guessed.reason if guessed is not None else ""
    partial = limit is not None and (source.count is None or source.count > limit)
    return Preview(source.columns, source.described, used, reason, tuple(records), tuple(unplaced), partial=partial)


def guess_mapping(source: Source) -> Guessed | None:
    """A template for a source of a well-known shape, or None."""
    return guess([column.name for column in source.columns], source.sample)


def import_dataset(
    spec: str | Path | Source, mapping: ColumnMapping, out: Path, progress: Progress | None = None
) -> Imported:
    """Write the records that a source becomes to `out`, as JSON Lines, whole or not at all.

    Nothing is written where no row becomes a record. Raises a WorkbenchError for a source that cannot be read to its
    end, a template that does not fit it, and an `out` that is the source or cannot be written.
    """
    source = spec if isinstance(spec, Source) else open_source(spec, mapping.source)
    if out.exists() and Path(source.spec).exists() and out.samefile(source.spec):
        raise WorkbenchError(str(out), "is the source itself", "write to another file", code="same_file")
    rows = 0
    written = 0
    unplaced: list[Unplaced] = []
    digest = hashlib.sha256()

    def records() -> Iterator[Mapping[str, Any]]:
        nonlocal rows
        for made in place_rows(source, mapping, progress=progress):
            if isinstance(made, Unplaced):
                rows += 1
                unplaced.append(made)
            else:
                rows += len(made.numbers)
                yield made.value

    def lines(values: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        nonlocal written
        for value in values:
            line = _line(value)
            digest.update(line)
            written += 1
            yield line

    made = records()
    first = next(made, None)
    if first is not None:
        write_atomically(out, lines(chain([first], made)))
    unplaced.sort(key=lambda one: one.number)
    return Imported(rows, written, tuple(unplaced), digest.hexdigest() if written else None)


def _line(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell and UTF-8 cannot hold
        return json.dumps(value).encode() + b"\n"
