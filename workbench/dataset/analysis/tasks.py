"""A file cut into parts that workers can look at on their own."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator

from workbench.dataset.analysis.lines import PartRows, split_elements, split_lines
from workbench.dataset.analysis.wire import Elements, Task
from workbench.dataset.rows import Rows
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.rows.sniff import BOM
from workbench.errors import WorkbenchError

SMALL_BYTES = 1024 * 1024
"""Up to here a file is looked at before a worker would have started."""

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


def rows_of(fd: int, task: Task) -> tuple[PartRows, bytes]:
    """The rows of a task and the bytes that hold them; raises WorkbenchError if the file has become shorter."""
    block = bytearray()
    while len(block) < task.last - task.first:
        piece = os.pread(fd, task.last - task.first - len(block), task.first + len(block))
        if not piece:
            raise WorkbenchError(
                "the file", "was made shorter while it was read", "open it again", code="changed_on_disk"
            )
        if not block and len(piece) == task.last - task.first:
            return _split(piece, task), piece
        block += piece
    return _split(bytes(block), task), bytes(block)


def _split(block: bytes, task: Task) -> PartRows:
    if task.elements is None:
        return split_lines(block)
    places = task.elements
    return split_elements(block, places.starts, places.ends, places.lines, places.columns)
