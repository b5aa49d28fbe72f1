"""Where the rows of a JSON Lines file are."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from numpy import bool_, int64, uint8
    from numpy.typing import NDArray

_PROGRESS_EVERY = 50_000  # lines between two calls of `progress`: about 20 ms of reading
_BLOCK = 1024 * 1024  # bytes searched at once: they stay in the processor's cache between reading and searching
_LOW = (1 << 32) - 1
_AT_ONCE = 1 << 16  # rows that are added at once where many are known
_SPACE = b" \t\n\r\x0b\x0c"  # what `bytes.isspace` takes for blank


class LineIndex:
    """Row starts of a JSON Lines file, four bytes a row; blank lines are no rows but count as lines.

    It may grow in one thread (`extend`) while others read the rows that are there: a row, once known, never moves.
    """

    def __init__(self, end: int) -> None:
        """One without rows: the first will start at byte `end` or later."""
        self._low = array("I")
        """The lower 32 bits of each start."""
        self._carries = array("q")
        """The first row behind each 4 GiB of the file; a longer row makes several that are equal."""
        self._blanks = array("q")
        self._end = end

    @classmethod
    def scan(cls, file: BinaryIO, start: int, progress: Callable[[int], None] | None = None) -> LineIndex:
        """Read `file` from byte `start` to its end; `progress` gets the bytes read so far.

        Iterating over the lines needs no import, so this is for the first rows of a file; `extend` is for the rest.
        """
        index = cls(start)
        offset = start
        file.seek(start)
        for number, line in enumerate(file):
            if line.isspace():
                index._blanks.append(len(index._low))
            else:
                index._add(offset)
            offset += len(line)
            if progress is not None and number % _PROGRESS_EVERY == 0:
                progress(offset)
        index._end = offset
        return index

    @classmethod
    def known(cls, starts: NDArray[int64], blanks: NDArray[int64]) -> LineIndex:
        """An index from what is known: first bytes of the rows and the file's size behind them, rows before blanks."""
        index = cls(int(starts[-1]))
        index._blanks.frombytes(blanks.tobytes())
        for at in range(0, len(starts) - 1, _AT_ONCE):
            index._add_many(starts[at : min(at + _AT_ONCE, len(starts) - 1)])
        return index

    def extend(self, fd: int, size: int, block: int = _BLOCK) -> Iterator[int]:
        """Index on to byte `size` of the open file `fd`; gives the bytes indexed so far after each block.

        Most of the time is spent in calls that let other threads run. It ends early where the file ends early.
        """
        import numpy as np

        buffer = bytearray(block)
        blank = np.zeros(256, np.bool_)
        blank[list(_SPACE)] = True
        while self._end < size:
            at = self._end
            count = os.preadv(fd, [memoryview(buffer)[: min(block, size - at)]], at)
            if not count:
                return
            view = np.frombuffer(buffer, np.uint8, count)
            ends = np.flatnonzero(view == 10) + 1
            if at + count >= size and (not len(ends) or ends[-1] != count):
                ends = np.append(ends, count)
            if len(ends):
                self._take(at, view, ends, blank)
            else:
                self._take_long(fd, at, size, block)
            yield self._end

    def _take(self, at: int, view: NDArray[uint8], ends: NDArray[int64], blank: NDArray[bool_]) -> None:
        """Add the lines that end at `ends` in a block that stands at byte `at`."""
        import numpy as np

        firsts = np.concatenate(([0], ends[:-1]))
        empty = _blank_lines(view, firsts, ends, blank)
        # A reader in another thread may look at any moment: the end first, the rows, which make it visible, last.
        self._end = at + int(ends[-1])
        if len(empty):
            self._blanks.frombytes((len(self._low) + empty - np.arange(len(empty))).astype(np.int64).tobytes())
            firsts = np.delete(firsts, empty)
        self._add_many(firsts + at)

    def _take_long(self, fd: int, at: int, size: int, block: int) -> None:
        """Add the one line that stands at byte `at` and is longer than a block."""
        end, blank = at, True
        while end < size:
            part = os.pread(fd, min(block, size - end), end)
            newline = part.find(b"\n")
            part = part if newline < 0 else part[: newline + 1]
            blank = blank and part.isspace()
            end += len(part)
            if newline >= 0 or not part:
                break
        self._end = end
        if blank:
            self._blanks.append(len(self._low))
        else:
            self._add(at)

    def _add(self, start: int) -> None:
        """Add a row that starts at this byte."""
        self._carry(start >> 32, len(self._low))
        self._low.append(start & _LOW)

    def _add_many(self, starts: NDArray[int64]) -> None:
        """Add rows that start at these (rising) bytes."""
        import numpy as np

        if not len(starts):
            return
        for high in range(len(self._carries) + 1, (int(starts[-1]) >> 32) + 1):
            self._carry(high, len(self._low) + int(np.searchsorted(starts, high << 32)))
        self._low.frombytes((starts & _LOW).astype(np.uint32).tobytes())

    def _carry(self, high: int, row: int) -> None:
        """Note that `row` and those behind it start behind so many times 4 GiB: before the row becomes visible."""
        while len(self._carries) < high:
            self._carries.append(row)

    def _start(self, row: int) -> int:
        return bisect_right(self._carries, row) << 32 | self._low[row]

    def __len__(self) -> int:
        return len(self._low)

    @property
    def end(self) -> int:
        """The byte up to which the file is indexed."""
        return self._end

    def starts(self) -> NDArray[int64]:
        """First byte of every row that is known by now: a copy, eight bytes a row."""
        import numpy as np

        low = self._low[:]  # first: the carries of these rows are there already
        starts = np.frombuffer(low, np.uint32).astype(np.int64)
        for row in self._carries[:]:
            starts[row:] += _LOW + 1
        return starts

    @property
    def blank_lines(self) -> int:
        """How many lines hold nothing."""
        return len(self._blanks)

    def blanks(self) -> NDArray[int64]:
        """How many rows stand before each line that holds nothing: a copy."""
        import numpy as np

        return np.array(self._blanks, np.int64)

    def blank_line_numbers(self) -> list[int]:
        """Line numbers, from 1, of the lines that hold nothing."""
        return [rows_before + blanks_before + 1 for blanks_before, rows_before in enumerate(self._blanks)]

    def place(self, row: int) -> tuple[int, int]:
        """Line and column, from 1, where a row starts."""
        return row + 1 + bisect_right(self._blanks, row), 1

    def extent(self, row: int) -> tuple[int, int]:
        """First byte of the row, and of the next one: its line end and blank lines behind it are inside."""
        return self._start(row), self._start(row + 1) if row + 1 < len(self._low) else self._end

    def content(self, chunk: bytes) -> bytes:
        """The row itself out of the bytes of its extent."""
        return chunk.split(b"\n", 1)[0].removesuffix(b"\r")


def _blank_lines(
    view: NDArray[uint8], firsts: NDArray[int64], ends: NDArray[int64], blank: NDArray[bool_]
) -> NDArray[int64]:
    """Which of these lines are blank, by their number in the block.

    Few lines begin with white space in most files, and where all do (a pretty-printed array), few end with it.
    """
    import numpy as np

    maybe = np.flatnonzero(blank[view[firsts]])
    if not len(maybe):
        return maybe
    for back in (1, 2, 3):
        maybe = maybe[blank[view[np.maximum(ends[maybe] - back, firsts[maybe])]]]
    certain = ends[maybe] - firsts[maybe] <= 4  # its first and its last three bytes were looked at
    for number in np.flatnonzero(~certain):
        line = maybe[number]
        certain[number] = view[firsts[line] : ends[line]].tobytes().isspace()
    return maybe[certain]
