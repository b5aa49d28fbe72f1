"""What every source of rows is: columns, how it was read and why, and a stream of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

Progress = Callable[[int, int | None], None]
"""Gets what is done and, where it is known, what is to be done: bytes of a file, rows of a table."""

RowReader = Callable[[Progress | None], Iterator["SourceRow"]]

EXAMPLES = 3
"""Example values shown of a column."""

SAMPLE = 1000
"""Rows looked at to tell the columns."""

PROGRESS_EVERY = 2000
"""Rows between two calls of a progress function."""


class SourceOptions(BaseModel):
    """How to read a source, where a person knows better than what would be sniffed. `[source]` of a template."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = None
    """Of text files, as Python names it: `utf-8`, `cp1252`, `utf-16`."""
    delimiter: str | None = None
    """Of a table in text: one character."""
    header: bool | None = None
    """Whether the first row of a table in text names the columns; without one they are `column_1`, `column_2`, …"""
    quotes: bool | None = None
    """Whether double quotes wrap cells of a table in text; if not, they are letters like others."""
    escape: str | None = None
    """The character that escapes a quote inside a quoted cell, where quotes are not doubled."""
    records: str | None = None
    """The key that holds the list of records, where a JSON file is one object."""
    split: str | None = None
    """Of a Hugging Face dataset."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source, as its first rows show it."""

    name: str
    type: str
    """`text`, `number`, `true or false`, `list`, `object`, `empty`, `mixed`; as the file declares it where it does."""
    examples: tuple[str, ...]
    """A few different values, cut short."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """One thing that was found out about a source, and the reason for it."""

    what: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.value} ({self.why})"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a source."""

    number: int
    """From 1, the header not counted."""
    line: int | None
    """The line of the file on which it starts, from 1; None where the file has no lines."""
    values: Mapping[str, object]
    problem: str | None = None
    """Why the row cannot be used: it is broken, ragged, or not in the file's encoding."""


@dataclass(frozen=True)
class Source:
    """A table of rows somewhere. A value: nothing is held open between two readings."""

    spec: str
    """The path or hub name it was opened by."""
    kind: str
    """`jsonl`, `json`, `csv`, `tsv`, `parquet`, `arrow` or `dataset`."""
    columns: tuple[Column, ...]
    described: tuple[Sniffed, ...]
    """How it is read, each with the reason."""
    sample: tuple[SourceRow, ...]
    """Its first rows."""
    count: int | None
    """How many rows it has, where that is known without reading them."""
    reader: RowReader = field(repr=False)

    def rows(self, progress: Progress | None = None) -> Iterator[SourceRow]:
        """Every row, from the first, each time anew; raises WorkbenchError where the source turns out broken."""
        return self.reader(progress)


def columns_of(rows: Sequence[SourceRow], types: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """The columns that these rows have, in the order in which they appear; `types` are those that are declared."""
    names = dict.fromkeys(name for name in types or ())
    for row in rows:
        names |= dict.fromkeys(row.values)
    return tuple(_column(name, [row.values.get(name) for row in rows], (types or {}).get(name)) for name in names)


def _column(name: str, values: Sequence[object], declared: str | None) -> Column:
    present = [value for value in values if value is not None and value != ""]
    kinds = {_kind(value) for value in present}
    found = "empty" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"
    shown = dict.fromkeys(_short(value) for value in present[:50])
    return Column(name, declared or found, tuple(shown)[:EXAMPLES])


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case list() | tuple():
            return "list"
        case Mapping():
            return "object"
        case _:
            return "text"


_SHORT = 120  # characters of an example


def _short(value: object) -> str:
    from workbench.dataset.sources.cells import cell_text

    text = cell_text(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
