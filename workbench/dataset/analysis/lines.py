"""The rows in the bytes of one part of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartRows:
    """Rows without their line ends, and where they stand in the part; lines and columns from 1."""

    raws: Sequence[bytes]
    lines: Sequence[int]
    columns: Sequence[int] | None
    """None: every row begins its line."""
    line_count: int
    """Lines of the part, blank ones too."""
    blank_lines: list[int]


def split_lines(block: bytes) -> PartRows:
    """The rows in a run of whole lines, just as `rows.LineIndex` finds them: blank lines are no rows."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    count = len(lines)
    blank = [number for number, line in enumerate(lines, 1) if not line or line.isspace()]
    numbers: Sequence[int] = range(1, count + 1)
    if blank:
        without = set(blank)
        numbers = [number for number in numbers if number not in without]
        lines = [lines[number - 1] for number in numbers]
    if b"\r" in block:
        lines = [line.removesuffix(b"\r") for line in lines]
    return PartRows(lines, numbers, None, count, blank)


def split_elements(
    block: bytes, starts: Sequence[int], ends: Sequence[int], lines: Sequence[int], columns: Sequence[int]
) -> PartRows:
    """The elements of an array that lie in `block`; lines are left as they are given."""
    raws = [block[start:end] for start, end in zip(starts, ends, strict=True)]
    return PartRows(raws, lines, columns, 0, [])
