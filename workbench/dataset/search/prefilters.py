"""Which rows of a block could hold something, without decoding any.

A row that is named *may* hold it (a key or an escape may look like it); a row that is not named surely does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from workbench.dataset.search.blocks import Block
from workbench.dataset.search.patterns import (
    compiled,
    has_anchor,
    is_plain,
    needless_pattern,
    raw_pattern,
    regex_pattern,
    required_literal,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Answer(NamedTuple):
    """For each row of some whether it may hold what is looked for, and whether it must."""

    may: NDArray[np.bool_]
    must: NDArray[np.bool_]


_MANY = 64
"""Hits in one block from which on all are looked for at once: to look for the next one costs more then."""
_COMPARED = 4
"""Characters of a text after which few places are left."""
_CASE = 0x20
"""The bit by which small letters differ from capital ones."""
_OUTSIDE = frozenset("truefalsn0123456789+-.eE{}[],: ")
"""What stands outside of strings in JSON."""
_LONGEST_ESCAPE = 6
_ENDS = (b",", b"]", b"}")
"""What stands behind a string that is a value; behind a key it is a colon."""


@dataclass(frozen=True)
class Literal:
    """Rows that may hold a text."""

    needle: str
    ignore_case: bool = True

    def may(self, block: Block) -> NDArray[np.bool_]:
        """One boolean a row."""
        return self._named(block, self._hits(block)[0])

    def answer(self, block: Block) -> Answer:
        """A row *must* hold the text where it stands in a string that is no key, as far as that is quick to see."""
        import numpy as np

        rows, stops = self._hits(block)
        must = np.zeros(len(block), dtype=bool)
        if self._only_in_strings:
            # Letters that case aside are others may be longer: K is the kelvin sign too, of three bytes.
            reach = 3 * len(self.needle) + _LONGEST_ESCAPE
            data = block.data
            for row, stop in zip(rows.tolist(), stops.tolist(), strict=True):
                quote = data.find(b'"', stop)
                # An escape may reach into what looks like the text: `\\u0061s` is no `1s`, `\\nice` no `nice`.
                clear = data.find(b"\\", max(0, stop - reach), stop) < 0
                must[row] = clear and quote > 0 and data[quote - 1] != 92 and data[quote + 1 : quote + 2] in _ENDS
        return Answer(self._named(block, rows), must)

    def _named(self, block: Block, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        import numpy as np

        may = np.zeros(len(block), dtype=bool)
        may[rows] = True
        needless = needless_pattern(self.needle, self.ignore_case)
        return may if needless is None else may | block.matching(compiled(needless))

    @property
    def _only_in_strings(self) -> bool:
        """Whether the bytes of the text are the text, and stand in strings only."""
        return all(map(is_plain, self.needle)) and not _OUTSIDE.issuperset(self.needle)

    def _hits(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows with a hit and where the first one in them ends."""
        import numpy as np

        if not self.needle or not all(map(is_plain, self.needle)):
            return _columns(block.matches(compiled(raw_pattern(self.needle, self.ignore_case))))
        if not self.ignore_case:  # for one way to write it the pattern is quick, as long as it hardly ever stops
            few = list(islice(block.matches(compiled(raw_pattern(self.needle, False))), _MANY))
            if len(few) < _MANY:
                return _columns(few)
        places = _places(np.frombuffer(block.data, np.uint8), self.needle, self.ignore_case)
        rows = np.searchsorted(block.starts, places, side="right") - 1
        first = np.ones(len(rows), np.bool_)
        np.not_equal(rows[1:], rows[:-1], out=first[1:])
        return rows[first], places[first] + len(self.needle)


def _columns(hits: Iterable[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import numpy as np

    rows, stops = np.array(list(hits), np.int64).reshape(-1, 2).T
    return rows, stops


def _places(data: NDArray[np.uint8], needle: str, ignore_case: bool) -> NDArray[np.int64]:
    """Where a text of ASCII characters begins: the first few are compared everywhere, others where those are."""
    import numpy as np

    last = max(0, len(data) - len(needle) + 1)
    # One bit tells a letter from itself in the other case. It is what tells other characters apart too: they are
    # compared again as they are.
    folded = data | np.uint8(_CASE) if ignore_case else data
    wanted = [char | _CASE if ignore_case else char for char in needle.encode()]
    found = folded[:last] == wanted[0]
    for at in range(1, min(_COMPARED, len(needle))):
        found &= folded[at : at + last] == wanted[at]
    places = np.flatnonzero(found)
    for at, char in enumerate(needle.encode()):
        if ignore_case and not chr(char).isalpha():
            places = places[data[places + at] == char]
        elif at >= _COMPARED:
            places = places[folded[places + at] == wanted[at]]
    return places


@dataclass(frozen=True)
class Words:
    """Rows that may hold one of several JSON strings, keys too."""

    words: tuple[str, ...]
    """Of plain characters."""

    def may(self, block: Block) -> NDArray[np.bool_]:
        """One boolean a row; letters that are escaped without need count as any of them."""
        return block.matching(compiled(f'"(?:{"|".join(self.words)})"|' + r"\\u00[2-7]"))


@dataclass(frozen=True)
class Expression:
    """Rows that may hold a match of a regular expression (google-re2's)."""

    pattern: str
    flags: str = ""

    def may(self, block: Block) -> NDArray[np.bool_]:
        """One boolean a row: by a text that every match has, and by the bytes, with escapes and without."""
        import numpy as np

        literal = required_literal(self.pattern)
        may = Literal(literal).may(block) if len(literal) > 1 else np.ones(len(block), dtype=bool)
        if may.any() and not has_anchor(self.pattern):  # for in the file a text does not stand alone on its line
            may[may] = self._matching(block if may.all() else block.only(np.flatnonzero(may)))
        return may

    def _matching(self, block: Block) -> NDArray[np.bool_]:
        """Rows that match as they stand, or as what their short escapes stand for; those with other escapes too."""
        import numpy as np

        found = block.matching_within(compiled(f"(?{self.flags}){self.pattern}" if self.flags else self.pattern))
        data = np.frombuffer(block.data, np.uint8)
        slashes = np.flatnonzero(data == _SLASH)
        owners = np.searchsorted(block.starts, slashes, side="right") - 1
        doubtful = np.zeros(len(block), dtype=bool)
        doubtful[owners] = True
        meant = np.frombuffer(_MEANT, np.uint8)[data[np.minimum(slashes + 1, len(data) - 1)]]
        found[owners[meant == 0]] = True
        rows = np.flatnonzero(doubtful & ~found)
        if len(rows):
            found[rows] = _unescaped(block.only(rows)).matching_within(regex_pattern(self.pattern, self.flags))
        return found


_SLASH = 0x5C
_MEANT = bytes(
    {ord("n"): 10, ord("t"): 9, ord("r"): 13, ord('"'): 34, ord("/"): 47}.get(byte, 0) for byte in range(256)
)
"""What a backslash and this byte stand for; 0 where that is not as simple."""


def _unescaped(block: Block) -> Block:
    """The same rows with their escapes, all short, as what they stand for."""
    import numpy as np

    data = np.array(np.frombuffer(block.data, np.uint8))
    slashes = np.flatnonzero(data == _SLASH)
    data[slashes + 1] = np.frombuffer(_MEANT, np.uint8)[data[slashes + 1]]
    starts, stops = (places - np.searchsorted(slashes, places) for places in (block.starts, block.stops))
    return Block(block.first, starts, stops, data.tobytes().replace(b"\\", b""))


Prefilter: TypeAlias = Literal | Words | Expression
