"""Tables in text: CSV and TSV, as spreadsheets, databases and support systems write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.dataset.sources.encoding import MARK_ERRORS, UNDECODABLE, encoding_of
from workbench.dataset.sources.layout import Layout, layout_of
from workbench.dataset.sources.source import (
    PROGRESS_EVERY,
    SAMPLE,
    Progress,
    Sniffed,
    Source,
    SourceOptions,
    SourceRow,
    columns_of,
)
from workbench.dataset.sources.streams import open_stream
from workbench.errors import WorkbenchError

_HEAD = 256 * 1024  # characters that delimiter and header are told by
_CELL_LIMIT = 64 * 1024 * 1024  # characters of one cell: a quote that is never closed must not eat all memory


def open_delimited(spec: str, path: Path, head: bytes, options: SourceOptions) -> Source:
    """A CSV or TSV file as a source; `head` is its first (unpacked) bytes."""
    encoding, sniffed = encoding_of(path, head, options.encoding)
    with open_stream(path) as stream:
        text = _reading(stream.bytes, encoding).read(_HEAD)
    if not text.strip():
        raise WorkbenchError(str(path), "is empty", "give a file with a header and rows", code="empty_file")
    layout, described = layout_of(text, len(text) == _HEAD, options, tabs=".tsv" in path.name.lower())

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        return _rows(path, encoding, layout, progress)

    sample = _first(read(None), SAMPLE)
    if not sample:
        raise WorkbenchError(str(path), "has a header but no rows", "give a file with rows", code="empty_file")
    kind = "tsv" if layout.delimiter == "\t" else "csv"
    declared = dict.fromkeys(layout.names, "")
    columns = columns_of([row for row in sample if row.problem is None], declared)
    return Source(spec, kind, columns, (sniffed, *described, *_ragged(sample, layout)), sample, None, read)


def _reading(stream: io.BufferedReader, encoding: str) -> io.TextIOWrapper:
    """Text with its line ends as they are: inside quotes they belong to the cell."""
    return io.TextIOWrapper(stream, encoding=encoding, errors=MARK_ERRORS, newline="")


def _first(rows: Iterator[SourceRow], count: int) -> tuple[SourceRow, ...]:
    found = []
    for row in rows:
        found.append(row)
        if len(found) == count:
            break
    return tuple(found)


def _ragged(sample: Sequence[SourceRow], layout: Layout) -> tuple[Sniffed, ...]:
    broken = [row for row in sample if row.problem is not None]
    if not broken:
        return ()
    first = f"the first in line {broken[0].line}: {broken[0].problem}"
    return (Sniffed("rows", f"{len(broken)} of the first {len(sample)} cannot be used and are listed", first),)


def _rows(path: Path, encoding: str, layout: Layout, progress: Progress | None) -> Iterator[SourceRow]:
    """Every row behind the header; a blank line is none."""
    width, names = len(layout.names), layout.names
    number = 0
    with open_stream(path) as stream:
        for index, (line, cells, problem) in enumerate(_parsed(_Lines(_reading(stream.bytes, encoding)), layout)):
            if index < layout.skip or (not cells and problem is None):
                continue
            number += 1
            if len(cells) > width and not any(cells[width:]):
                del cells[width:]  # delimiters at the end of a line with nothing behind them
            if problem is None and tuple(cells) == layout.header:
                problem = "repeats the header"
            elif problem is None and len(cells) != width:
                problem = f"has {_counted(len(cells))}, the table has {_counted(width)}"
            values = dict(zip(names, cells, strict=False))
            if len(cells) > width:
                values |= {f"column_{at + 1}": cells[at] for at in range(width, len(cells))}
            yield SourceRow(number, line, values, problem)
            if progress is not None and number % PROGRESS_EVERY == 0:
                progress(stream.position, stream.size)
        if progress is not None:
            progress(stream.size, stream.size)


def _counted(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


class _Lines:
    """The lines of a file, which can be given back: those of the row that is being read are kept."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self.row: list[str] = []
        """The lines read since the last row was finished."""
        self.number = 0
        """Of the line that was read last."""
        self.ended = False
        """Whether a line was asked for behind the last one: in the middle of a row, its quote is still open."""
        self._file = file
        self._again: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._file.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.row.append(line)
        self._size += len(line)
        if self._size > _CELL_LIMIT:
            raise _NeverClosed
        return line

    def finish(self) -> None:
        """A row is read; the next line begins another."""
        self.row.clear()
        self._size = 0

    def give_back(self, keep: int) -> None:
        """Give the lines of the row back but for the first `keep`."""
        again = self.row[keep:]
        self.number -= len(again)
        self._again.extend(reversed(again))
        self.ended = False
        self.finish()


class _NeverClosed(Exception):
    """A quote was opened and the file, or all that fits into memory, ended before it was closed."""


def _parsed(lines: _Lines, layout: Layout) -> Iterator[tuple[int, list[str], str | None]]:
    """(line it starts on, cells, problem) of every row.

    A quote that is never closed would swallow the rows behind it, up to the next quote or the end of the file. Then
    only its own line is broken, and reading goes on with the next.
    """
    csv.field_size_limit(_CELL_LIMIT)
    while True:
        # Strict: else a stray quote joins rows without a word.
        reader = csv.reader(lines, layout.dialect, strict=True)
        while True:
            start = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _NeverClosed):
                first, alone = lines.row[0], len(lines.row) == 1 and not lines.ended
                lines.give_back(keep=1)
                problem = (
                    "a quote inside a quoted cell is not doubled" if alone else "a quote opens in it and never closes"
                )
                yield start, first.rstrip("\r\n").split(layout.delimiter), problem
                break
            told = _undecodable(lines.row)
            lines.finish()
            yield start, cells, told


def _undecodable(row: Sequence[str]) -> str | None:
    for line in row:
        if not line.isascii() and (found := UNDECODABLE.search(line)):
            return f"holds the byte 0x{ord(found.group()) & 0xFF:02X}, which is no character in the file's encoding"
    return None
