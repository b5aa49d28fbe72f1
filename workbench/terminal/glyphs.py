"""A text as an editor can show it, and back: every control character as one glyph that stands for it alone.

What is shown has one character for each of the text, so that a cursor stands at the same place in both, and only
newlines break its lines. A text that holds a glyph itself gets another one for the control character.
"""

from __future__ import annotations

import unicodedata

from workbench.terminal.escape import UNSAFE

_SPARE = "␦⍰⌧⎔⌑⌂⎈⎊⎋⏣⌘⌬⍟⍍⍁⍯⍞⌻⌼⍃⍄⍇⍈⍐⍗⌶⌹⌺"
"""Glyphs of one cell that hardly any text holds; after them come private ones."""

_NAMES = {0x1B: "escape", 0x0D: "carriage return", 0xFEFF: "byte order mark"}


class Glyphs:
    """The glyphs of one text; those of characters that are typed or pasted later are added."""

    def __init__(self, text: str = "") -> None:
        self._taken = set(text)
        self._glyph: dict[str, str] = {}
        self._char: dict[str, str] = {}

    def show(self, text: str) -> str:
        """`text` with a glyph for each control character."""
        return UNSAFE.sub(lambda found: self._of(found.group()), text)

    def back(self, shown: str) -> str:
        """The text that `shown` stands for."""
        return shown.translate({ord(glyph): char for glyph, char in self._char.items()}) if self._char else shown

    def legend(self) -> list[str]:
        """What each glyph stands for, in words: `␛ escape (U+001B)`."""
        return [f"{glyph} {_name(char)}" for char, glyph in self._glyph.items()]

    def _of(self, char: str) -> str:
        if char not in self._glyph:
            glyph = next(one for one in _candidates(char) if one not in self._taken)
            self._taken.add(glyph)
            self._glyph[char], self._char[glyph] = glyph, char
        return self._glyph[char]


def _candidates(char: str) -> list[str]:
    code = ord(char)
    own = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else ""
    return [*own, *_SPARE, *(chr(0xF0000 + number) for number in range(0x300))]


def _name(char: str) -> str:
    code = ord(char)
    name = _NAMES.get(code) or unicodedata.name(char, "").lower() or "control character"
    return f"{name} (U+{code:04X})"
