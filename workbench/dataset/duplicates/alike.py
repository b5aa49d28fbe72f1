"""How alike two texts really are: the shingles they have in common, counted for many pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.shingles import shingles
from workbench.dataset.duplicates.signatures import Plan

NEAR = 0.8
"""Share of shingles in common from which two texts are near copies, as usual in deduplication (Lee et al., 2022)."""
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

    def in_a_whole(self, threshold: float = NEAR) -> NDArray[np.bool_]:
        """Whether they are near copies in the whole file, of which these may be a part only.

        Either all their shingles are alike too, or it does not depend on what exactly is taken for scaffolding.
        """
        sure = _share(self.common[:, 0], self._different(3))
        return (self.told() >= threshold) & ((self.plain() >= threshold) | (sure >= threshold))

    def in_a_part(self, threshold: float = NEAR) -> NDArray[np.bool_]:
        """Whether they are near copies here, or would be by `in_a_whole` in a part of the file."""
        bare = (self.left[:, 0] == 0) & (self.right[:, 0] == 0)
        perhaps = _share(self.common[:, :3].sum(1), self._different(1))
        lenient = (self.plain() >= threshold) & (bare | (perhaps >= threshold))
        return (self.told() >= threshold) | lenient

    def _different(self, classes: int) -> Counts:
        return (self.left + self.right - 2 * self.common)[:, :classes].sum(1)


def _share(common: Counts, different: Counts) -> NDArray[np.float64]:
    return common / np.maximum(common + different, 1)


@dataclass(frozen=True, slots=True)
class Sets:
    """The different shingles of several texts, as small numbers: those of text n from `starts[n]` to `starts[n + 1]`."""

    numbers: NDArray[np.int64]
    starts: Counts
    classes: NDArray[np.int64]
    """By small number: how surely it is scaffolding, from 0 to 3."""
    sizes: Counts
    """By text and class."""

    @classmethod
    def of(cls, texts: Sequence[str], plan: Plan) -> Sets:
        """Cut and number."""
        parts = [shingles(texts[at : at + CUT], plan.kind) for at in range(0, len(texts), CUT)]
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        known, numbers = np.unique(np.concatenate([part.hashes for part in parts]), return_inverse=True)
        owners = np.repeat(np.arange(len(texts), dtype=np.int64), counts)
        different = np.unique((owners << 32) | numbers)
        owners, numbers = different >> 32, different & 0xFFFFFFFF
        classes = plan.scaffolding.classes(known)
        sizes = np.bincount(owners * 4 + classes[numbers], minlength=4 * len(texts)).reshape(-1, 4)
        starts = np.searchsorted(owners, np.arange(len(texts) + 1))
        return cls(numbers, starts, classes, sizes)

    def compare(self, left: Numbers, right: Numbers) -> Alike:
        """Pairs of texts by their places, `left` ascending; no text is empty."""
        # Two counts in one number: what a class adds to the low or the high half of the one or the other sum.
        weights = np.array([[1, 1 << 32, 0, 0], [0, 0, 1, 1 << 32]], np.int64)[:, self.classes]
        marks = np.zeros_like(weights)
        sums = np.zeros((2, len(left)), np.int64)
        bounds = [0, *(np.flatnonzero(np.diff(left)) + 1).tolist(), len(left)] if len(left) else []
        starts = self.starts.tolist()
        for begin, end in zip(bounds, bounds[1:], strict=False):
            text = int(left[begin])
            own = self.numbers[starts[text] : starts[text + 1]]
            marks[:, own] = weights[:, own]
            others = right[begin:end].tolist()
            every = np.concatenate([self.numbers[starts[other] : starts[other + 1]] for other in others])
            lengths = self.starts[right[begin:end] + 1] - self.starts[right[begin:end]]
            sums[:, begin:end] = np.add.reduceat(marks[:, every], np.cumsum(lengths) - lengths, axis=1)
            marks[:, own] = 0
        low, high = sums & 0xFFFFFFFF, sums >> 32
        common = np.stack([low[0], high[0], low[1], high[1]], axis=1)
        return Alike(self.sizes[left], self.sizes[right], common)


def worth(sizes: Counts, left: Numbers, right: Numbers, threshold: float) -> NDArray[np.bool_]:
    """Whether the sizes of two texts allow them to be near copies, with scaffolding or without."""
    possible = np.zeros(len(left), np.bool_)
    for counted in (sizes.sum(1), sizes[:, :2].sum(1)):
        one, other = counted[left], counted[right]
        possible |= np.minimum(one, other) >= threshold * np.maximum(one, other)
    return possible
