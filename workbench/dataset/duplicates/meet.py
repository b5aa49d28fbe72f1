"""Which rows are compared: those that share enough of their keys. It depends on the two rows alone, not on the others.

Sorting by keys finds them without looking at each pair; only where very many rows share the very same keys does each
meet its nearest neighbours only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.signatures import BANDS

Numbers = NDArray[np.int64]
Keys = NDArray[np.uint16]

_APART = 3
"""Two rows meet where they share two keys at most this far apart (the last key is next to the first), and...
"""
_SHARED = 4
"""... this many in all. Of texts with 0.8 of their shingles in common 3 in 10,000 do not, with 0.85 2 in a million; of
those with 0.5 in common one in ten does."""
WINDOW = 32  # rows with the same two keys, in their order, of which each meets each
_ORDERS = 4  # in so many orders where there are more
_SIDE = 1 << 16  # pairs whose keys are looked at at once


def within(keys: Keys, rows: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs of rows that meet, the earlier one first; a pair may come more than once."""
    columns = np.ascontiguousarray(keys[rows].T)
    for second in range(BANDS):
        by_second = _ascending(columns[second])
        for apart in range(1, _APART + 1):
            first = (second - apart) % BANDS
            places = by_second[_ascending(columns[first][by_second])]
            groups = (columns[first][places].astype(np.uint32) << np.uint32(16)) | columns[second][places]
            found, large = _neighbours(groups)
            pairs = [(places[one], places[other]) for one, other in found]
            if len(large):
                members = np.flatnonzero(np.isin(groups, groups[large]))
                pairs += _reordered(columns, places[members], groups[members], second)
            if pairs:
                one = rows[np.concatenate([pair[0] for pair in pairs])]
                other = rows[np.concatenate([pair[1] for pair in pairs])]
                left, right = np.minimum(one, other), np.maximum(one, other)
                kept = _enough(keys, keys, left, right)
                yield left[kept], right[kept]


def across(keys: Keys, rows: Numbers, other_keys: Keys, others: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs of a row of one side and one of the other that meet; a pair may come more than once."""
    for first, second in _places():
        wanted = _both(keys, rows, first, second)
        offered = _both(other_keys, others, first, second)
        order = np.argsort(offered, kind="stable")
        low = np.searchsorted(offered[order], wanted, side="left")
        high = np.searchsorted(offered[order], wanted, side="right")
        counts = np.minimum(high - low, WINDOW)
        if not (total := int(counts.sum())):
            continue
        steps = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        left, right = np.repeat(rows, counts), others[order[np.repeat(low, counts) + steps]]
        kept = _enough(keys, other_keys, left, right)
        yield left[kept], right[kept]


def _ascending(column: Keys) -> NDArray[np.intp]:
    """The places of its numbers in their order; of so short numbers NumPy's stable sort is by their bytes."""
    return np.argsort(column, kind="stable")


def _places() -> Iterator[tuple[int, int]]:
    """The pairs of keys that are looked at together."""
    return ((first, (first + apart) % BANDS) for first in range(BANDS) for apart in range(1, _APART + 1))


def _both(keys: Keys, rows: Numbers, first: int, second: int) -> NDArray[np.uint64]:
    both: NDArray[np.uint64] = (keys[rows, first].astype(np.uint64) << np.uint64(16)) | keys[rows, second]
    return both


def _neighbours(groups: NDArray[Any]) -> tuple[list[tuple[Numbers, Numbers]], Numbers]:
    """Places of one group at most a window apart, in pairs; and places in groups that are larger than that."""
    found: list[tuple[Numbers, Numbers]] = []
    places = np.flatnonzero(groups[1:] == groups[:-1])
    for apart in range(1, WINDOW + 1):
        if not len(places):
            break
        found.append((places, places + apart))
        places = places[places + apart + 1 < len(groups)]
        places = places[groups[places + apart + 1] == groups[places]]
    return found, places


def _reordered(
    columns: Keys, places: Numbers, groups: NDArray[np.uint32], second: int
) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs within large groups, by further keys: there those that are most alike are neighbours."""
    _, ranks = np.unique(groups, return_inverse=True)
    for further in range(1, _ORDERS + 1):
        order = np.lexsort((columns[(second + further) % BANDS][places], ranks))
        found, _ = _neighbours(ranks[order])
        for one, other in found:
            yield places[order[one]], places[order[other]]


def _enough(keys: Keys, other_keys: Keys, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
    """Whether the rows of each pair share enough keys."""
    kept = np.empty(len(left), np.bool_)
    for at in range(0, len(left), _SIDE):
        part = slice(at, at + _SIDE)
        kept[part] = np.count_nonzero(keys[left[part]] == other_keys[right[part]], axis=1) >= _SHARED
    return kept
