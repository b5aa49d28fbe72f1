"""A file as blocks of neighbouring rows: read once, looked through as bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.dataset.rows import Rows
from workbench.dataset.rows.lines import LineIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 2 * 1024 * 1024
"""Bytes read at once: few, as a pattern may need a copy in lower case."""
FIRST_BLOCK = 256 * 1024
"""Bytes of the first block: what stands at the beginning is found within a few milliseconds."""

_FAR = 16
"""Matches that run on into the rows behind theirs, after which the others are looked for row by row."""


@dataclass(frozen=True, eq=False)
class Block:
    """Neighbouring rows and their bytes."""

    first: int
    """Number of the first row."""
    starts: NDArray[np.int64]
    """Where each row begins in `data`."""
    stops: NDArray[np.int64]
    """Where it ends; its line end and blank lines may be inside."""
    data: bytes

    def __len__(self) -> int:
        return len(self.starts)

    def row(self, place: int) -> bytes:
        """The bytes of its extent."""
        return self.data[self.first_bytes[place] : int(self.stops[place])]

    @cached_property
    def first_bytes(self) -> list[int]:
        """The same starts as plain numbers, which are quicker one by one."""
        starts: list[int] = self.starts.tolist()
        return starts

    def matches(self, pattern: Any) -> Iterator[tuple[int, int]]:
        """Each row in which a match begins, and where the first one in it ends."""
        starts, search, data, at = self.first_bytes, pattern.search, self.data, 0
        while (match := search(data, at)) is not None:
            first, stop = match.span()
            row = bisect_right(starts, first) - 1
            yield row, stop
            if row + 1 == len(starts):
                return
            at = starts[row + 1]

    def matching(self, pattern: Any) -> NDArray[np.bool_]:
        """For each row whether a match begins in it."""
        import numpy as np

        found = np.zeros(len(self.starts), dtype=bool)
        for row, _ in self.matches(pattern):
            found[row] = True
        return found

    def matching_within(self, pattern: Any) -> NDArray[np.bool_]:
        """For each row whether a match stands in it, for a pattern that may run on into the rows behind it."""
        import numpy as np

        found = np.zeros(len(self.starts), dtype=bool)
        far = 0
        for row, stop in self.matches(pattern):
            found[row] = True
            if stop > self.stops[row]:
                found[row] = pattern.search(self.row(row)) is not None
                far += 1
            if far == _FAR:  # each time it reads to the end
                found[row + 1 :] = [pattern.search(self.row(other)) is not None for other in range(row + 1, len(self))]
                break
        return found

    def only(self, rows: NDArray[np.int64]) -> Block:
        """Some of the rows as a block of their own, numbered by their places here."""
        import numpy as np

        parts = [self.row(row) for row in rows.tolist()]
        stops = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
        return Block(0, np.concatenate([np.zeros(1, np.int64), stops[:-1]]), stops, b"".join(parts))


def first_bytes(rows: Rows) -> NDArray[np.int64]:
    """First byte of every row that is indexed by now."""
    import numpy as np

    index = rows.index
    if not isinstance(index, LineIndex):
        return np.array(index.starts, dtype=np.int64)
    return index.starts()


def extents(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same, and the byte behind each row; see `extent` of the index."""
    starts = first_bytes(rows)
    return starts, _stops(rows, starts, 0, len(starts)) if len(starts) else starts


def line_numbers(rows: Rows) -> NDArray[np.int64]:
    """The line of every row that is indexed by now."""
    import numpy as np

    index = rows.index
    if not isinstance(index, LineIndex):
        return np.array(index.lines, dtype=np.int64)
    blanks = np.array(index.blank_line_numbers(), dtype=np.int64)
    numbers = np.arange(1, len(index) + 1, dtype=np.int64)
    # A blank line with n rows before it shifts the rows from n on.
    return numbers + np.searchsorted(blanks - np.arange(1, len(blanks) + 1), numbers - 1, side="right")


def blocks(rows: Rows, wanted: NDArray[np.bool_] | None = None) -> Iterator[Block]:
    """All rows in blocks, the first one small; blocks in which `wanted` has no row are not read."""
    import numpy as np

    starts = first_bytes(rows)
    row, count, size = 0, len(starts), FIRST_BLOCK
    while row < count:
        stop = max(row + 1, int(np.searchsorted(starts, starts[row] + size)))
        if wanted is None or wanted[row:stop].any():
            first, stops = int(starts[row]), _stops(rows, starts, row, stop)
            data = rows.bytes_at(first, int(stops[-1]))
            yield Block(row, starts[row:stop] - first, stops - first, data)
        row, size = stop, BLOCK


def _stops(rows: Rows, starts: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """The byte behind each of some rows."""
    import numpy as np

    if not isinstance(rows.index, LineIndex):
        return np.array(rows.index.ends[first:last], dtype=np.int64)
    if last < len(starts):
        return starts[first + 1 : last + 1]
    return np.append(starts[first + 1 :], rows.index.extent(len(starts) - 1)[1])
