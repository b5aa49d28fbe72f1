"""Characters that nobody sees: spaces, line ends, controls, and the two ways of writing an accent."""

from __future__ import annotations

import re
import unicodedata

from workbench.dataset.recipe.clean.code import outside_code

_SPACES = re.compile("[\u00a0\u2007\u202f\u2000-\u2006\u2008-\u200a\u205f\u3000]")
# Not the joiners U+200C and U+200D: Persian, Hindi and emoji are written with them.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_TRAILING = re.compile(r"[ \t]+(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}")


def tidy_whitespace(text: str) -> str:
    """Plain spaces and line feeds, no blanks at the ends of lines, at most one blank line, no invisible characters.

    Leading blanks of a line stay (they may mean something); so does all of a code block but its carriage returns.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return outside_code(text, _tidied).rstrip(" \t\n").lstrip("\n")


def _tidied(text: str) -> str:
    if not text.isascii():
        text = _INVISIBLE.sub("", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)) if "\n" in text else text


def normalise_unicode(text: str) -> str:
    """NFC: an accent and its letter are one character, so that equal words are equal texts."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_ANSI = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[@-Z\\\\-_]")
# C0 but tab, line feed and carriage return; DEL; C1; and the marks that turn the order of what is read (not the two
# that Arabic and Hebrew text needs).
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def strip_controls(text: str) -> str:
    """`text` without control characters and terminal sequences."""
    return _CONTROLS.sub("", _ANSI.sub("", text))
