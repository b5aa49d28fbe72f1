"""Patterns over bytes: what finds a text however JSON writes it, and what finds it in plain text.

JSON writes one text in many ways (`é`, `\\u00e9`; `"`, `\\"`, `\\u0022`), so a needle becomes one pattern for all of
them. Matching lets other threads run: google-re2 gives the interpreter back while it reads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from workbench.errors import WorkbenchError


class BadPattern(WorkbenchError):
    """A regular expression that is none."""

    code = "bad_pattern"


@lru_cache(maxsize=32)
def compiled(pattern: str) -> Any:
    """A google-re2 pattern over UTF-8 bytes that never runs over a line's end; raises BadPattern."""
    import re2

    options = re2.Options()
    options.log_errors, options.never_capture, options.never_nl = False, True, True
    try:
        return re2.compile(pattern.encode("utf-8", "surrogatepass"), options)
    except re2.error as error:
        why = error.args[0] if error.args else error
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise BadPattern(
            f"/{pattern}/", f"is no regular expression ({why})", "put text to be found as it is in quotes"
        ) from error


@lru_cache(maxsize=32)
def text_pattern(needle: str, ignore_case: bool = True) -> Any:
    """What finds `needle` in plain text: letters a to z match A to Z, other letters their own other case."""
    return _spanning("".join(_as_text(char, ignore_case) for char in needle))


@lru_cache(maxsize=32)
def regex_pattern(pattern: str, flags: str = "") -> Any:
    """What finds a regular expression in plain text; flags `i` and `s` as usual. Raises BadPattern."""
    compiled(pattern)  # so that an error names what was written
    return _spanning(f"(?{flags}){pattern}" if flags else pattern)


@lru_cache(maxsize=32)
def _spanning(pattern: str) -> Any:
    """Like `compiled`, for text: there a newline is a character like any other."""
    import re2

    options = re2.Options()
    options.log_errors, options.never_capture = False, True
    return re2.compile(pattern.encode("utf-8", "surrogatepass"), options)


def _as_text(char: str, ignore_case: bool) -> str:
    import re2

    if ignore_case and char.isascii() and char.isalpha():
        return f"[{char.lower()}{char.upper()}]"
    quoted: str = re2.escape(char)
    return f"(?i:{quoted})" if ignore_case and not char.isascii() else quoted


def encoded(text: str) -> bytes:
    """Text as the patterns want it. Half characters (lone surrogates) become bytes that no pattern matches."""
    return text.encode("utf-8", "surrogatepass")


_SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_OFTEN_ESCAPED = frozenset("<>&'\x7f")
"""ASCII characters that some writers escape by their number."""


def is_plain(char: str) -> bool:
    """Whether writers of JSON leave the character as it is."""
    return char.isascii() and char.isprintable() and char not in _SHORT and char not in _OFTEN_ESCAPED


def raw_pattern(needle: str, ignore_case: bool = True) -> str:
    """The pattern of `needle` over bytes of JSON, but for plain letters that are escaped without need."""
    return "".join(_as_json(char, ignore_case) for char in needle)


def _as_json(char: str, ignore_case: bool) -> str:
    import re2

    literal = _as_text(char, ignore_case)
    if is_plain(char):
        return literal
    ways = [literal]
    if char in _SHORT:
        ways.append(re2.escape(_SHORT[char]))
    ways += [_numbered(form) for form in _cases(char, ignore_case)]
    return f"(?:{'|'.join(ways)})"


def needless_pattern(needle: str, ignore_case: bool) -> str | None:
    """What finds a plain character of `needle` that is escaped by its number, which hardly any writer does."""
    plain = sorted({form for char in needle if is_plain(char) for form in _cases(char, ignore_case)})
    if not plain:
        return None
    return r"\\u00(?:" + "|".join(_hexadecimal(f"{ord(char):02x}") for char in plain) + ")"


def _numbered(char: str) -> str:
    """`\\uXXXX` of a character, hexadecimal letters in either case; above U+FFFF two of them."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(r"\\u" + _hexadecimal(units[at : at + 4]) for at in range(0, len(units), 4))


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _cases(char: str, ignore_case: bool) -> tuple[str, ...]:
    if not ignore_case:
        return (char,)
    if char.isascii():
        return tuple(sorted({char.lower(), char.upper()}))
    return _folds().get(char, (char,))


@lru_cache(maxsize=1)
def _folds() -> dict[str, tuple[str, ...]]:
    """Letters and everything that is the same letter in another case, Σ σ ς say; those with no other are out."""
    groups: dict[str, set[str]] = {}
    for number in range(0x80, 0x1E944):  # the last letters that have a case, those of Adlam
        char = chr(number)
        for other in (char.lower(), char.upper(), char.title(), char.casefold()):
            if len(other) == 1 and other != char:
                joined = groups.get(char, {char}) | groups.get(other, {other})
                for member in joined:
                    groups[member] = joined
    return {char: tuple(sorted(members)) for char, members in groups.items()}


def required_literal(pattern: str) -> str:
    """The longest text that stands in every match of a regular expression; empty where that is not plain to see."""
    runs, run, at, depth = [""], "", 0, 0
    while at < len(pattern):
        char, step = pattern[at], 1
        literal = char
        if char == "\\":
            step = 2
            literal = pattern[at + 1 : at + 2]
            if literal.isalnum():
                if literal in "QEpPxC0123456789":
                    return ""  # classes by name and characters by number: not worth reading here
                literal = ""
        elif char == "[":
            step, literal = _class_length(pattern, at), ""
        elif char == "|" and depth == 0:
            return ""
        elif char in "^$.|*+?{}()":
            literal = ""
            depth += (char == "(") - (char == ")")
            if char == "{":
                step = max(1, pattern.find("}", at) - at + 1)
            if char in "*?{":
                run = run[:-1]
        if literal and depth == 0:
            run += literal
        else:
            runs.append(run)
            run = ""
        at += step
    return max([*runs, run], key=len)


def _class_length(pattern: str, start: int) -> int:
    """Characters of the class in brackets that begins at `start`."""
    at = start + 1
    at += pattern[at : at + 1] == "^"
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith("[:", at):
            at = max(at, pattern.find(":]", at) + 1)
        at += 2 if pattern[at] == "\\" else 1
    return at + 1 - start


def has_anchor(pattern: str) -> bool:
    """Whether a regular expression may look at where a text begins or ends; rather yes than no.

    Not so a word's boundary: beside a text stand quotes, which are as little part of a word as nothing is.
    """
    return any(sign in pattern for sign in ("^", "$", "\\A", "\\z", "\\C"))
