"""Control characters made visible: text from data and models is shown by a terminal, never obeyed.

A record or an answer may hold an OSC 52 that writes the clipboard or a `ESC[2J` that wipes the screen, and Textual
hands such bytes on as they are. Everything that came from outside passes through `visible` before it reaches a widget
or a command's output. Pure Python: the command line uses it too.
"""

from __future__ import annotations

import re

_BIDI = {
    0x061C: "ALM", 0x200E: "LRM", 0x200F: "RLM",
    0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO",
    0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI",
}  # fmt: skip
"""Unicode's directional controls: they make a line read otherwise than it is stored (CVE-2021-42574)."""

_INVISIBLE = {
    0x200B: "ZWSP",
    0x2028: "LS",
    0x2029: "PS",
    0x2060: "WJ",
    0xFEFF: "BOM",
    0xFFF9: "IAA",
    0xFFFA: "IAS",
    0xFFFB: "IAT",
}
"""Characters that take no room or break a line, named where they stand. Joiners (U+200C, U+200D) belong to scripts and
emoji and stay."""

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""All that is not shown as it is. Newline and tab stay: they are layout, which each widget does itself."""


def _glyph(match: re.Match[str]) -> str:
    """What stands for one unsafe character."""
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code <= 0x9F:
        # A C1 control is the short form of ESC and the letter 0x40 below it.
        return "\u241b" + chr(code - 0x40)
    name = _BIDI.get(code) or _INVISIBLE.get(code)
    if name is None:
        # Lone surrogates cannot be encoded; tag characters smuggle invisible ASCII.
        name = f"TAG {chr(code - 0xE0000)}" if 0xE0020 <= code < 0xE007F else f"U+{code:04X}"
    return f"⟨{name}⟩"


def visible(text: str) -> str:
    """`text` with every control character as a glyph; newline and tab stay."""
    return UNSAFE.sub(_glyph, text)


def visible_line(text: str) -> str:
    """`text` as one line: like `visible`, newlines as `⏎`, runs of blanks as one space."""
    return " ".join(visible(text.replace("\r\n", "\n")).replace("\n", " ⏎ ").split())


_DELETED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def without_controls(text: str) -> str:
    """`text` fit to be written to a terminal, the second wall behind `visible`.

    Control characters go (they have no width), lone surrogates become U+FFFD (UTF-8 cannot hold them).
    """
    return _SURROGATES.sub("\ufffd", _DELETED.sub("", text))
