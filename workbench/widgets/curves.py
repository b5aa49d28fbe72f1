"""A series as arrays, made once and grown by what is new: what lets a chart of 100,000 points move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from workbench.widgets.plot import Canvas, Point, Scale

if TYPE_CHECKING:
    import numpy as np


Part: TypeAlias = "tuple[np.ndarray, np.ndarray]"
"""x and y of points that lie side by side."""


@runtime_checkable
class Columnar(Protocol):
    """Points that are kept as arrays."""

    def arrays(self) -> Part:
        """x and y."""


@dataclass(frozen=True, slots=True)
class Span:
    """All points that fall into one column of dots."""

    column: int
    first: float
    low: float
    high: float
    last: float
    """NaN, all four, where no point is a finite number: a gap."""


class Curve:
    """One series of a chart."""

    def __init__(self) -> None:
        import numpy as np

        self._shown: Sequence[Point] | None = None
        """What was handed over last, itself: a cursor that moves hands over the same again."""
        self._weight = 0.0
        self._x: np.ndarray = np.empty(0)
        self._y: np.ndarray = np.empty(0)
        """As they were handed over."""
        self._smooth: np.ndarray = np.empty(0)
        self._mean, self._seen = 0.0, 0

    def show(self, points: Sequence[Point], weight: float) -> None:
        """Take over these points, in the order of their x; `weight` of the moving average from 0 to below 1."""
        import numpy as np

        if points is self._shown and weight == self._weight:
            return
        x, y = arrays_of(points)
        known = len(self._x)
        as_before = np.array_equal(x[:known], self._x) and np.array_equal(y[:known], self._y, equal_nan=True)
        if weight != self._weight or not as_before:
            known, self._mean, self._seen = 0, 0.0, 0
        new = np.where(np.isfinite(y[known:]), y[known:], np.nan)
        smooth = self._smoothed(new, weight) if weight else new
        self._smooth = np.concatenate((self._smooth[:known], smooth))
        self._shown, self._x, self._y, self._weight = points, x, y, weight

    def _smoothed(self, y: np.ndarray, weight: float) -> np.ndarray:
        """The moving average, unbiased at its start; a gap stays a gap."""
        import numpy as np

        mean, seen, found = self._mean, self._seen, []
        for value in y.tolist():
            if value == value:
                mean, seen = weight * mean + (1 - weight) * value, seen + 1
                value = mean / (1 - weight**seen) if seen < 5000 else mean
            found.append(value)
        self._mean, self._seen = mean, seen
        return np.array(found, float)

    def within(self, low: float, high: float, *, log: bool) -> Part:
        """x and y from `low` to `high`, with the point before and behind, so that lines reach the edge."""
        import numpy as np

        start = max(0, int(np.searchsorted(self._x, low, "left")) - 1)
        end = int(np.searchsorted(self._x, high, "right")) + 1
        y = self._smooth[start:end]
        if log:
            y = np.log10(np.where(y > 0, y, np.nan))
        return self._x[start:end], y


def arrays_of(points: Sequence[Point]) -> Part:
    """x and y of points: their own where they have such, for a hundred thousand make a long list."""
    import numpy as np

    if isinstance(points, Columnar):
        x, y = points.arrays()
        return x.astype(float), y
    both = np.array(points, float).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def spans(x: np.ndarray, y: np.ndarray, across: Scale, columns: int) -> list[Span]:
    """The points by columns of dots; those outside of the scale lie in the outermost column."""
    import numpy as np

    if not len(x):
        return []
    share = (x - across.low) / (across.high - across.low)
    column = np.clip(np.rint(share * (columns - 1)), 0, columns - 1).astype(int)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column)) + 1))
    lows, highs = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    ends = np.concatenate((starts[1:], [len(x)]))
    found = []
    for at, start, end, low, high in zip(
        column[starts].tolist(), starts.tolist(), ends.tolist(), lows.tolist(), highs.tolist(), strict=True
    ):
        first, last = float(y[start]), float(y[end - 1])
        if not (math.isfinite(first) and math.isfinite(last)) and math.isfinite(low):
            finite = y[start:end][np.isfinite(y[start:end])]
            first, last = float(finite[0]), float(finite[-1])
        found.append(Span(at, first, low, high, last))
    return found


def draw_spans(canvas: Canvas, found: Sequence[Span], up: Scale) -> None:
    """Each column from its lowest to its highest value, joined to the one before; a gap where there is none."""
    rows = canvas.height * 4
    before: tuple[int, int] | None = None
    for span in found:
        if not math.isfinite(span.low):
            before = None
            continue
        if before is not None:
            canvas.line(*before, span.column, up.place(span.first, rows))
        canvas.line(span.column, up.place(span.low, rows), span.column, up.place(span.high, rows))
        before = (span.column, up.place(span.last, rows))
