"""Which rows of a block could hold something, without decoding any.

A row that is named *may* hold it (a key or an escape may look like it); a row that is not named surely does not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
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
"""Hits in one block from which on the block is made lower case as a whole: finding the next one is cheaper then."""
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
        return self.answer(block).may

    def answer(self, block: Block) -> Answer:
        """A row *must* hold the text where it stands in a string that is no key, as far as that is quick to see."""
        import numpy as np

        may, must = np.zeros(len(block), dtype=bool), np.zeros(len(block), dtype=bool)
        sure = self._only_in_strings
        # Letters that case aside are others may be longer: K is the kelvin sign too, of three bytes.
        reach = 3 * len(self.needle) + _LONGEST_ESCAPE
        for row, stop in self._hits(block):
            may[row] = True
            if sure:
                data = block.data
                quote = data.find(b'"', stop)
                # An escape may reach into what looks like the text: `\\u0061s` is no `1s`, `\\nice` no `nice`.
                clear = data.find(b"\\", max(0, stop - reach), stop) < 0
                must[row] = clear and quote > 0 and data[quote - 1] != 92 and data[quote + 1 : quote + 2] in _ENDS
        needless = needless_pattern(self.needle, self.ignore_case)
        return Answer(may if needless is None else may | block.matching(compiled(needless)), must)

    @property
    def _only_in_strings(self) -> bool:
        """Whether the bytes of the text are the text, and stand in strings only."""
        return all(map(is_plain, self.needle)) and not _OUTSIDE.issuperset(self.needle)

    def _hits(self, block: Block) -> Iterator[tuple[int, int]]:
        """Rows with a hit and where the first one in them ends."""
        pattern = compiled(raw_pattern(self.needle, self.ignore_case))
        plain = bool(self.needle) and all(map(is_plain, self.needle))
        for count, (row, stop) in enumerate(block.matches(pattern)):
            yield row, stop
            if plain and count == _MANY and row + 1 < len(block):
                break
        else:
            return
        yield from self._dense_hits(block, row + 1)

    def _dense_hits(self, block: Block, row: int) -> Iterator[tuple[int, int]]:
        """The same from a row on, for a plain text that is in many."""
        data = block.data.lower() if self.ignore_case else block.data
        needle = (self.needle.lower() if self.ignore_case else self.needle).encode()
        starts = block.first_bytes
        while row < len(starts):
            at = data.find(needle, starts[row])
            if at < 0:
                return
            row = bisect_right(starts, at) - 1
            yield row, at + len(needle)
            row += 1


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
        """One boolean a row: by a text that every match has, and by the bytes, escapes being looked at row by row."""
        import numpy as np

        literal = required_literal(self.pattern)
        may = Literal(literal).may(block) if len(literal) > 1 else np.ones(len(block), dtype=bool)
        if has_anchor(self.pattern):  # in the file the text does not stand alone on its line
            return may
        pattern = f"(?{self.flags}){self.pattern}" if self.flags else self.pattern
        if may.all():
            found = block.matching(compiled(pattern))
            doubtful = np.flatnonzero(block.with_byte(ord("\\")) & ~found)
        else:
            found = np.zeros(len(block), dtype=bool)
            doubtful = np.flatnonzero(may)
        search = regex_pattern(self.pattern, self.flags).search
        for row in doubtful.tolist():
            flat = _unescaped(block.row(row))
            found[row] = flat is None or search(flat) is not None
        return found


def _unescaped(raw: bytes) -> bytes | None:
    """A row with its short escapes as what they stand for; None where it has others."""
    if b"\\" not in raw:
        return raw
    if b"\\\\" in raw:
        return None
    flat = raw.replace(b"\\n", b"\n").replace(b'\\"', b'"')
    if b"\\" in flat:
        flat = flat.replace(b"\\/", b"/").replace(b"\\t", b"\t").replace(b"\\r", b"\r")
    return None if b"\\" in flat else flat


Prefilter: TypeAlias = Literal | Words | Expression
