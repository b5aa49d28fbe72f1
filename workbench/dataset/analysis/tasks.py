"""A file cut into parts that workers can look at on their own."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator

from workbench.dataset.analysis.wire import Elements, Task
from workbench.dataset.rows import Rows
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.rows.sniff import BOM

PART_BYTES = 4 * 1024 * 1024
"""About four thousand records: small enough to be shown soon and to fit a worker's memory many times over."""

_LOOK = 64 * 1024  # bytes read at once to find the end of a line


def tasks_of(rows: Rows, size: int = PART_BYTES) -> Iterator[Task]:
    """The parts of a file in order; of lines nothing needs to be indexed."""
    if isinstance(rows.index, ElementIndex):
        yield from _elements(rows.index, size)
        return
    first, number = (len(BOM) if rows.encoding.bom else 0), 0
    while first < rows.size:
        last = _line_end(rows.fd, min(first + size, rows.size), rows.size)
        yield Task(number, first, last)
        first, number = last, number + 1


def _line_end(fd: int, position: int, size: int) -> int:
    """The first byte behind the line in which byte `position - 1` lies."""
    position -= 1
    while position < size:
        piece = os.pread(fd, _LOOK, position)
        newline = piece.find(b"\n")
        if newline >= 0:
            return position + newline + 1
        if not piece:
            break
        position += len(piece)
    return size


def _elements(index: ElementIndex, size: int) -> Iterator[Task]:
    row, number = 0, 0
    while row < len(index):
        first = index.starts[row]
        stop = max(row + 1, bisect_left(index.ends, first + size, lo=row))
        places = Elements(
            [start - first for start in index.starts[row:stop]],
            [end - first for end in index.ends[row:stop]],
            list(index.lines[row:stop]),
            list(index.columns[row:stop]),
        )
        yield Task(number, first, index.ends[stop - 1], places)
        row, number = stop, number + 1
