"""Texts cut into overlapping pieces and hashed, many texts at once: what similarity is counted on.

Texts are compared as `evaluate.text.normalise` sees them: NFKC, case folded, punctuation and symbols as spaces. The
hashes are the same in every process and on every machine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

Number = TypeVar("Number", np.uint64, np.int64)
Kind = Literal["words", "characters"]
WORDS = 3
"""Words in one shingle of a record."""
CHARACTERS = 5
"""Characters in one shingle of a prompt, which may be a few words."""

_SPACE, _LETTER, _IDEOGRAPH, _UNSTABLE = 0, 1, 2, 3
_PRIME = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Shingles:
    """The shingles of several texts: those of text n are `hashes[offsets[n]:offsets[n + 1]]`, in their order."""

    hashes: Hashes
    offsets: Offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, number: int) -> Hashes:
        """The different shingles of one text, sorted."""
        return distinct(self.hashes[self.offsets[number] : self.offsets[number + 1]])

    def without(self, scaffolding: Hashes) -> Shingles:
        """Less the scaffolding; a text that is nothing else keeps it."""
        if not len(scaffolding) or not len(self.hashes):
            return self
        place = np.minimum(np.searchsorted(scaffolding, self.hashes), len(scaffolding) - 1)
        kept = scaffolding[place] != self.hashes
        counts = _counts(kept, self.offsets)
        bare = np.repeat((counts == 0), np.diff(self.offsets))
        kept |= bare
        return Shingles(self.hashes[kept], _starts(_counts(kept, self.offsets)))

    def keys(self) -> Hashes:
        """One number a text, the same for texts that are the same once normalised; 0 where nothing is left of it."""
        place = np.arange(len(self.hashes), dtype=np.int64) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        mixed = _mix(self.hashes * (2 * place + 1).astype(np.uint64))
        totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
        sums = totals[self.offsets[1:]] - totals[self.offsets[:-1]]
        return np.where(np.diff(self.offsets) > 0, np.maximum(_mix(sums), np.uint64(1)), np.uint64(0))


def shingles(texts: Sequence[str], kind: Kind) -> Shingles:
    """Cut texts into shingles of three words or five characters; a shorter text is one shingle."""
    folded = [text.lower() if text.isascii() else text.casefold() for text in texts]
    codes, ends = _codes(folded)
    classes = _classes()[np.minimum(codes, 0xFFFF)]
    unstable = np.flatnonzero((classes == _UNSTABLE) | _rare(codes))
    if len(unstable):
        # Asking each text whether it is normalised takes longer than all else; few have a character that is not.
        for number in np.unique(np.searchsorted(ends, unstable, side="right")).tolist():
            whole = unicodedata.normalize("NFKC", texts[number]).casefold()
            folded[number] = unicodedata.normalize("NFKC", whole)
        codes, ends = _codes(folded)
        classes = _stable_classes()[np.minimum(codes, 0xFFFF)]
    return _of_words(codes, classes, ends) if kind == "words" else _of_characters(codes, classes, ends)


def distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Each value once, ascending (NumPy's own does it by a table, which takes several times as long)."""
    ordered = np.sort(values)
    kept = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return ordered[kept]


def _codes(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Offsets]:
    """The characters of texts with a line end behind each, and where each text ends."""
    joined = "\n".join(texts) + "\n"
    ends = np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32), ends


_RARE = ((0x11000, 0x12000), (0x1D100, 0x1D800), (0x1EE00, 0x1F000), (0x1F100, 0x1F260), (0x2F800, 0x2FA20))
"""Beyond the basic plane: blocks with characters that normalisation changes or joins (letters of formulas, flags)."""


def _rare(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    found = np.zeros(len(codes), np.bool_)
    beyond = np.flatnonzero(codes > 0xFFFF)
    if len(beyond):
        there = codes[beyond]
        found[beyond] = np.logical_or.reduce([(first <= there) & (there < last) for first, last in _RARE])
    return found


@cache
def _classes() -> NDArray[np.uint8]:
    """As `_stable_classes`, with a class of its own for characters that normalisation may change or join.

    Punctuation that becomes other punctuation is not among them.
    """
    table = _stable_classes().copy()
    for code in range(0x80, 0xFFFF):
        char = chr(code)
        if unicodedata.combining(char):
            table[code] = _UNSTABLE
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            table[int(parts[1], 16)] = _UNSTABLE  # it may join with the character before it
        if parts:
            normal = unicodedata.normalize("NFKC", char)
            spaces = table[code] == _SPACE and all(_stable_classes()[min(ord(one), 0xFFFF)] == _SPACE for one in normal)
            if normal != char and not spaces:
                table[code] = _UNSTABLE
    table[0x1100:0x1200] = _UNSTABLE  # the parts of Korean syllables
    return table


@cache
def _stable_classes() -> NDArray[np.uint8]:
    """For each character of the basic plane: space (punctuation and symbols too), letter, ideograph or kana.

    What lies beyond is emoji and rare scripts: the last entry, space.
    """
    table = np.zeros(0x10000, np.uint8)
    for code in range(0xFFFF):
        if unicodedata.category(chr(code))[0] not in "PSZC":
            table[code] = _LETTER
    for first, last in ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)):
        block = table[first : last + 1]
        block[block == _LETTER] = _IDEOGRAPH
    return table


def _of_words(codes: NDArray[np.uint32], classes: NDArray[np.uint8], ends: Offsets) -> Shingles:
    """Shingles of words; each ideograph is a word."""
    before = np.concatenate([np.zeros(1, np.uint8), classes[:-1]])
    begins = (classes == _IDEOGRAPH) | ((classes == _LETTER) & (before != _LETTER))
    after = np.concatenate([classes[1:], np.zeros(1, np.uint8)])
    stops = (classes == _IDEOGRAPH) | ((classes == _LETTER) & (after != _LETTER))
    first, last = np.flatnonzero(begins), np.flatnonzero(stops) + 1
    words = _hash_spans(codes, first, last)
    return _windows(words, _starts(np.diff(np.searchsorted(first, ends), prepend=0)), WORDS)


def _of_characters(codes: NDArray[np.uint32], classes: NDArray[np.uint8], ends: Offsets) -> Shingles:
    """Shingles of characters; runs of white space count as one space, none stands at a text's ends."""
    letters = classes != _SPACE
    before = np.concatenate([np.zeros(1, np.bool_), letters[:-1]])
    # A space counts where a letter stood before and one follows in the same text; the end of a text never does.
    following = np.flatnonzero(letters)
    spaces = np.flatnonzero(~letters & before)
    upcoming = np.searchsorted(following, spaces)
    inside = upcoming < len(following)
    spaces = spaces[inside]
    text_of_space = np.searchsorted(ends, spaces, side="right")
    text_of_next = np.searchsorted(ends, following[upcoming[inside]], side="right")
    kept = letters
    kept[spaces[text_of_space == text_of_next]] = True
    values = np.where(classes != _SPACE, codes, np.uint32(32))[kept].astype(np.uint64)
    counts = np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[np.concatenate([[0], ends])])
    return _windows(_mix(values + np.uint64(1)), _starts(counts), CHARACTERS)


def _hash_spans(codes: NDArray[np.uint32], first: Offsets, last: Offsets) -> Hashes:
    """A hash of the characters of each span: a polynomial, by differences of its running sum."""
    powers, inverses = _powers(len(codes))
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum((codes + np.uint64(1)) * powers, dtype=np.uint64)])
    return _mix((running[last] - running[first]) * inverses[first])


def _windows(items: Hashes, offsets: Offsets, width: int) -> Shingles:
    """Each `width` items of a text in a row; all items of a text that has fewer."""
    counts = np.diff(offsets)
    if not len(items):
        return Shingles(np.zeros(0, np.uint64), np.zeros(len(counts) + 1, np.int64))
    padded = np.concatenate([items, np.zeros(width - 1, np.uint64)])
    left = np.repeat(offsets[1:], counts) - np.arange(len(items))  # items from here to the end of the text
    total = np.zeros(len(items), np.uint64)
    for step in range(width):
        factor = np.uint64(pow(_PRIME, step + 1, 1 << 64))
        total += np.where(left > step, padded[step : step + len(items)], np.uint64(0)) * factor
    starts_text = np.zeros(len(items), np.bool_)
    starts_text[offsets[:-1][counts > 0]] = True
    kept = (left >= width) | starts_text
    return Shingles(_mix(total[kept]), _starts(np.where(counts > 0, np.maximum(counts - width + 1, 1), 0)))


def _mix(values: Hashes) -> Hashes:
    """Every bit of the result depends on every bit of the value (the finaliser of splitmix64)."""
    mixed = values ^ (values >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed = mixed * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


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


def _counts(kept: NDArray[np.bool_], offsets: Offsets) -> Offsets:
    """How many are kept of each text."""
    return np.diff(np.concatenate([np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)])[offsets])


def _starts(counts: Offsets) -> Offsets:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
