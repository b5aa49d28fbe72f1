"""Texts cut into overlapping pieces and hashed, many texts at once: what similarity is counted on.

The hashes are the same in every process and on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.characters import IDEOGRAPH, LETTER, SPACE, Characters, characters, folded, kinds

Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

Number = TypeVar("Number", np.uint64, np.int64)
Kind = Literal["words", "characters"]
WORDS = 3
"""Words in one shingle of a record."""
CHARACTERS = 5
"""Characters in one shingle of a prompt, which may be a few words."""

_PRIME = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Shingles:
    """The shingles of several texts: those of text n are `hashes[offsets[n]:offsets[n + 1]]`, in their order."""

    hashes: Hashes
    offsets: Offsets
    keys: Hashes
    """One number a text, the same for texts that are the same once normalised; 0 where nothing is left of it."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, number: int) -> Hashes:
        """The different shingles of one text, sorted."""
        return distinct(self.hashes[self.offsets[number] : self.offsets[number + 1]])

    def without(self, places: Offsets) -> Shingles:
        """Less those at some places (ascending), but a text of which nothing would be left keeps all."""
        if not len(places):
            return self
        counts = np.diff(self.offsets)
        left = counts - np.diff(np.searchsorted(places, self.offsets))
        kept = np.ones(len(self.hashes), np.bool_)
        kept[places] = False
        bare = left == 0
        if bare.any():
            kept |= np.repeat(bare, counts)
            left = np.where(bare, counts, left)
        return Shingles(self.hashes[kept], _starts(left), self.keys)


def shingles(texts: Sequence[str], kind: Kind) -> Shingles:
    """Cut texts into shingles of three words or five characters; a shorter text is one shingle."""
    every = characters(texts)
    return _of_words(every) if kind == "words" else _of_characters(every)


def distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Each value once, ascending (NumPy's own does it by a table, which takes several times as long)."""
    ordered = np.sort(values)
    kept = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return ordered[kept]


def _of_words(every: Characters) -> Shingles:
    """Shingles of words; each ideograph is a word."""
    # A line end stands behind each text: no word goes beyond, and the last one ends.
    letters = np.concatenate([np.zeros(1, np.bool_), every.kinds == LETTER])
    edges = np.flatnonzero(letters[1:] != letters[:-1])
    first, last = edges[::2], edges[1::2]
    ideographs = np.flatnonzero(every.kinds == IDEOGRAPH)
    if len(ideographs):
        first = _merged(first, ideographs)
        last = _merged(last, ideographs + 1)
    words = _mix(_Sums(every.by(_letters())).of(first, last))
    lasts = np.searchsorted(first, every.ends)
    return _windows(words, _before(lasts), lasts, WORDS)


def _merged(one: Offsets, other: Offsets) -> Offsets:
    """Two ascending arrays as one: a merge sort finds the runs, NumPy's usual sort takes ten times as long."""
    return np.sort(np.concatenate([one, other]), kind="stable")


def _of_characters(every: Characters) -> Shingles:
    """Shingles of characters; runs of white space count as one space, none stands at a text's ends."""
    letters = every.kinds != SPACE
    kept = letters.copy()
    kept[1:] |= letters[:-1]  # a space counts where a letter stood before...
    ends = np.cumsum(np.add.reduceat(kept, _before(every.ends), dtype=np.int64)) if len(every.ends) else every.ends
    starts = _before(ends)
    # ... and one follows in the same text; the last of a text, which may be its line end, never does.
    return _windows(every.by(_mixed())[kept], starts, ends - (ends > starts), CHARACTERS)


def _windows(items: Hashes, firsts: Offsets, lasts: Offsets, width: int) -> Shingles:
    """Each `width` items of a text in a row; all items of a text that has fewer."""
    counts = lasts - firsts
    sums = _Sums(items)
    keys = np.where(counts > 0, np.maximum(_mix(sums.of(firsts, lasts)), np.uint64(1)), np.uint64(0))
    many = np.where(counts > 0, np.maximum(counts - width + 1, 1), 0)
    offsets = _starts(many)
    windows = sums.each(width)
    short = np.flatnonzero((counts > 0) & (counts < width))
    windows[firsts[short]] = sums.of(firsts[short], lasts[short])
    places = np.arange(offsets[-1]) + np.repeat(firsts - offsets[:-1], many)
    return Shingles(_mix(windows[places]), offsets, keys)


class _Sums:
    """Of any stretch of values a hash: a polynomial, by differences of its running sum."""

    def __init__(self, values: Hashes) -> None:
        """The values are used up."""
        powers, self._inverses = _powers(len(values) + 1)
        self._running = np.zeros(len(values) + 1, np.uint64)
        values *= powers[1:]
        np.cumsum(values, out=self._running[1:])

    def of(self, firsts: Offsets, lasts: Offsets) -> Hashes:
        """One hash a stretch."""
        sums: Hashes = (self._running[lasts] - self._running[firsts]) * self._inverses[firsts]
        return sums

    def each(self, width: int) -> Hashes:
        """The hashes of the stretches of one width from each value on; what is behind the last is not told."""
        sums = np.zeros(len(self._running) - 1, np.uint64)
        many = max(0, len(sums) - width + 1)
        np.subtract(self._running[width:], self._running[:many], out=sums[:many])
        sums[:many] *= self._inverses[:many]
        return sums


def _mix(values: Hashes) -> Hashes:
    """Every bit of the result depends on every bit of the value (the finaliser of splitmix64)."""
    mixed = values >> np.uint64(30)
    mixed ^= values
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    shifted = mixed >> np.uint64(27)
    mixed ^= shifted
    mixed *= np.uint64(0x94D049BB133111EB)
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted
    return mixed


@cache
def _letters() -> Hashes:
    """What stands for each character in the hash of a word."""
    return folded() + np.uint64(1)


@cache
def _mixed() -> Hashes:
    """What stands for each character in the hash of some: a space for all that is one."""
    return _mix(np.where(kinds() == SPACE, np.uint64(ord(" ")), folded()) + np.uint64(1))


_known: list[tuple[Hashes, Hashes]] = []


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """The first powers of an odd number modulo 2**64, and their inverses; kept, for all calls need the same."""
    if not _known or len(_known[0][0]) < count:
        size = max(count, 1 << 16)
        _known[:] = [(_geometric(_PRIME, size), _geometric(pow(_PRIME, -1, 1 << 64), size))]
    powers, inverses = _known[0]
    return powers[:count], inverses[:count]


def _geometric(base: int, size: int) -> Hashes:
    steps: Any = np.full(size, base, np.uint64)
    steps[0] = 1
    return np.multiply.accumulate(steps, dtype=np.uint64)


def _before(ends: Offsets) -> Offsets:
    """Where each begins that begins where the one before it ends."""
    return np.concatenate([np.zeros(1, np.int64), ends])[:-1]


def _starts(counts: Offsets) -> Offsets:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
