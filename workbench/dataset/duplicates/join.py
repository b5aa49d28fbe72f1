"""From signatures to copies: rows that meet are compared for real, and those alike are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.alike import NEAR, Alike, Cuts, Numbers, TextsOf, worth
from workbench.dataset.duplicates.meet import across, within
from workbench.dataset.duplicates.shingles import Hashes, distinct
from workbench.dataset.duplicates.signatures import Plan, Signatures

_PENDING = 500_000  # pairs after which those found so far are compared: what is put together needs no more
_BATCH = 30_000  # rows whose shingles are numbered at once


class Union:
    """Rows put together: each belongs to the group of its first row."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count, dtype=np.int64)

    def join(self, left: Numbers, right: Numbers) -> None:
        """Put together the groups of each pair of rows."""
        while True:
            roots = self.roots()
            one, other = roots[left], roots[right]
            apart = one != other
            if not apart.any():
                return
            left, right = left[apart], right[apart]
            one, other = one[apart], other[apart]
            np.minimum.at(self._parent, np.maximum(one, other), np.minimum(one, other))

    def join_equal(self, hashes: Hashes) -> None:
        """Put together all rows with the same number; 0 is none."""
        rows = np.flatnonzero(hashes)
        _, first, inverse = np.unique(hashes[rows], return_index=True, return_inverse=True)
        self.join(rows, rows[first[inverse]])

    def roots(self) -> Numbers:
        """The first row of each row's group."""
        parent = self._parent
        while True:
            upper = parent[parent]
            if np.array_equal(upper, parent):
                return parent.copy()
            parent[:] = upper


def runs(values: NDArray[np.uint64], rows: Numbers) -> Iterator[Numbers]:
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
    similarities: NDArray[np.float64]
    """By row: its similarity to the row it is most like; 1 where it was not compared."""


def join_near(
    signed: Signatures,
    plan: Plan,
    texts_of: TextsOf,
    union: Union | None = None,
    *,
    lenient: bool = False,
    stopped: Callable[[], None] = lambda: None,
) -> Joined:
    """Put together the rows whose texts are equal or near copies, in `union` if it is given.

    `lenient` also puts together what would be near copies in a part of the file. `stopped` may raise.
    """
    union = Union(len(signed)) if union is None else union
    union.join_equal(signed.texts)
    found = np.zeros(len(signed), np.float64)
    # Of rows with equal texts one is compared.
    _, firsts = np.unique(signed.texts, return_index=True)
    rows = np.sort(firsts[signed.texts[firsts] != 0]).astype(np.int64)
    cuts = Cuts(texts_of, plan)
    for left, right in _once(within(signed.keys, rows), union, stopped):
        for part_left, part_right, alike in _compared(left, right, cuts):
            similar = alike.perhaps() if lenient else alike.told() >= NEAR
            one, other, told = part_left[similar], part_right[similar], alike.told()[similar]
            union.join(one, other)
            np.maximum.at(found, one, told)
            np.maximum.at(found, other, told)
    return Joined(union, np.where(found > 0, found, 1.0))


def _once(
    pairs: Iterator[tuple[Numbers, Numbers]], union: Union, stopped: Callable[[], None]
) -> Iterator[tuple[Numbers, Numbers]]:
    """Each pair of rows that are not in one group once, `left` ascending, many pairs at a time."""
    seen = np.zeros(0, np.int64)
    waiting: list[Numbers] = []
    size = 0
    roots = union.roots()
    for left, right in pairs:
        stopped()
        apart = roots[left] != roots[right]
        waiting.append(distinct((left[apart] << 32) | right[apart]))
        size += len(waiting[-1])
        if size < _PENDING:
            continue
        fresh = _fresh(waiting, seen)
        waiting, size = [fresh], len(fresh)
        if size >= _PENDING:
            yield fresh >> 32, fresh & 0xFFFFFFFF
            seen = distinct(np.concatenate([seen, fresh]))
            waiting, size, roots = [], 0, union.roots()
    if waiting:
        fresh = _fresh(waiting, seen)
        yield fresh >> 32, fresh & 0xFFFFFFFF


def _fresh(waiting: Sequence[Numbers], seen: Numbers) -> Numbers:
    fresh: Numbers = distinct(np.concatenate(waiting))
    if len(seen):
        fresh = fresh[seen[np.minimum(np.searchsorted(seen, fresh), len(seen) - 1)] != fresh]
    return fresh


def _compared(
    left: Numbers, right: Numbers, cuts: Cuts, threshold: float = NEAR
) -> Iterator[tuple[Numbers, Numbers, Alike]]:
    """Pairs of rows and how alike they are, without those whose sizes tell enough; all pairs of a left one together."""
    left, right = _clustered(left, right)
    at = 0
    while at < len(left):
        take = min(len(left) - at, _PENDING)
        while True:
            part = slice(at, at + take)
            rows = distinct(np.concatenate([left[part], right[part]]))
            if len(rows) <= _BATCH or take <= _BATCH // 2:
                break
            take //= 2
        sets = cuts.sets(rows.tolist())
        one, other = np.searchsorted(rows, left[part]), np.searchsorted(rows, right[part])
        kept = worth(sets.sizes, one, other, threshold)
        yield left[part][kept], right[part][kept], sets.compare(one[kept], other[kept])
        at += take


def _clustered(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    """The same pairs, with those together that hang together: so each text is needed for one batch, or for few."""
    rows = distinct(np.concatenate([left, right]))
    one, other = np.searchsorted(rows, left), np.searchsorted(rows, right)
    union = Union(len(rows))
    union.join(one, other)
    order = np.lexsort((left, union.roots()[one]))
    return left[order], right[order]


@dataclass(frozen=True, slots=True)
class Match:
    """A row that has a copy on another side."""

    row: int
    other: int
    similarity: float
    equal: bool = False
    """Whether both texts are the same once normalised."""
    sure: bool = True
    """Whether it does not depend on what exactly is taken for scaffolding."""


@dataclass(frozen=True, slots=True)
class Side:
    """The signatures of one of two sets of rows, and their texts."""

    signed: Signatures
    texts_of: TextsOf

    def firsts(self) -> dict[int, int]:
        """By text (its hash): the first row that has it."""
        first: dict[int, int] = {}
        for row, text in enumerate(self.signed.texts.tolist()):
            if text:
                first.setdefault(text, row)
        return first


def match_near(
    mine: Side,
    theirs: Side,
    plan: Plan,
    threshold: float = NEAR,
    *,
    sure: bool = False,
    stopped: Callable[[], None] = lambda: None,
) -> list[Match]:
    """For each of my rows the one of theirs that is most like it, if any is like it at all; equal texts first.

    `sure` takes for near copies only what a split would keep together. `stopped` may raise.
    """
    first = theirs.firsts()
    found = {
        row: Match(row, first[text], 1.0, True)
        for row, text in enumerate(mine.signed.texts.tolist())
        if text and text in first
    }
    rows = np.array([row for row in np.flatnonzero(mine.signed.texts).tolist() if row not in found], np.int64)
    for match in near_across(mine, theirs, plan, rows, threshold, stopped=stopped):
        known = found.get(match.row)
        if (match.sure or not sure) and (known is None or match.similarity > known.similarity):
            found[match.row] = match
    return [found[row] for row in sorted(found)]


def near_across(
    mine: Side,
    theirs: Side,
    plan: Plan,
    rows: Numbers,
    threshold: float = NEAR,
    *,
    stopped: Callable[[], None] = lambda: None,
) -> Iterator[Match]:
    """Every pair of near copies of one of my `rows` and one of theirs; of theirs with equal texts the first."""
    others = np.array(sorted(theirs.firsts().values()), np.int64)
    count = len(mine.signed)

    def texts_of(numbers: Sequence[int]) -> list[str]:
        """Of both sides, theirs numbered after mine."""
        own = [number for number in numbers if number < count]
        return mine.texts_of(own) + theirs.texts_of([number - count for number in numbers[len(own) :]])

    cuts = Cuts(texts_of, plan)
    meeting = across(mine.signed.keys, rows, theirs.signed.keys, others)
    pairs = ((left, right + count) for left, right in meeting)
    for left, right in _once(pairs, Union(count + len(theirs.signed)), stopped):
        for part_left, part_right, alike in _compared(left, right, cuts, threshold):
            told = alike.told()
            similar = told >= threshold
            columns = (part_left, part_right - count, told, np.zeros(len(told), np.bool_), alike.surely())
            yield from map(Match, *(column[similar].tolist() for column in columns))
