"""Where the elements of a JSON array file are."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

# Strings are skipped whole (a raw newline cannot be in one, so a forgotten quote costs one line only).
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[\[\]{},]')


@dataclass(frozen=True, slots=True)
class ElementIndex:
    """Starts and ends of the elements of one top-level JSON array; broken elements are found too."""

    starts: array[int]
    ends: array[int]
    lines: array[int]
    columns: array[int]
    """In bytes before the first character, plus 1: exact but for an element behind non-ASCII text on its line."""
    closed: bool
    """Whether the array's closing bracket is there."""
    tail: int | None
    """Byte offset of anything but white space behind the closing bracket."""

    blank_lines = 0

    @classmethod
    def scan(cls, data: bytes, start: int) -> ElementIndex:
        """Find the elements in `data`, a whole file whose first `[` is at or behind `start`."""
        bounds, closed, end = _bounds(data, data.index(b"[", start) + 1)
        rest = data[end:].lstrip() if closed else b""
        index = cls(array("q"), array("q"), array("q"), array("q"), closed, len(data) - len(rest) if rest else None)
        line, newline, seen = 1, start - 1, start
        for first, last in bounds:
            line += data.count(b"\n", seen, first)
            newline = max(newline, data.rfind(b"\n", seen, first))
            seen = first
            index.starts.append(first)
            index.ends.append(last)
            index.lines.append(line)
            index.columns.append(first - newline)
        return index

    def __len__(self) -> int:
        return len(self.starts)

    def blank_line_numbers(self) -> list[int]:
        """None: white space between elements is JSON's own."""
        return []

    def place(self, row: int) -> tuple[int, int]:
        """Line and column, from 1, where an element starts."""
        return self.lines[row], self.columns[row]

    def extent(self, row: int) -> tuple[int, int]:
        """First byte of the element, and the first one behind it."""
        return self.starts[row], self.ends[row]

    def content(self, chunk: bytes) -> bytes:
        """The element itself: all of its extent."""
        return chunk


def _bounds(data: bytes, begin: int) -> tuple[list[tuple[int, int]], bool, int]:
    """(first, last) bytes of each element from `begin`, whether the array closes, and the byte behind its end."""
    bounds: list[tuple[int, int]] = []
    depth, element = 0, begin
    for token in _TOKEN.finditer(data, begin):
        char = token.group()
        if char in (b"[", b"{"):
            depth += 1
        elif depth and char in (b"]", b"}"):
            depth -= 1
        elif char in (b",", b"]") and depth == 0:
            trimmed = _trim(data, element, token.start())
            if char == b"," or trimmed[0] < trimmed[1]:
                bounds.append(trimmed)
            if char == b"]":
                return bounds, True, token.end()
            element = token.end()
    trimmed = _trim(data, element, len(data))
    if trimmed[0] < trimmed[1]:
        bounds.append(trimmed)
    return bounds, False, len(data)


_SPACE = b" \t\r\n"


def _trim(data: bytes, first: int, last: int) -> tuple[int, int]:
    """The same span without white space at its ends."""
    while first < last and data[first] in _SPACE:
        first += 1
    while last > first and data[last - 1] in _SPACE:
        last -= 1
    return first, last
