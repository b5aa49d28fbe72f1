"""A series over steps in little memory: sixteen bytes a point, for a training may report for weeks."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np

Point = tuple[int, float]
"""A step, and what it reported."""


class Points(Sequence[Point]):
    """A series as it is at a moment, by step; what it gains later is not in it."""

    __slots__ = ("_count", "_steps", "_values")

    def __init__(self, steps: array[int], values: array[float], count: int) -> None:
        self._steps, self._values, self._count = steps, values, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> list[Point]: ...
    def __getitem__(self, index: int | slice) -> Point | list[Point]:
        if isinstance(index, slice):
            some = slice(*index.indices(self._count)) if (index.step or 1) > 0 else None
            return list(self)[index] if some is None else list(zip(self._steps[some], self._values[some], strict=True))
        if not -self._count <= index < self._count:
            raise IndexError(index)
        at = index % self._count
        return self._steps[at], self._values[at]

    def __iter__(self) -> Iterator[Point]:
        return islice(zip(self._steps, self._values, strict=False), self._count)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        if len(self) != len(other):  # as nearly always when a chart asks whether there is anything new
            return False
        same = isinstance(other, Points) and self._steps is other._steps and self._values is other._values
        return same or list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def __repr__(self) -> str:
        return repr(list(self))

    def arrays(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Steps (i8) and values (f8), copied."""
        import numpy as np

        # Of a copy: an array whose memory is lent cannot grow, and what follows the job adds to it in another thread.
        steps, values = self._steps[: self._count], self._values[: self._count]
        return np.asarray(steps, np.int64), np.asarray(values, np.float64)


class GrowingPoints:
    """A series that grows, nearly always at its end. A step that is told twice keeps its last value."""

    __slots__ = ("_lent", "steps", "values")

    def __init__(self) -> None:
        self.steps, self.values = array("q"), array("d")
        self._lent = False

    def put(self, step: int, value: float) -> None:
        """The value of a step."""
        steps = self.steps
        if not steps or steps[-1] < step:
            steps.append(step)
            self.values.append(value)
            return
        if self._lent:  # whoever has it looks at what is about to change
            self.steps, self.values, self._lent = steps[:], self.values[:], False
        at = bisect_left(self.steps, step)
        if self.steps[at] == step:
            self.values[at] = value
        else:
            self.steps.insert(at, step)
            self.values.insert(at, value)

    def points(self) -> Points:
        """The series as it is now; costs nothing."""
        self._lent = True
        return Points(self.steps, self.values, len(self.steps))
