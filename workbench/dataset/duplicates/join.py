"""From signatures to copies: rows that share a key are compared for real, and those alike are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.shingles import Hashes, jaccard
from workbench.dataset.duplicates.signatures import Plan, Signatures, cut

NEAR = 0.8
"""Share of shingles in common from which two texts are near copies, as usual in deduplication (Lee et al., 2022)."""
_LEADERS = 8  # different texts that a newcomer under one key is compared with
_BATCH = 20_000  # rows whose texts are held at once

Numbers = NDArray[np.int64]
TextsOf = Callable[[Sequence[int]], list[str]]
"""The texts of rows, by their numbers."""


class Union:
    """Rows put together: each belongs to the group of its first row."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count, dtype=np.int64)

    def find(self, row: int) -> int:
        """The first row of a row's group."""
        parent = self._parent
        root = row
        while parent[root] != root:
            root = int(parent[root])
        while parent[row] != root:
            parent[row], row = root, int(parent[row])
        return root

    def join(self, one: int, other: int) -> None:
        """Put two rows' groups together."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first

    def join_equal(self, hashes: Hashes) -> None:
        """Put together all rows with the same number; 0 is none."""
        for run in runs(hashes, np.flatnonzero(hashes)):
            for row in run[1:].tolist():
                self.join(int(run[0]), row)

    def roots(self) -> Numbers:
        """The first row of each row's group."""
        parent = self._parent
        while True:
            upper = parent[parent]
            if np.array_equal(upper, parent):
                return parent.copy()
            parent[:] = upper


def runs(values: NDArray[np.uint64] | NDArray[np.uint32], rows: Numbers) -> Iterator[Numbers]:
    """The rows that share a value with another, each run in the rows' order."""
    chosen = values[rows]
    order = np.argsort(chosen, kind="stable")
    ordered = chosen[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(same):
        return
    breaks = np.flatnonzero(np.diff(same) > 1)
    firsts = same[np.concatenate([[0], breaks + 1])]
    lasts = same[np.concatenate([breaks, [len(same) - 1]])] + 2
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        yield rows[order[first:last]]


@dataclass(frozen=True, slots=True)
class Joined:
    """Rows put together, and how alike those were that were put together by comparison."""

    union: Union
    similarities: dict[int, float]
    """By row: its similarity to the row it was put to."""


def join_near(signed: Signatures, plan: Plan, texts_of: TextsOf) -> Joined:
    """Put together the rows whose texts are equal or have at least `NEAR` of their shingles in common."""
    union = Union(len(signed))
    union.join_equal(signed.texts)
    similarities: dict[int, float] = {}
    # Of rows with equal texts one is compared.
    rows = np.flatnonzero((signed.texts != 0) & (union.roots() == np.arange(len(signed))))
    refused: set[tuple[int, int]] = set()
    for band in range(plan.bands):
        for batch in _batches(_open(runs(signed.keys[:, band], rows), union)):
            sets = _sets([row for run in batch for row in run], plan, texts_of)
            for run in batch:
                _join_run(run, union, sets, refused, similarities)
    return Joined(union, similarities)


def _open(every: Iterable[Numbers], union: Union) -> Iterator[list[int]]:
    """The runs that are not one group already."""
    for run in every:
        rows = run.tolist()
        if len({union.find(row) for row in rows}) > 1:
            yield rows


def _batches(every: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    batch: list[list[int]] = []
    size = 0
    for run in every:
        while run:  # a run longer than a batch is cut: its parts meet again under other keys
            part, run = run[:_BATCH], run[_BATCH:]
            batch.append(part)
            size += len(part)
            if size >= _BATCH:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _sets(rows: Sequence[int], plan: Plan, texts_of: TextsOf) -> dict[int, Hashes]:
    wanted = sorted(set(rows))
    found: dict[int, Hashes] = {}
    for at in range(0, len(wanted), 500):
        part = wanted[at : at + 500]
        pieces = cut(texts_of(part), plan)
        found |= {row: pieces.of(number) for number, row in enumerate(part)}
    return found


def _join_run(
    run: Sequence[int],
    union: Union,
    sets: dict[int, Hashes],
    refused: set[tuple[int, int]],
    similarities: dict[int, float],
) -> None:
    leaders: list[int] = []
    for row in run:
        for leader in leaders:
            if union.find(leader) == union.find(row):
                break
            if (leader, row) in refused:
                continue
            similarity = jaccard(sets[leader], sets[row])
            if similarity >= NEAR:
                union.join(leader, row)
                similarities[row] = similarity
                break
            refused.add((leader, row))
        else:
            if len(leaders) < _LEADERS:
                leaders.append(row)


@dataclass(frozen=True, slots=True)
class Match:
    """A row that has a copy on another side."""

    row: int
    other: int
    similarity: float
    equal: bool = False
    """Whether both texts are the same once normalised."""


def match_near(
    mine: Signatures, theirs: Signatures, plan: Plan, my_texts: TextsOf, their_texts: TextsOf, threshold: float = NEAR
) -> list[Match]:
    """For each of my rows the one of theirs that is most like it, if any is like it at all; equal texts first."""
    first: dict[int, int] = {}
    for row, text in enumerate(theirs.texts.tolist()):
        if text:
            first.setdefault(text, row)
    found = {
        row: Match(row, first[text], 1.0, True)
        for row, text in enumerate(mine.texts.tolist())
        if text and text in first
    }
    pairs = _candidates(mine, theirs, plan.bands, found)
    for at in range(0, len(pairs), _BATCH):
        part = pairs[at : at + _BATCH]
        left = _sets([row for row, _ in part], plan, my_texts)
        right = _sets([row for _, row in part], plan, their_texts)
        for row, other in part:
            similarity = jaccard(left[row], right[other])
            known = found.get(row)
            if similarity >= threshold and (known is None or similarity > known.similarity):
                found[row] = Match(row, other, similarity)
    return [found[row] for row in sorted(found)]


def _candidates(mine: Signatures, theirs: Signatures, bands: int, found: dict[int, Match]) -> list[tuple[int, int]]:
    """Pairs that share a key in some band, few of one row in each band."""
    pairs: set[tuple[int, int]] = set()
    rows = np.array([row for row in np.flatnonzero(mine.texts).tolist() if row not in found], np.int64)
    others = np.flatnonzero(theirs.texts)
    for band in range(bands if len(rows) and len(others) else 0):
        keys = theirs.keys[others, band]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        low = np.searchsorted(ordered, mine.keys[rows, band], side="left")
        high = np.searchsorted(ordered, mine.keys[rows, band], side="right")
        for number in np.flatnonzero(high > low).tolist():
            row = int(rows[number])
            last = min(int(high[number]), int(low[number]) + _LEADERS)
            pairs.update((row, int(others[order[place]])) for place in range(int(low[number]), last))
    return sorted(pairs)
