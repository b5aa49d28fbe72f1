"""Which of many hashes are in a small set of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = 16  # bits by which nearly all hashes are told that are not in the set
_REST = np.uint64(64 - _FIRST)

Places = NDArray[np.int64]


class Lookup:
    """A set of hashes, ascending, that is asked for very many."""

    def __init__(self, known: NDArray[np.uint64]) -> None:
        self._known = known
        counts = np.bincount((known >> _REST).astype(np.int64), minlength=1 << _FIRST)
        self._some = counts > 0
        self._starts = np.cumsum(counts) - counts
        self._most = int(counts.max())

    def find(self, hashes: NDArray[np.uint64]) -> tuple[Places, Places]:
        """The places of those that are in the set, ascending, and the place in the set of each."""
        first = (hashes >> _REST).astype(np.int64)
        places = np.flatnonzero(self._some.take(first))
        sought = hashes[places]
        known = self._starts.take(first[places])
        found = self._known.take(known) == sought
        for _ in range(1, self._most):  # those with the same first bits stand one after another
            others = np.flatnonzero(~found)
            known[others] = np.minimum(known[others] + 1, len(self._known) - 1)
            found[others] = self._known.take(known[others]) == sought[others]
        return places[found], known[found]
