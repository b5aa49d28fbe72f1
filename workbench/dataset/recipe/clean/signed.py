"""A closing and a name on one line: what ends a mail without being set apart."""

from __future__ import annotations

import re

_SURE = re.compile(
    r"(?:(?:with )?(?:best|kind|kindest|warm|warmest) (?:regards|wishes)|regards|sincerely(?: yours)?"
    r"|yours (?:sincerely|faithfully|truly)|(?:many )?thanks and (?:best |kind )?regards"
    r"|(?:mit )?(?:freundliche|beste|viele|liebe|herzliche|schöne)n? gr(?:ü|ue)(?:ß|ss)en?|hochachtungsvoll"
    r"|(?:bien )?cordialement|salutations distinguées|sincères salutations|amicalement"
    r"|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente)"
    r"(?:[ \t]*[,.!][ \t]*|[ \t]+[-–—][ \t]*|[ \t]+)(?P<name>\S.*)",
    re.IGNORECASE,
)
"""Closings that are nothing else."""
_WEAK = re.compile(
    r"(?:(?:all the )?best|cheers|(?:many )?thanks(?: again| in advance| so much| a lot)?|thank you|thx|take care"
    r"|mfg|vg|lg|danke|vielen dank|merci|gracias)"
    r"(?:[ \t]*,[ \t]*|[ \t]+[-–—][ \t]*)(?P<name>\S.*)",
    re.IGNORECASE,
)
"""Closings that begin sentences too ("Thanks, that works"): they count on the very last line only."""

_NAME = re.compile(r"[^\W\d_]\.?|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PARTICLES = frozenset(("al", "bin", "da", "de", "del", "der", "di", "dos", "la", "le", "van", "von", "y"))
_MOST = 4  # words of a name
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
        again all and any anyway as best both bye did do does done everyone everything exactly fine first for from glad
        good got great have hello hi how i if in is it its just let maybe my never next nice no nope not nothing now of
        ok okay on one only our perfect please problem right see so solved sorry still sure team thanks that the then
        there these they this those to today tomorrow understood very we well what when will wonderful works yes you
        your monday tuesday wednesday thursday friday saturday sunday january february march april june july august
        september october november december ja nein gut alles oui non bien sí
        """,
    )
)
"""Words that are written with a capital behind a closing, and are no name."""
_WRAPPED = 60  # characters from which on a line may be a sentence that goes on on the next


def signs(line: str, before: str, *, last: bool) -> bool:
    """Whether a line is a closing with a name; `before` is the one above it, `last`: only blank ones are below."""
    sure = _SURE.fullmatch(line)
    if sure is not None and _is_name(sure["name"]):
        return True
    weak = _WEAK.fullmatch(line) if last else None
    if weak is None or not _is_name(weak["name"]) or any(_is_shouted(word) for word in weak["name"].split()):
        return False
    if not before or before[-1] in ".?!…:)":
        return True
    return "," in line and len(before) < _WRAPPED  # `Worst - Bob` above `Best - Ann` is a list


def _is_name(text: str) -> bool:
    words = text.split()
    if not 1 <= len(words) <= _MOST or words[0] in _PARTICLES:
        return False
    return all(word in _PARTICLES or _is_name_word(word) for word in words)


def _is_name_word(word: str) -> bool:
    return _NAME.fullmatch(word) is not None and word[0].isupper() and word.casefold() not in _NO_NAMES


def _is_shouted(word: str) -> bool:
    """`ASAP`, `FYI`: capitals that are no initial."""
    letters = [letter for letter in word if letter.isalpha()]
    return len(letters) > 1 and all(letter.isupper() for letter in letters)
