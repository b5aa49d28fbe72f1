"""Scales, ticks and a braille canvas: what charts are drawn with."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

MARKS = ("", "●", "×", "▲")
"""How the first, second, ... series is drawn; the first is a braille line."""
_FINER = (3, 4)
"""Parts of a range, tried until two round values lie in it: a round step is two parts at most, half of four."""
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Unicode's braille bits by column and row of the 2×4 cell."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values that is shown, and the round values that are written beside it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, cells: int) -> int:
        """The row or column of `cells` at which a value lies, from the low end; values outside are clamped."""
        share = (value - self.low) / (self.high - self.low)
        return max(0, min(cells - 1, round(share * (cells - 1))))


def scale_for(values: Iterable[float], most_ticks: int) -> Scale:
    """A scale from the smallest to the largest finite value, with two to `most_ticks` round values in it; 0 to 1 where
    there is no value."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low <= abs(high) * 1e-9:
        room = abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
    ticks: tuple[float, ...] = ()
    for parts in (max(1, most_ticks), *_FINER):
        ticks = _multiples(_round_step((high - low) / parts), low, high)
        if len(ticks) >= 2:
            break
    return Scale(low, high, ticks)


def log_scale_for(low: float, high: float, most_ticks: int) -> Scale:
    """A scale of logarithms from `low` to `high`, both above 0: powers of ten, or round values where it spans few."""
    if high <= low:
        low, high = low / 1.1, high * 1.1
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 1:
        every = max(1, math.ceil((last - first + 1) / max(1, most_ticks)))
        ticks = tuple(float(power) for power in range(first, last + 1, every))
    else:
        ticks = tuple(math.log10(tick) for tick in scale_for([low, high], most_ticks).ticks if tick > 0)
    return Scale(math.log10(low), math.log10(high), ticks)


def _multiples(step: float, low: float, high: float) -> tuple[float, ...]:
    """The multiples of `step` from `low` to `high`."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def _round_step(rough: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels with as many decimals as tell neighbours apart."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if largest >= 1e5 or 0 < largest < 1e-3:
        return [f"{tick:.1e}" for tick in ticks]
    gap = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    decimals = max(0, -math.floor(math.log10(gap) + 1e-9))
    if decimals < 6 and not math.isclose(round(gap, decimals), gap, rel_tol=1e-6):
        decimals += 1
    return [f"{tick:.{decimals}f}" for tick in ticks]


class Canvas:
    """A grid of braille cells that lines are drawn on."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._cells = [[0] * width for _ in range(height)]

    def dot(self, x: int, y: int) -> None:
        """Set one dot; x from the left in half cells, y from the bottom in quarter cells."""
        row, quarter = divmod(self.height * 4 - 1 - y, 4)
        column, half = divmod(x, 2)
        if 0 <= row < self.height and 0 <= column < self.width:
            self._cells[row][column] |= _DOTS[half][quarter]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Set the dots of a straight line."""
        length = max(abs(x1 - x0), abs(y1 - y0))
        for index in range(length + 1):
            share = index / length if length else 0.0
            self.dot(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share))

    def bits(self, row: int) -> list[int]:
        """The dots of one row's cells."""
        return self._cells[row]

    def text(self, row: int) -> str:
        """One row of cells, blanks where nothing is drawn."""
        return "".join(chr(0x2800 + bits) if bits else " " for bits in self._cells[row])


def draw_line(canvas: Canvas, points: Sequence[Point], across: Scale, up: Scale) -> None:
    """Draw points in order of their steps as one line, with a gap where a value is not finite.

    Each column of dots is drawn once, from its lowest to its highest value: 100,000 points cost little more than 100.
    """
    columns, rows = canvas.width * 2, canvas.height * 4
    before: tuple[int, int] | None = None
    start = 0
    while start < len(points):
        x = across.place(points[start][0], columns)
        end = start + 1
        if len(points) > columns:
            end = max(end, bisect_left(points, True, start, key=lambda point: across.place(point[0], columns) > x))
        values = [point[1] for point in points[start:end] if math.isfinite(point[1])]
        start = end
        if not values:
            before = None
            continue
        first, last = up.place(values[0], rows), up.place(values[-1], rows)
        if before is not None:
            canvas.line(*before, x, first)
        canvas.line(x, up.place(min(values), rows), x, up.place(max(values), rows))
        before = (x, last)
