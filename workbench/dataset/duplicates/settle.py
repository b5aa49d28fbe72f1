"""Groups for a split after which the search for leaks finds none.

What most records share is told from the records there are: of two sides it is not exactly what it is of the whole file,
and two questions that are not near copies among all may be among fewer. `groups` leaves room for that, which is enough
where there are many records. Where there are few, the split is tried, and what it has parted is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import overload

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.alike import NEAR
from workbench.dataset.duplicates.find import Progress, Source, groups, parted
from workbench.dataset.duplicates.join import Union
from workbench.dataset.rows import Rows
from workbench.errors import WorkbenchError

Sides = Sequence[Sequence[int]]
"""The rows of each side of a split."""
_FEW = 5_000  # rows: of more a side is like the whole
_ROUNDS = 12
_SOONER = 0.02  # by which less is enough to be put together, each time the split is tried again: it comes to an end


def settled(
    rows: Source,
    split: Callable[[NDArray[np.int32]], Sides],
    *,
    workers: int = 2,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.int32]:
    """Numbers as `groups` gives, with groups put together until `split` parts nothing that `leaked` would find.

    Where so few groups would be left that `split` raises WorkbenchError, the last with which it did not are given: of a
    handful of records in one form those on two sides look alike. Raises what the first `split` raises.
    """
    numbers = groups(rows, workers=workers, progress=progress, cancelled=cancelled)
    sides = split(numbers)
    for tries in range(_ROUNDS if len(rows) <= _FEW else 0):
        union = Union(len(rows))
        union.join_equal((numbers + 1).astype(np.uint64))
        leaks = False
        for one, other in combinations(sides, 2):
            mine, theirs = (Chosen(rows, side) for side in sorted((one, other), key=len))
            enough = NEAR - _SOONER * tries
            found = list(parted(mine, theirs, enough, workers=workers, cancelled=cancelled))
            leaks = leaks or any(match.sure and match.similarity >= NEAR for match in found)
            left = np.array([mine.numbers[match.row] for match in found], np.int64)
            union.join(left, np.array([theirs.numbers[match.other] for match in found], np.int64))
        if not leaks:
            break
        _, joined = np.unique(union.roots(), return_inverse=True)
        try:
            sides = split(joined.astype(np.int32))
        except WorkbenchError:
            break
        numbers = joined.astype(np.int32)
    return numbers


class Chosen(Sequence[bytes]):
    """Some rows of a source, read when they are asked for."""

    def __init__(self, rows: Source, numbers: Sequence[int]) -> None:
        self._rows = rows
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return Chosen(self._rows, self.numbers[index])
        number = self.numbers[index]
        return self._rows.raw(number) if isinstance(self._rows, Rows) else self._rows[number]
