"""What the characters of texts are once they are normalised, many texts at once.

Texts are seen as `evaluate.text.normalise` sees them: NFKC, case folded, punctuation and symbols as spaces. Nearly all
of that is told from tables, character by character; only a text with characters that join or move is normalised itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

SPACE, LETTER, IDEOGRAPH = 0, 1, 2
_KINDS = 3  # the bits of these
_UNSTABLE, _SEVERAL, _MARK = 4, 8, 16
"""What normalisation may change or join, what becomes several characters, what must stand in a certain order."""
_LAST = 0xFFFF  # of the basic plane; stands for all that lie beyond, which are emoji and rare scripts


@dataclass(frozen=True, slots=True)
class Characters:
    """The characters of several texts, with a line end behind each text."""

    codes: NDArray[np.intp]
    """As they stand in the texts: `folded` says what they are."""
    kinds: NDArray[np.uint8]
    """Space (punctuation and symbols too), letter, or ideograph and kana; beyond the basic plane all are spaces."""
    ends: Offsets

    def by(self, table: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """What a table of the basic plane has for each character; for those beyond it, its last entry."""
        return table.take(self.codes, mode="clip")


def characters(texts: Sequence[str]) -> Characters:
    """Of texts as they are; those that need it are normalised."""
    codes, ends = _codes(texts)
    traits = _traits().take(codes, mode="clip")
    odd = _odd(codes, traits)
    if len(odd):
        # Asking each text whether it is normalised takes longer than all else; few have a character that is not.
        normal = list(texts)
        joins = np.zeros(len(texts), np.bool_)
        joins[np.searchsorted(ends, odd[traits[odd] & _SEVERAL == 0], side="right")] = True
        for number in np.unique(np.searchsorted(ends, odd, side="right")).tolist():
            normal[number] = normalised(normal[number]) if joins[number] else normal[number].casefold()
        codes, ends = _codes(normal)
        traits = _traits().take(codes, mode="clip")
    return Characters(codes, traits & np.uint8(_KINDS), ends)


def normalised(text: str) -> str:
    """NFKC and case folded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@cache
def folded() -> NDArray[np.uint64]:
    """For each character of the basic plane what it is once case is folded; itself where that is several."""
    table = np.arange(_LAST + 1, dtype=np.uint64)
    for code in range(_LAST):
        fold = chr(code).casefold()
        if len(fold) == 1:
            table[code] = ord(fold)
    return table


@cache
def kinds() -> NDArray[np.uint8]:
    """For each character of the basic plane its kind once case is folded."""
    table: NDArray[np.uint8] = _traits() & np.uint8(_KINDS)
    return table


def _codes(texts: Sequence[str]) -> tuple[NDArray[np.intp], Offsets]:
    """The characters of texts with a line end behind each, and where each text ends."""
    joined = "\n".join(texts) + "\n"
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.intp), ends


def _odd(codes: NDArray[np.intp], traits: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Where a text must be normalised itself."""
    found = np.flatnonzero((traits > _KINDS) | (codes > _LAST))
    if not len(found):
        return found
    there, have = codes[found], traits[found]
    odd = have & (_UNSTABLE | _SEVERAL) != 0
    beyond = there > _LAST
    if beyond.any():
        odd |= np.logical_or.reduce([(first <= there) & (there < last) for first, last in _RARE])
    marks = np.flatnonzero(have & _MARK)
    after = marks[1:][np.diff(found[marks]) == 1]
    order = _orders()
    odd[after] |= order[there[after - 1]] > order[there[after]]
    places: NDArray[np.intp] = found[odd]
    return places


_RARE = (
    (0x11000, 0x12000),
    (0x1D100, 0x1D800),
    (0x1EE00, 0x1F000),
    (0x1F100, 0x1F1E6),
    (0x1F200, 0x1F260),
    (0x2F800, 0x2FA20),
)
"""Beyond the basic plane: blocks with characters that normalisation changes or joins (letters of formulas, flags)."""


@cache
def _orders() -> NDArray[np.uint8]:
    """For each character of the basic plane its place among the marks upon a letter (0: it is none)."""
    return np.fromiter((unicodedata.combining(chr(code)) for code in range(_LAST + 1)), np.uint8, _LAST + 1)


@cache
def _traits() -> NDArray[np.uint8]:
    """For each character of the basic plane its kind and how it may change.

    Normalisation leaves a text alone that has none it may change or join, and whose marks are in order (Unicode
    Standard Annex 15, section 9). Punctuation that becomes other punctuation is not taken for changed.
    """
    plain, order = _plain_kinds(), _orders()
    unstable = np.zeros(_LAST + 1, np.bool_)
    unstable[0x1100:0x1200] = True  # the parts of Korean syllables
    for code in range(0x80, _LAST):
        char = chr(code)
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            unstable[int(parts[1], 16)] = True  # it may join with the character before it
        if parts:
            normal = unicodedata.normalize("NFKC", char)
            spaces = plain[code] == SPACE and all(plain[min(ord(one), _LAST)] == SPACE for one in normal)
            unstable[code] |= normal != char and not spaces
    table = plain | np.where(unstable, _UNSTABLE, 0).astype(np.uint8) | np.where(order, _MARK, 0).astype(np.uint8)
    traits = table[folded()]
    for code in range(0x80, _LAST):
        fold = chr(code).casefold()
        if len(fold) > 1:
            several = [int(table[min(ord(one), _LAST)]) for one in fold]
            traits[code] = plain[code] | (_UNSTABLE if max(several) > _KINDS else _SEVERAL)
        elif order[code] and fold != chr(code):
            traits[code] |= _UNSTABLE  # a mark that becomes a letter no longer lets others pass
    return traits


def _plain_kinds() -> NDArray[np.uint8]:
    table = np.zeros(_LAST + 1, np.uint8)
    for code in range(_LAST):
        if unicodedata.category(chr(code))[0] not in "PSZC":
            table[code] = LETTER
    for first, last in ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)):
        block = table[first : last + 1]
        block[block == LETTER] = IDEOGRAPH
    return table
