"""The rows in the bytes of one part of a file, and how many keys their bytes seem to have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 20  # bytes searched at once: they stay in the processor's cache
_SPACE = frozenset(b" \t\n\r\x0b\x0c")  # what `bytes.isspace` takes for blank

KEYS = re.compile(rb'"[ \t\r\n]*:').findall
"""Every key of a row, and what looks like one in its texts."""


@dataclass(frozen=True, slots=True)
class Raws:
    """The bytes of rows, each cut out of its block when it is its turn: so it is still in the processor's cache."""

    block: bytes
    starts: Sequence[int]
    ends: Sequence[int]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> bytes:
        return self.block[self.starts[number] : self.ends[number]]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.block.__getitem__, map(slice, self.starts, self.ends))

    def run(self, first: int, stop: int) -> bytes:
        """Some rows and what stands between them."""
        return self.block[self.starts[first] : self.ends[min(stop, len(self)) - 1]]

    def sizes(self) -> NDArray[Any]:
        """How many bytes each has."""
        return np.subtract(self.ends, self.starts)


@dataclass(frozen=True, slots=True)
class PartRows:
    """Rows without their line ends, and where they stand in the part; lines and columns from 1."""

    raws: Raws
    keys: Sequence[int]
    """How many KEYS each has."""
    lines: Sequence[int]
    columns: Sequence[int] | None
    """None: every row begins its line."""
    line_count: int
    """Lines of the part, blank ones too."""
    blank_lines: list[int]


def split_lines(block: bytes) -> PartRows:
    """The rows in a run of whole lines, just as `rows.LineIndex` finds them: blank lines are no rows."""
    data = np.frombuffer(block, np.uint8)
    ends, colons = _searched(data)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    numbers = np.arange(1, len(ends) + 1)
    counts = np.diff(np.searchsorted(colons, ends), prepend=0)
    blank = _blank(block, data, starts, ends)
    if blank:
        starts, ends, numbers, counts = (np.delete(array, blank) for array in (starts, ends, numbers, counts))
    if b"\r" in block:
        ends = ends - ((ends > starts) & (data[np.maximum(ends - 1, 0)] == ord("\r")))
    raws = Raws(block, starts.tolist(), ends.tolist())
    keys = [len(KEYS(raw)) for raw in raws] if _spaced()(block) is not None else counts.tolist()
    return PartRows(raws, keys, numbers.tolist(), None, len(numbers) + len(blank), [row + 1 for row in blank])


def split_elements(
    block: bytes, starts: Sequence[int], ends: Sequence[int], lines: Sequence[int], columns: Sequence[int]
) -> PartRows:
    """The elements of an array that lie in `block`; lines are left as they are given."""
    raws = Raws(block, starts, ends)
    return PartRows(raws, [len(KEYS(raw)) for raw in raws], lines, columns, 0, [])


def _searched(data: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where newlines are, and where quotes that a colon follows."""
    newlines, colons = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for at in range(0, len(data), _BLOCK):
        piece = data[at : at + _BLOCK + 1]
        newlines.append(np.flatnonzero(piece[:_BLOCK] == ord("\n")) + at)
        keys = piece[:-1] == ord('"')
        keys &= piece[1:] == ord(":")
        colons.append(np.flatnonzero(keys) + at)
    return np.concatenate(newlines), np.concatenate(colons)


def _blank(block: bytes, data: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]) -> list[int]:
    """Which lines hold nothing; few begin with white space."""
    space = np.zeros(256, np.bool_)
    space[list(_SPACE)] = True
    maybe = np.flatnonzero((starts == ends) | space[data[np.minimum(starts, len(data) - 1)]]) if len(ends) else ends
    lines = ((row, block[starts[row] : ends[row]]) for row in maybe.tolist())
    return [row for row, line in lines if not line or line.isspace()]


@cache
def _spaced() -> Any:
    """Searches for a key with white space before its colon."""
    import re2

    return re2.compile(rb'"[ \t\r\n]+:').search
