"""The order of a document's rows: a list of row ids in which untouched stretches cost nothing."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    Ids = Sequence[int] | NDArray[int64]

_FEW = 64  # ids up to which a change is made in place; above, the list is made anew with numpy
_CHUNK = 256  # ids of a chunk that was touched; it is split at twice that
_RUNS = 65_536  # stretches that are plain Python numbers at once
_STRETCH = 64  # consecutive ids from which on a stretch is kept as a range

Chunk = range | array  # type: ignore[type-arg]


class Pieces:
    """Row ids in order; ranges where they are consecutive, arrays of eight bytes an id where they are not.

    Reading and changing a place cost about the same in a list of ten and of ten million.
    """

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self._chunks: list[Chunk] = [chunk for chunk in chunks if len(chunk)]
        self._ends: list[int] = []
        self._shared: set[int] = set()

    def __len__(self) -> int:
        return self._sums()[-1] if self._chunks else 0

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._chunks)

    def _sums(self) -> list[int]:
        """How many ids there are up to the end of each chunk."""
        known = len(self._ends)
        if known < len(self._chunks):
            before = self._ends[-1] if known else 0
            sums = accumulate(map(len, self._chunks[known:]), initial=before)
            next(sums)
            self._ends.extend(sums)
        return self._ends

    def _place(self, position: int) -> tuple[int, int]:
        """The chunk that holds a position, and where in it."""
        ends = self._sums()
        number = bisect_right(ends, position)
        return number, position - (ends[number - 1] if number else 0)

    def id_at(self, position: int) -> int:
        """The row at a position; IndexError outside."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        number, offset = self._place(position)
        row: int = self._chunks[number][offset]
        return row

    def ids(self) -> NDArray[int64]:
        """All rows in order, a copy."""
        import numpy as np

        parts = [
            np.arange(chunk.start, chunk.stop, chunk.step, dtype=np.int64)
            if isinstance(chunk, range)
            else np.frombuffer(chunk, np.int64)
            for chunk in self._chunks
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def snapshot(self) -> Pieces:
        """The list as it is now, for another thread: no id is copied until it changes here."""
        self._shared = {id(chunk) for chunk in self._chunks if isinstance(chunk, array)}
        return Pieces(self._chunks)

    def runs(self) -> Iterator[range]:
        """The rows in order as stretches of consecutive ids, rising (of the file) or falling (of the overlay)."""
        flat = self.ids()
        firsts, lengths = _stretches(flat)
        for begin in range(0, len(firsts), _RUNS):
            some = slice(begin, begin + _RUNS)
            for row, length in zip(flat[firsts[some]].tolist(), lengths[some].tolist(), strict=True):
                yield range(row, row + length) if row >= 0 else range(row, row - length, -1)

    def find(self, row: int, near: int = 0) -> int | None:
        """The position of a row, or None if it is not in the list; quick if it is not far from position `near`."""
        if not self._chunks:
            return None
        ends = self._sums()
        middle = min(bisect_right(ends, max(0, near)), len(ends) - 1)
        for number in range(max(0, middle - 8), min(len(ends), middle + 9)):
            chunk = self._chunks[number]
            if row in chunk:
                return chunk.index(row) + (ends[number - 1] if number else 0)
        for number, chunk in enumerate(self._chunks):
            if isinstance(chunk, range) and row in chunk:
                return chunk.index(row) + (ends[number - 1] if number else 0)
        import numpy as np

        found = np.flatnonzero(self.ids() == row)
        return int(found[0]) if len(found) else None

    def locate(self, rows: Ids) -> NDArray[int64]:
        """The positions of many rows, rising; those that are not in the list are left out."""
        import numpy as np

        return np.flatnonzero(np.isin(self.ids(), np.asarray(rows, np.int64)))

    # Changing -------------------------------------------------------------------------------------------------------

    def put(self, positions: Sequence[int], rows: Sequence[int]) -> None:
        """Let other rows stand at these (rising) positions."""
        if len(positions) > _FEW:
            flat = self.ids()
            flat[_array(positions)] = _array(rows)
            self.arrange(flat)
            return
        for position, row in zip(positions, rows, strict=True):
            _, chunk, offset = self._opened(position)
            chunk[offset] = row

    def take(self, positions: Sequence[int]) -> None:
        """Remove the rows at these (rising) positions."""
        if len(positions) > _FEW:
            import numpy as np

            self.arrange(np.delete(self.ids(), _array(positions)))
            return
        for position in reversed(positions):
            number, chunk, offset = self._opened(position)
            del chunk[offset]
            if not len(chunk):
                del self._chunks[number]
            del self._ends[number:]

    def give(self, positions: Sequence[int], rows: Sequence[int]) -> None:
        """Add rows so that they stand at these (rising) positions afterwards."""
        if len(positions) > _FEW:
            import numpy as np

            flat = np.empty(len(self) + len(positions), np.int64)
            added = np.zeros(len(flat), np.bool_)
            added[_array(positions)] = True
            flat[added] = _array(rows)
            flat[~added] = self.ids()
            self.arrange(flat)
            return
        for position, row in zip(positions, rows, strict=True):
            if not self._chunks:
                self._chunks.append(array("q", [row]))
                continue
            at_end = position == len(self)
            number, chunk, offset = self._opened(position - at_end)
            chunk.insert(offset + at_end, row)
            if len(chunk) > 2 * _CHUNK:
                half = len(chunk) // 2
                self._chunks[number : number + 1] = [chunk[:half], chunk[half:]]
            del self._ends[number:]

    def arrange(self, flat: NDArray[int64]) -> None:
        """Become the list of these ids."""
        self._chunks = list(_chunks_of(flat))
        self._ends = []
        self._shared = set()

    def append(self, rows: range) -> None:
        """Add rows of the file at the end."""
        if not len(rows):
            return
        last = self._chunks[-1] if self._chunks else None
        if isinstance(last, range) and last.step == 1 and last.stop == rows.start:
            self._chunks[-1] = range(last.start, rows.stop)
            del self._ends[-1:]
        else:
            self._chunks.append(rows)

    def _opened(self, position: int) -> tuple[int, array[int], int]:
        """Number, chunk and place in it of a position; the chunk is made one that can be changed."""
        number, offset = self._place(position)
        chunk = self._chunks[number]
        if isinstance(chunk, array):
            if id(chunk) in self._shared:
                chunk = self._chunks[number] = chunk[:]
            return number, chunk, offset
        low, high = max(0, offset - _CHUNK // 2), min(len(chunk), offset + _CHUNK // 2)
        low = 0 if low < _STRETCH else low
        high = len(chunk) if len(chunk) - high < _STRETCH else high
        opened = array("q", chunk[low:high])
        parts: list[Chunk] = [chunk[:low], opened, chunk[high:]]
        self._chunks[number : number + 1] = [part for part in parts if len(part)]
        del self._ends[number:]
        return number + (low > 0), opened, offset - low


def _array(values: Sequence[int]) -> NDArray[int64]:
    import numpy as np

    if isinstance(values, range):
        return np.arange(values.start, values.stop, values.step, dtype=np.int64)
    return np.asarray(values, np.int64)


def _chunks_of(flat: NDArray[int64]) -> Iterator[Chunk]:
    """Ranges for the long consecutive stretches of these ids, arrays for what lies between."""
    import numpy as np

    firsts, lengths = _stretches(flat)
    long = np.flatnonzero(lengths >= _STRETCH)
    done = 0
    for first, length in zip(firsts[long].tolist(), lengths[long].tolist(), strict=True):
        yield from _cut(flat[done:first])
        row = int(flat[first])
        yield range(row, row + length) if row >= 0 else range(row, row - length, -1)
        done = first + length
    yield from _cut(flat[done:])


def _stretches(flat: NDArray[int64]) -> tuple[NDArray[int64], NDArray[int64]]:
    """Where stretches of consecutive ids begin, and how long they are; overlay ids are consecutive when they fall."""
    import numpy as np

    steps = np.where(flat < 0, -1, 1)
    new = (np.diff(flat) != steps[:-1]) | (steps[1:] != steps[:-1])
    firsts = np.concatenate(([0], np.flatnonzero(new) + 1)) if len(flat) else np.empty(0, np.int64)
    return firsts, np.diff(np.append(firsts, len(flat)))


def _cut(flat: NDArray[int64]) -> Iterator[Chunk]:
    for first in range(0, len(flat), _CHUNK):
        chunk = array("q")
        chunk.frombytes(flat[first : first + _CHUNK].tobytes())
        yield chunk
