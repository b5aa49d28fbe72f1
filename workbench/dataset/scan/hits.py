"""Hits in a text: where they stand, what they are, and how they may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from workbench.dataset.scan.patterns import Group, Pattern, detector, finder, patterns


@dataclass(frozen=True, slots=True)
class Hit:
    """One secret or piece of personal data in a text."""

    kind: str
    group: Group
    start: int
    end: int
    """Half-open range of characters."""
    masked: str
    """What may be shown and stored: never the whole."""


@cache
def kinds() -> Mapping[str, Group]:
    """Every kind that is looked for, with its group."""
    return MappingProxyType({pattern.kind: pattern.group for pattern in patterns()})


# Escapes of printable ASCII that some writers use in JSON (`\u0040` for @, `\/`): what is searched must not hide there.
_ASCII_ESCAPE = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")


def prefilter(raw: bytes) -> bool:
    """False: there is surely no hit in these bytes of JSON (a row or many); True: decode and look closely.

    Patterns have no boundaries, so a letter of an escape before a hit (`\\nsk-…`) hides nothing.
    """
    if b"\\u00" in raw:
        raw = _ASCII_ESCAPE.sub(lambda match: bytes((int(match.group(1), 16),)), raw)
    if b"\\/" in raw:
        raw = raw.replace(b"\\/", b"/")
    return detector()(raw) is not None


def hits(text: str) -> list[Hit]:
    """Every hit in a text, in order, none touching another."""
    data = text.encode("utf-8", "surrogatepass")
    spans = list(_spans(data))
    if not spans:
        return []
    shift = _offsets(data, len(text))
    return [
        Hit(pattern.kind, pattern.group, shift(start), shift(end), _masked(pattern, data[start:end]))
        for pattern, start, end in spans
    ]


def replace_hits(text: str, found: Sequence[Hit], placeholder: Callable[[Hit], str]) -> str:
    """The text with each hit's span replaced by what `placeholder` gives for it."""
    pieces, behind = [], 0
    for hit in found:
        pieces += [text[behind : hit.start], placeholder(hit)]
        behind = hit.end
    return "".join([*pieces, text[behind:]])


def _spans(data: bytes) -> Iterator[tuple[Pattern, int, int]]:
    """Confirmed hits as byte ranges."""
    find, every, position = finder(), patterns(), 0
    while True:
        match = find.search(data, position)
        if match is None:
            return
        pattern = every[(match.lastindex or 1) - 1]
        span = _confirmed(data, pattern, match.start(), match.end(), position)
        if span is not None and pattern.general:
            pattern, span = _special(data, pattern, span)
        if span is None:
            position = _behind_word(data, match.start())
        else:
            yield pattern, *span
            position = max(span[1], match.start() + 1)


def _special(data: bytes, general: Pattern, span: tuple[int, int]) -> tuple[Pattern, tuple[int, int]]:
    """The more special pattern that finds what a general one has found, else the general one."""
    match = finder().search(data, span[0])
    if match is None or match.start() >= span[1]:
        return general, span
    pattern = patterns()[(match.lastindex or 1) - 1]
    found = None if pattern.general else _confirmed(data, pattern, match.start(), match.end(), span[0])
    return (general, span) if found is None else (pattern, found)


_WORD = re.compile(rb"[A-Za-z0-9]+")
_NESTED_ESCAPE = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\[bfnrt]")


def _behind_word(data: bytes, start: int) -> int:
    """Where to look on when the find at `start` was none: behind its first word."""
    word = _WORD.match(data, start)
    return word.end() if word is not None else start + 1


def _confirmed(data: bytes, pattern: Pattern, start: int, end: int, floor: int) -> tuple[int, int] | None:
    """The span that counts, or None: its check, and that it is no piece of a longer word or number."""
    start = _past_escape(data, start, end, floor)
    span = (start, end) if pattern.check is None else pattern.check(data, start, end)
    if span is None or span[0] < floor:
        return None
    if pattern.digits and not (_number_begins(data, span[0]) and _number_ends(data, span[1])):
        return None
    return span if _begins(data, span[0]) and not data[span[1] : span[1] + 1].isalnum() else None


def _past_escape(data: bytes, start: int, end: int, floor: int) -> int:
    """The start without the letters of an escape that the pattern took for its own.

    A tool call's arguments are JSON inside a text: `\\nbob@…` there is a newline and an address.
    """
    back = data.rfind(b"\\", max(floor, start - 5), start)
    if back < 0 or (back > 0 and data[back - 1 : back] == b"\\"):
        return start
    escape = _NESTED_ESCAPE.match(data, back)
    return escape.end() if escape is not None and start < escape.end() < end else start


def _begins(data: bytes, start: int) -> bool:
    """Whether a word may begin here: no letter or digit stands before, but for that of an escape."""
    if not data[start - 1 : start].isalnum() if start else True:
        return True
    back = data.rfind(b"\\", max(0, start - 6), start)
    escape = _NESTED_ESCAPE.match(data, back) if back >= 0 else None
    return escape is not None and escape.end() == start


def _number_begins(data: bytes, start: int) -> bool:
    """Whether no longer number goes on before: `0.4111…`, `1-123-45-…`."""
    before = data[max(0, start - 2) : start]
    return not (len(before) == 2 and before[1:] in (b".", b"-", b"/", b",") and before[:1].isdigit())


def _number_ends(data: bytes, end: int) -> bool:
    behind = data[end : end + 2]
    return not (len(behind) == 2 and behind[:1] in (b".", b"-", b"/") and behind[1:].isdigit())


def _offsets(data: bytes, characters: int) -> Callable[[int], int]:
    """From a byte offset to that of a character; asked in rising order."""
    if len(data) == characters:
        return lambda offset: offset
    at = [0, 0]

    def shift(offset: int) -> int:
        if offset < at[0]:
            at[:] = [0, 0]
        at[1] += len(data[at[0] : offset].decode("utf-8", "surrogatepass"))
        at[0] = offset
        return at[1]

    return shift


_ENDS = {"phone": 2, "us-ssn": 4, "credit-card": 4, "iban": 4, "fr-nir": 2, "de-tax-id": 2, "uk-nino": 1}


def _masked(pattern: Pattern, found: bytes) -> str:
    """Enough to recognise it, not enough to use it."""
    text = found.decode("utf-8", "replace")
    match pattern.kind:
        case "email":
            local, _, domain = text.partition("@")
            return f"{local[0]}…@{domain}"
        case "ipv4":
            return f"{'.'.join(text.split('.')[:2])}.…"
        case "ipv6":
            return f"{text.split(':')[0]}:…"
        case "private-key":
            return f"{text[: text.index('-----', 5) + 5]}…"
        case "connection-string":
            scheme, separator, rest = text.partition("://")
            return f"{scheme}://…@{rest.rpartition('@')[2]}" if separator else f"{text[: text.index('=') + 1]}…"
        case "iban":
            return f"{text[:4]}…{text[-4:]}"
    if pattern.group == "personal":
        return f"…{text[-_ENDS[pattern.kind] :]}"
    last = 4 if len(text) >= pattern.keep + 12 else 0
    return f"{text[: pattern.keep]}…{text[len(text) - last :]}"
