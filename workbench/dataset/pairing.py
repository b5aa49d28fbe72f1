"""Which record of one version became which of another, where they are not the same byte for byte.

Records are read when they are looked at and not kept, so that a bulk edit of a million costs time but no memory.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

from workbench.dataset.digest import digest_raw
from workbench.dataset.rows import DecodeError, decode

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

How = Literal["origin", "place", "spelling", "id", "alike"]

ALIKE = 0.5
"""Share of words that two records have in common from which on one is taken for a change of the other."""
_IN_PLACE = 0.25
"""The same for a record in the very place of another: all records of a format share the words of its keys."""
_NEARLY = 0.8
"""Share of a record that is untouched before and behind what changed, from which on words need not be looked at."""
_CLEARLY = 0.8
"""The same for pairs that come before any other."""
_ABOUT = 4  # records on either side of where one should be that are looked at; a longer run is left to what is alike
_MOST_ALIKE = 20_000
"""Records that are left on a side above which nobody compares each with all: they count as removed and added."""
_COMMON = 50  # records in which a word stands from which on it says nothing about which is which
_IDS = ("id", "_id", "uuid", "guid", "record_id", "conversation_id", "example_id")


class Side(Protocol):
    """One version: `Rows` is one."""

    def __len__(self) -> int: ...

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes of every record in order."""

    def raw(self, index: int, /) -> bytes:
        """The bytes of the record at a place, from 0."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A record that changed: its place in both versions, from 0."""

    old: int
    new: int
    how: How
    """What says that it is the same record: `spelling` means that only spacing or the order of keys differs."""


class Loose:
    """The records of one version that have no equal in the other."""

    def __init__(self, side: Side, places: NDArray[int64], gaps: NDArray[int64]) -> None:
        self.side = side
        self.places: list[int] = places.tolist()
        self.gaps: list[int] = gaps.tolist()
        """For each, how many shared records stand before it."""
        self.left = dict.fromkeys(range(len(self.places)))
        """Those that are not paired yet, in order."""
        self.words: Callable[[int], frozenset[bytes]] = lru_cache(maxsize=64)(self._words)

    def raw(self, number: int) -> bytes:
        """The bytes of one, by its number among the loose."""
        return self.side.raw(self.places[number])

    def _words(self, number: int) -> frozenset[bytes]:
        return frozenset(_WORD.findall(self.raw(number).lower()))

    def by_gap(self) -> dict[int, list[int]]:
        """Those that are left, by gap."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number in self.left:
            found[self.gaps[number]].append(number)
        return found


_WORD = re.compile(rb"[\w\x80-\xff]+")


def pair_up(old: Loose, new: Loose) -> tuple[list[Pair], tuple[int, ...], tuple[int, ...]]:
    """Pairs, and the places of what is left in the old version and in the new one."""
    pairs: list[Pair] = []
    ways: tuple[tuple[How, Callable[[Loose, Loose], Iterator[tuple[int, int]]]], ...] = (
        ("place", _nearly_in_place),
        ("spelling", lambda a, b: _by_key(a, b, digest_raw)),
        ("id", lambda a, b: _by_key(a, b, _id)),
        ("place", _in_place),
        ("alike", _by_likeness),
    )
    for how, way in ways:
        if not old.left or not new.left:
            break
        for a, b in list(way(old, new)):
            del old.left[a], new.left[b]
            pairs.append(Pair(old.places[a], new.places[b], how))
    return pairs, tuple(old.places[number] for number in old.left), tuple(new.places[number] for number in new.left)


def _nearly_in_place(old: Loose, new: Loose) -> Iterator[tuple[int, int]]:
    """Those in the same place between the same neighbours that are the same but for one stretch: most edits."""
    there = new.by_gap()
    for gap, numbers in old.by_gap().items():
        candidates = there.get(gap, [])
        if len(candidates) == len(numbers):
            for a, b in zip(numbers, candidates, strict=True):
                if _untouched_share(old.raw(a), new.raw(b)) >= _NEARLY:
                    yield a, b


def _untouched_share(a: bytes, b: bytes) -> float:
    """How much of the longer one stands in both before and behind what differs."""
    shorter = min(len(a), len(b))
    head = _longest(shorter, lambda size: a[:size] == b[:size])
    tail = _longest(shorter - head, lambda size: a[len(a) - size :] == b[len(b) - size :])
    return (head + tail) / max(len(a), len(b), 1)


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest size up to `most` that fits, if every smaller one does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _by_key(old: Loose, new: Loose, key: Callable[[bytes], object]) -> Iterator[tuple[int, int]]:
    """Those with the same key, in order; None is no key."""
    waiting: defaultdict[object, list[int]] = defaultdict(list)
    for number in reversed(new.left):
        waiting[key(new.raw(number))].append(number)
    for number in old.left:
        wanted = key(old.raw(number))
        if wanted is not None and waiting.get(wanted):
            yield number, waiting[wanted].pop()


def _id(raw: bytes) -> object:
    """The record's own id, if it has one."""
    if b'id"' not in raw:
        return None
    try:
        value = decode(raw)
    except DecodeError:
        return None
    if not isinstance(value, dict):
        return None
    return next((f"{key}={value[key]}" for key in _IDS if isinstance(value.get(key), (str, int))), None)


def _likeness(old: Loose, a: int, new: Loose, b: int) -> float:
    """The share of words in common (Jaccard)."""
    mine, theirs = old.words(a), new.words(b)
    return len(mine & theirs) / len(mine | theirs) if mine or theirs else 0.0


def _in_place(old: Loose, new: Loose) -> Iterator[tuple[int, int]]:
    """Those between the same neighbours.

    As many on both sides: one became the other, unless they have nothing in common. Else the most alike of the few
    about where it should be, the clear cases first.
    """
    there = new.by_gap()
    for gap, numbers in old.by_gap().items():
        candidates = there.get(gap, [])
        if len(candidates) == len(numbers):
            for a, b in zip(numbers, candidates, strict=True):
                if _likeness(old, a, new, b) >= _IN_PLACE:
                    yield a, b
            continue
        waiting = list(range(len(numbers)))
        taken = [False] * len(candidates)
        for least in (_CLEARLY, ALIKE):
            shift, unmatched = 0, []
            for place in waiting:
                about = range(max(0, place + shift - _ABOUT), min(len(candidates), place + shift + _ABOUT + 1))
                scored = [
                    (_likeness(old, numbers[place], new, candidates[at]), -abs(at - place - shift), at)
                    for at in about
                    if not taken[at]
                ]
                likeness, _, at = max(scored, default=(0.0, 0, 0))
                if likeness < least:
                    unmatched.append(place)
                    continue
                taken[at], shift = True, at - place
                yield numbers[place], candidates[at]
            waiting = unmatched


def _by_likeness(old: Loose, new: Loose) -> Iterator[tuple[int, int]]:
    """The most alike first, found by the words that few records have."""
    if max(len(old.left), len(new.left)) > _MOST_ALIKE:
        return
    ours, theirs = ({number: side.words(number) for number in side.left} for side in (old, new))
    holders: defaultdict[bytes, list[int]] = defaultdict(list)
    for number, words in theirs.items():
        for word in words:
            holders[word].append(number)
    scored: list[tuple[float, int, int]] = []
    for a, words in ours.items():
        for b in _candidates(words, holders):
            likeness = len(words & theirs[b]) / len(words | theirs[b])
            if likeness >= ALIKE:
                scored.append((-likeness, a, b))
    used_old: set[int] = set()
    used_new: set[int] = set()
    for _, a, b in sorted(scored):
        if a not in used_old and b not in used_new:
            used_old.add(a)
            used_new.add(b)
            yield a, b


def _candidates(
    words: frozenset[bytes], holders: dict[bytes, Sequence[int]] | defaultdict[bytes, list[int]]
) -> list[int]:
    """The few records that share the most rare words."""
    shared: Counter[int] = Counter()
    for word in words:
        having = holders.get(word, ())
        if len(having) <= _COMMON:
            shared.update(having)
    return [number for number, _ in shared.most_common(5)]
