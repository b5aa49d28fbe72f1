"""What mail programs put around what a person wrote: signatures, and the mail that is answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench.dataset.recipe.clean.code import code_lines
from workbench.dataset.recipe.clean.signed import signs

_LONGEST_SIGNATURE = 8  # lines below the closing, blank ones apart; more is text that somebody meant
_LONGEST_LINE = 70  # characters of a line in a signature

_CLOSING = re.compile(
    r"(?:(?:with )?(?:best|kind|kindest|warm|warmest) (?:regards|wishes)|regards|best|cheers|sincerely(?: yours)?"
    r"|yours (?:sincerely|faithfully|truly)|(?:many )?thanks(?: and (?:best |kind )?regards)"
    r"|(?:mit )?(?:freundliche|beste|viele|liebe|herzliche|schöne)n? gr(?:ü|ue)(?:ß|ss)en?"
    r"|mfg|vg|lg|hochachtungsvoll"
    r"|(?:bien )?cordialement|(?:bien )?à (?:vous|toi)|salutations distinguées|sincères salutations|amicalement"
    r"|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente)[ \t]*[,.!]?[ \t]*",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"(?:sent from (?:my )?\w[^\n]{0,60}|get outlook for \w[^\n]{0,40}|sent (?:with|via|using) \w[^\n]{0,60}"
    r"|(?:von|aus) (?:meinem|mein) [^\n]{1,60} (?:gesendet|verschickt)|gesendet (?:von|mit) (?:meinem )?\w[^\n]{0,60}"
    r"|envoyé (?:de|depuis) (?:mon )?\w[^\n]{0,60}|enviado desde (?:mi )?\w[^\n]{0,60})\.?",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"-- ?")


def strip_signature(text: str) -> str:
    """`text` without the signature at its end: below `-- `, from a closing on, or what a device added.

    The name may stand on the line of the closing ("Kind regards, Ann").

    A text that is nothing but a signature is left as it is.
    """
    return _cut(text, _signature_start)


def _signature_start(lines: list[str], code: set[int]) -> int | None:
    """The line on which a signature begins, or None."""
    last = next((number for number in reversed(range(len(lines))) if lines[number].strip()), None)
    if last is None:
        return None
    if last not in code and _DEVICE.fullmatch(lines[last].strip()):
        return last
    below = 0
    for number in range(last, -1, -1):
        line = lines[number].strip()
        if number in code or below > _LONGEST_SIGNATURE:
            return None
        if _DELIMITER.fullmatch(lines[number].rstrip("\r")) and below:
            return number
        if _CLOSING.fullmatch(line) and _set_apart(lines, number, below):
            return number
        if signs(line, lines[number - 1].strip() if number else "", last=not below):
            return number
        if len(line) > _LONGEST_LINE or line.endswith("?"):
            return None
        below += bool(line)
    return None


def _set_apart(lines: list[str], number: int, below: int) -> bool:
    """Whether a closing is one: of several words, with its comma, or alone between a blank line and a name.

    `best` at the end of a wrapped sentence is none.
    """
    line = lines[number].strip()
    return " " in line or line[-1] in ",!." or (below > 0 and number > 0 and not lines[number - 1].strip())


_WROTE = re.compile(
    r"[ \t>]*(?:on\b.{4,160}\bwrote|am\b.{4,160}\bschrieb\b.{0,80}|le\b.{4,160}\ba écrit|el\b.{4,160}\bescribió)"
    r"[ \t]*:[ \t]*",
    re.IGNORECASE | re.DOTALL,
)
_DIVIDER = re.compile(
    r"[ \t]*-{2,}[ \t]*(?:original message|forwarded message|ursprüngliche nachricht|original-?nachricht"
    r"|weitergeleitete nachricht|message (?:d'origine|original|transféré)|mensaje original)[ \t]*-{2,}[ \t]*",
    re.IGNORECASE,
)
_HEADER = (
    re.compile(r"[ \t]*\*?(?:from|von|de)[ \t]*:\*?[ \t].+", re.IGNORECASE),
    re.compile(
        r"[ \t]*\*?(?:sent|date|gesendet|datum|envoyé|date|enviado|fecha|to|an|à|para)[ \t]*:\*?[ \t]?.*",
        re.IGNORECASE,
    ),
    re.compile(r"[ \t]*\*?(?:subject|betreff|objet|asunto|to|an|à|para|cc)[ \t]*:\*?[ \t]?.*", re.IGNORECASE),
)
"""The head of an answered mail as Outlook writes it: three lines of these in this order."""
_RULE = re.compile(r"[ \t]*_{5,}[ \t]*")
_QUOTED = re.compile(r"[ \t]*>")


def strip_quotes(text: str) -> str:
    """`text` without the mail it answers: quoted lines, and all below a line that says who wrote what follows.

    Answers between quoted lines stay. A text that is nothing but a quotation is left as it is.
    """
    without = _cut(text, _answered_start)
    lines = without.split("\n")
    code = code_lines(without)
    kept = [line for number, line in enumerate(lines) if number in code or not _QUOTED.match(line)]
    if len(kept) == len(lines) or not any(line.strip() for line in kept):
        return without
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def _answered_start(lines: list[str], code: set[int]) -> int | None:
    """The line from which on the text is somebody else's, or None."""
    for number, line in enumerate(lines):
        if number in code:
            continue
        if _DIVIDER.fullmatch(line.rstrip("\r")) or _outlook_head(lines, number):
            ruled = number > 0 and _RULE.fullmatch(lines[number - 1].rstrip("\r"))
            return number - 1 if ruled else number
        # "On … wrote:" is often wrapped; what follows it must be quoted or the end, else it is a sentence.
        for height in (1, 2, 3):
            said = "\n".join(lines[number : number + height])
            if _WROTE.fullmatch(said) and "\n\n" not in said:
                below = [rest for rest in lines[number + height :] if rest.strip()]
                if not below or _QUOTED.match(below[0]):
                    return number if all(_QUOTED.match(rest) for rest in below) else None
    return None


def _outlook_head(lines: list[str], number: int) -> bool:
    head = [line for line in lines[number : number + 4] if line.strip()]
    return len(head) >= 3 and all(
        pattern.fullmatch(line.rstrip("\r")) for pattern, line in zip(_HEADER, head, strict=False)
    )


def _cut(text: str, start_of: Callable[[list[str], set[int]], int | None]) -> str:
    """`text` up to the line that `start_of` finds, again until it finds none; never down to nothing."""
    while True:
        lines = text.split("\n")
        start = start_of(lines, code_lines(text))
        if start is None:
            return text
        kept = "\n".join(lines[:start]).rstrip()
        if not kept:
            return text
        text = kept
