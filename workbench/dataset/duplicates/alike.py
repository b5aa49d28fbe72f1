"""How alike two texts really are: the shingles they have in common, counted for many pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.shingles import distinct, shingles
from workbench.dataset.duplicates.signatures import Plan

NEAR = 0.8
"""Share of shingles in common from which two texts are near copies, as usual in deduplication (Lee et al., 2022)."""
_JOINED, _LEAKED = 0.3, 0.1
"""Shares of the doubtful scaffolding that another file, or a part of this one, may tell otherwise: a split keeps
together what might be near copies there, a leak is only what surely would be."""
_KEPT = 1 << 25  # shingles that are kept for rows to come, four bytes each
CUT = 500  # texts cut at once: their arrays stay in the processor's cache

Counts = NDArray[np.int64]
Numbers = NDArray[np.int64]
TextsOf = Callable[[Sequence[int]], list[str]]
"""The texts of rows, by their numbers."""


@dataclass(frozen=True, slots=True)
class Alike:
    """For each pair the shingles of both texts and those in common; one column for each class of scaffolding."""

    left: Counts
    right: Counts
    common: Counts

    def plain(self) -> NDArray[np.float64]:
        """The share in common of all shingles (Jaccard)."""
        return _share(self.common.sum(1), self._different(4))

    def told(self) -> NDArray[np.float64]:
        """The share in common of those that are not scaffolding, or of all where both texts are nothing else."""
        bare = (self.left[:, :2].sum(1) == 0) & (self.right[:, :2].sum(1) == 0)
        return np.where(bare, self.plain(), _share(self.common[:, :2].sum(1), self._different(2)))

    def perhaps(self, threshold: float = NEAR) -> NDArray[np.bool_]:
        """Whether they are near copies, or would be if some of the doubtful scaffolding were told otherwise."""
        different = self.left + self.right - 2 * self.common
        common = self.common[:, 0] + self.common[:, 1] + _JOINED * self.common[:, 2]
        swayed = _share(common, different[:, 0] + (1 - _JOINED) * different[:, 1])
        return (self.told() >= threshold) | (swayed >= threshold)

    def surely(self, threshold: float = NEAR) -> NDArray[np.bool_]:
        """Whether they are near copies, and would be if some of the doubtful scaffolding were told otherwise."""
        different = self.left + self.right - 2 * self.common
        common = self.common[:, 0] + (1 - _LEAKED) * self.common[:, 1]
        swayed = _share(common, different[:, 0] + different[:, 1] + _LEAKED * different[:, 2])
        return (self.told() >= threshold) & (swayed >= threshold)

    def _different(self, classes: int) -> Counts:
        different: Counts = (self.left + self.right - 2 * self.common)[:, :classes].sum(1)
        return different


def _share(common: NDArray[Any], different: NDArray[Any]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = common / np.maximum(common + different, 1)
    return share


@dataclass(frozen=True, slots=True)
class Sets:
    """The different shingles of several texts as small numbers: those of text n are from `starts[n]` to the next."""

    numbers: NDArray[np.int32]
    starts: Numbers
    weights: NDArray[np.int64]
    """By small number: what it adds to two sums of two counts each, one for each class of scaffolding."""
    sizes: Counts
    """By text and class."""

    @classmethod
    def of(cls, texts: Sequence[str], plan: Plan) -> Sets:
        """Cut and number."""
        return Cuts(lambda rows: [texts[row] for row in rows], plan).sets(range(len(texts)))

    @classmethod
    def numbered(cls, packed: NDArray[np.uint32], sizes: Counts) -> Sets:
        """Of texts that are cut: their shingles one after another, and how many by text and class."""
        numbers, known = numbered(packed)
        weights = np.array([[1, 1 << 32, 0, 0], [0, 0, 1, 1 << 32]], np.int64)[:, known & np.uint32(3)]
        return cls(numbers, np.concatenate([[0], np.cumsum(sizes.sum(1))]), weights, sizes)

    def compare(self, left: Numbers, right: Numbers) -> Alike:
        """Pairs of texts by their places, `left` ascending; no text is empty."""
        marks = np.zeros_like(self.weights)
        sums = np.zeros((2, len(left)), np.int64)
        bounds = [0, *(np.flatnonzero(np.diff(left)) + 1).tolist(), len(left)] if len(left) else []
        starts = self.starts.tolist()
        for begin, end in pairwise(bounds):
            text = int(left[begin])
            own = self.numbers[starts[text] : starts[text + 1]]
            marks[:, own] = self.weights[:, own]
            others = right[begin:end]
            every = np.concatenate([self.numbers[starts[other] : starts[other + 1]] for other in others.tolist()])
            lengths = self.starts[others + 1] - self.starts[others]
            sums[:, begin:end] = np.add.reduceat(marks[:, every], np.cumsum(lengths) - lengths, axis=1)
            marks[:, own] = 0
        low, high = sums & 0xFFFFFFFF, sums >> 32
        common = np.stack([low[0], high[0], low[1], high[1]], axis=1)
        return Alike(self.sizes[left], self.sizes[right], common)


class Cuts:
    """The shingles of rows: cut when they are asked for, and the latest kept, as rows are compared with many others."""

    def __init__(self, texts_of: TextsOf, plan: Plan) -> None:
        self._texts_of = texts_of
        self._plan = plan
        self._kept: dict[int, tuple[NDArray[np.uint32], Counts]] = {}
        self._size = 0

    def sets(self, rows: Sequence[int]) -> Sets:
        """Of some rows, in their order."""
        missing = [row for row in rows if row not in self._kept]
        for at in range(0, len(missing), CUT):
            part = missing[at : at + CUT]
            packed, sizes = _cut(self._texts_of(part), self._plan)
            self._size += len(packed)
            each = np.split(packed, np.cumsum(sizes.sum(1))[:-1])
            self._kept.update(zip(part, zip(map(np.copy, each), sizes, strict=True), strict=True))
        chosen = [self._kept[row] for row in rows]
        while self._size > _KEPT:
            self._size -= len(self._kept.pop(next(iter(self._kept)))[0])
        return Sets.numbered(np.concatenate([one for one, _ in chosen]), np.stack([sizes for _, sizes in chosen]))


def _cut(texts: Sequence[str], plan: Plan) -> tuple[NDArray[np.uint32], Counts]:
    """The different shingles of each text, and how many by class.

    Of a shingle's hash 30 bits are kept, which two shingles of two texts share once in 100,000 pairs of texts, and the
    class in the lowest two.
    """
    every = shingles(texts, plan.kind)
    owners = np.repeat(np.arange(len(texts), dtype=np.uint64), np.diff(every.offsets))
    kept = (every.hashes >> np.uint64(34)) << np.uint64(2) | plan.scaffolding.classes(every.hashes).astype(np.uint64)
    different = distinct(owners << np.uint64(32) | kept)
    packed = different.astype(np.uint32)
    cells = (different >> np.uint64(30)).astype(np.int64) & ~3 | (packed & np.uint32(3)).astype(np.int64)
    return packed, np.bincount(cells, minlength=4 * len(texts)).reshape(-1, 4)


def numbered(values: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """A number from 0 for each different value, and the value of each number."""
    ordered = (values.astype(np.uint64) << np.uint64(32)) | np.arange(len(values), dtype=np.uint64)
    ordered.sort()
    places = ordered.astype(np.uint32)
    ordered >>= np.uint64(32)
    fresh = np.ones(len(values), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    numbers = np.empty(len(values), np.int32)
    numbers[places] = np.cumsum(fresh, dtype=np.int32) - 1
    return numbers, ordered[fresh].astype(np.uint32)


def worth(sizes: Counts, left: Numbers, right: Numbers, threshold: float) -> NDArray[np.bool_]:
    """Whether the sizes of two texts allow them to be near copies, with scaffolding or without."""
    possible = np.zeros(len(left), np.bool_)
    for counted in (sizes.sum(1), sizes[:, :2].sum(1)):
        one, other = counted[left], counted[right]
        possible |= np.minimum(one, other) >= threshold * np.maximum(one, other)
    return possible
