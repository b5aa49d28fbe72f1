"""Where the rows of a JSON Lines file are."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import BinaryIO

_PROGRESS_EVERY = 50_000  # lines between two calls of `progress`: about 20 ms of reading


class LineIndex:
    """Row starts of a JSON Lines file, eight bytes a row; blank lines are no rows but count as lines."""

    def __init__(self, starts: array[int], blanks: array[int], end: int) -> None:
        self._starts = starts
        self._blanks = blanks
        self._end = end

    @classmethod
    def scan(cls, file: BinaryIO, start: int, progress: Callable[[int], None] | None = None) -> LineIndex:
        """Read `file` from byte `start` to its end; `progress` gets the bytes read so far.

        Iterating over the lines is as fast here as searching newlines with numpy, and needs no import.
        """
        starts, blanks = array("q"), array("q")
        offset = start
        file.seek(start)
        for number, line in enumerate(file):
            if line.isspace():
                blanks.append(len(starts))
            else:
                starts.append(offset)
            offset += len(line)
            if progress is not None and number % _PROGRESS_EVERY == 0:
                progress(offset)
        return cls(starts, blanks, offset)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def blank_lines(self) -> int:
        """How many lines hold nothing."""
        return len(self._blanks)

    def blank_line_numbers(self) -> list[int]:
        """Line numbers, from 1, of the lines that hold nothing."""
        return [rows_before + blanks_before + 1 for blanks_before, rows_before in enumerate(self._blanks)]

    def place(self, row: int) -> tuple[int, int]:
        """Line and column, from 1, where a row starts."""
        return row + 1 + bisect_right(self._blanks, row), 1

    def extent(self, row: int) -> tuple[int, int]:
        """First byte of the row, and of the next one: its line end and blank lines behind it are inside."""
        return self._starts[row], self._starts[row + 1] if row + 1 < len(self._starts) else self._end

    def content(self, chunk: bytes) -> bytes:
        """The row itself out of the bytes of its extent."""
        return chunk.split(b"\n", 1)[0].removesuffix(b"\r")
