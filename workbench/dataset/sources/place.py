"""All rows of a source to records, whichever way the template goes, with every row accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.dataset.sources.apply import Unplaced, apply
from workbench.dataset.sources.grouping import group_rows
from workbench.dataset.sources.mapping import ColumnMapping, check_columns, check_shape
from workbench.dataset.sources.source import Progress, Source


@dataclass(frozen=True, slots=True)
class Placed:
    """One record, and the rows it was made of."""

    value: dict[str, Any]
    numbers: tuple[int, ...]
    """As in SourceRow."""


def place_rows(
    source: Source,
    mapping: ColumnMapping,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
    scratch: Path | None = None,
) -> Iterator[Placed | Unplaced]:
    """Records, and rows that found no place, in the order of the source; with [grouping] records come last.

    `limit` reads only the first rows; `scratch` is the folder in which grouped rows wait. Each row of the source is in
    exactly one record or is one Unplaced. Raises WorkbenchError for a template that does not fit the source.
    """
    check_shape(mapping)
    check_columns(mapping, [column.name for column in source.columns])
    rows = source.rows(progress)
    if limit is not None:
        rows = islice(rows, limit)
    if mapping.grouping is not None:
        for made in group_rows(mapping, rows, source.sample, scratch):
            yield made if isinstance(made, Unplaced) else Placed(made.value, made.numbers)
        return
    for row in rows:
        record = apply(mapping, row)
        yield record if isinstance(record, Unplaced) else Placed(record, (row.number,))
