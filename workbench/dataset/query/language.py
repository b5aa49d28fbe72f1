r"""The filter language, read and written.

    query  = and { "or" and }                        refund or return
    and    = not { not }                             tokens>4096 role:tool
    not    = ( "-" | "not" ) not | part              -has:secret     not (turns=2 or turns=3)
    part   = "(" query ")" | number | word | text
    number = ( tokens | turns | size | line ) ( > >= < <= = : ) N     size>100k     line:100-200     turns:3-
    word   = role:NAME | has:KIND | severity:LEVEL | rule:CODE-OR-NAME | label:TEXT
    text   = [ ROLE ":" ] ( WORD | "literal text" | /regular expression/flags )     user:"my order"  tool:/fail(ed)?/i

Words and literal texts ignore case; in quotes `\"`, `\\`, `\n` and `\t` stand for themselves. Regular expressions are
google-re2's, with the flags `i` (ignore case) and `s` (`.` matches a line's end too). Numbers may end in `k` or `m`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.dataset.query.nodes import (
    KINDS,
    NUMBERS,
    ROLES,
    SEVERITIES,
    And,
    Has,
    Label,
    Node,
    Not,
    Number,
    Or,
    Regex,
    Role,
    Rule,
    Severity,
    Text,
)
from workbench.dataset.search import BadPattern, regex_pattern
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.query.row import QueryRow

_TEXT_ROLES = tuple(role for role in ROLES if role != "other")
_WORDS = ("role", "has", "severity", "rule", "label")
FIELDS = (*NUMBERS, *_WORDS, *_TEXT_ROLES)
"""What may stand before a colon."""
DEEPEST = 50
"""Parentheses and negations inside one another."""


class QueryError(WorkbenchError):
    """A query that cannot be read: the column (from 1), why, and what to write instead."""

    code = "bad_query"

    def __init__(self, column: int, why: str, hint: str) -> None:
        super().__init__(f"the filter, column {column}", why, hint, exit_code=2)
        self.column = column


@dataclass(frozen=True, slots=True)
class Query:
    """Which records are wanted. `str` gives it in one form that parses to an equal query."""

    node: Node | None = None
    """None: every record."""

    def __str__(self) -> str:
        return "" if self.node is None else str(self.node)

    def matches(self, row: QueryRow) -> bool:
        """Whether the row is one of those."""
        return self.node is None or row.fits(self.node)

    @property
    def fields(self) -> frozenset[str]:
        """What has to be known of a record beside its bytes: of `tokens`, `findings`, `flags`."""
        return frozenset(_needs(self.node))


def _needs(node: Node | None) -> Iterable[str]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _needs(part)
        case Not(inner):
            yield from _needs(inner)
        case Number("tokens"):
            yield "tokens"
        case Rule() | Severity() | Has("error" | "warning"):
            yield "findings"
        case Has("secret" | "personal" | "duplicate"):
            yield "flags"


def parse_query(text: str) -> Query:
    """The query that `text` says; raises QueryError with the column and the way out."""
    reader = _Reader(text)
    reader.skip_blanks()
    if reader.ended():
        return Query()
    node = reader.read_or(0)
    if not reader.ended():
        raise reader.error("a closing parenthesis without an opening one", "take it away, or put it in quotes")
    return Query(node)


_BLANKS = re.compile(r"\s*")
_FIELD = re.compile(r"([A-Za-z]+)(:|>=|<=|>|<|=)")
_COUNTED = re.compile(rf"({'|'.join(NUMBERS)})\s*(:|>=|<=|>|<|=)\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\s()]+")
_NUMBER = re.compile(r"(\d[\d_]*)([kKmM]?)")
_RANGE = re.compile(r"(\d[\d_]*[kKmM]?)?-(\d[\d_]*[kKmM]?)?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SLASHED = re.compile(r"/((?:[^/\\]|\\.)+)/([A-Za-z]*)", re.DOTALL)
_NOT = re.compile(r"not(?=[\s(])")
_OR = re.compile(r"or(?=[\s(]|$)")
_AND = re.compile(r"and(?=[\s(]|$)")
_MULTIPLIERS = {"": 1, "k": 1_000, "m": 1_000_000}
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class _Reader:
    """Reads from left to right; `at` is where it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return self.at >= len(self.text)

    def error(self, why: str, hint: str, at: int | None = None) -> QueryError:
        return QueryError((self.at if at is None else at) + 1, why, hint)

    def skip_blanks(self) -> None:
        self._take(_BLANKS)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    # Combining ------------------------------------------------------------------------------------------------------

    def read_or(self, depth: int) -> Node:
        """Until the end or a closing parenthesis."""
        parts = [self._read_and(depth)]
        while self._take(_OR):
            self.skip_blanks()
            parts.append(self._read_and(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _read_and(self, depth: int) -> Node:
        parts = [self._read_not(depth)]
        self.skip_blanks()
        while not self.ended() and self.text[self.at] != ")" and not _OR.match(self.text, self.at):
            if self._take(_AND):
                self.skip_blanks()
            parts.append(self._read_not(depth))
            self.skip_blanks()
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _read_not(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise self.error("too many parentheses and negations inside one another", "write it flatter")
        for word in (_OR, _AND):
            if word.match(self.text, self.at):
                raise self.error("something to look for is missing here", 'put "or" and "and" in quotes as text')
        if self.ended():
            raise self.error("something to look for is missing at the end", "go on, or take the last word away")
        if self.text[self.at] == "-" or self._take(_NOT):
            self.at += self.text[self.at] == "-"
            self.skip_blanks()
            return Not(self._read_not(depth + 1))
        if self.text[self.at] == ")":
            raise self.error("nothing stands before this parenthesis", "take it away, or put it in quotes")
        if self.text[self.at] != "(":
            return self._read_part()
        opened = self.at
        self.at += 1
        self.skip_blanks()
        inner = self.read_or(depth + 1)
        if self.ended():
            raise self.error("this parenthesis is never closed", "add a )", opened)
        self.at += 1
        return inner

    # Single conditions ----------------------------------------------------------------------------------------------

    def _read_part(self) -> Node:
        start = self.at
        field = self._take(_COUNTED) or self._take(_FIELD)
        if field is None:
            return self._read_text("")
        name, operator = field[1].lower(), field[2]
        if name in NUMBERS:
            return self._read_number(name, operator)
        if operator != ":":
            if name not in FIELDS and not difflib.get_close_matches(name, NUMBERS, n=1):
                self.at = start
                return self._read_text("")
            raise self.error(f"{name!r} is no number", f"only {_listed(NUMBERS)} are compared", start)
        if name in _TEXT_ROLES:
            return self._read_text(name)
        readers: dict[str, Callable[[], Node]] = {
            "role": lambda: Role(self._choice("role", ROLES)),
            "has": lambda: Has(self._choice("kind", KINDS)),
            "severity": lambda: Severity(self._choice("severity", SEVERITIES)),
            "rule": self._read_rule,
            "label": lambda: Label(self._string()),
        }
        if name not in readers:
            close = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {close[0]}:?" if close else 'put it in quotes to look for it as text: "…"'
            raise self.error(f"there is no field {field[1]!r}", hint, start)
        return readers[name]()

    def _read_number(self, name: str, operator: str) -> Node:
        if operator == ":":
            span = self._take(_RANGE)
            if span is not None and (span[1] or span[2]):
                ends = ((">=", span[1]), ("<=", span[2]))
                parts = tuple(Number(name, sign, _integer(end)) for sign, end in ends if end)
                return parts[0] if len(parts) == 1 else And(parts)
            operator = "="
        start = self.at
        found = self._take(_NUMBER)
        follows = _WORD.match(self.text, self.at)
        if found is None or follows is not None:
            raise self.error(f"a number is expected after {name}{operator}", f"as in {name}{operator}4096", start)
        return Number(name, operator, _integer(found[0]))

    def _read_rule(self) -> Node:
        from workbench.dataset.query.row import codes_of

        start, text = self.at, "".join(self._string().split())
        try:
            known = codes_of(text)
        except WorkbenchError as error:
            raise self.error(f"the rule {text!r} does not exist", error.hint, start) from error
        if not known:
            raise self.error("a rule is expected here", "as in rule:M003 or rule:too_long", start)
        return Rule(text)

    def _choice(self, what: str, known: Iterable[str]) -> str:
        start, text = self.at, self._string().lower()
        if text not in known:
            close = difflib.get_close_matches(text, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"one of {_listed(known)}"
            raise self.error(f"there is no {what} {text!r}", hint, start)
        return text

    def _string(self) -> str:
        """A word or a text in quotes."""
        if self.text.startswith('"', self.at):
            return self._quoted()
        found = self._take(_WORD)
        if found is None:
            raise self.error("a word is expected here", 'as in role:tool, or in quotes: label:"not yet"')
        return found[0]

    def _quoted(self) -> str:
        start = self.at
        found = self._take(_QUOTED)
        if found is None:
            raise self.error("this text is never closed", 'add a "', start)
        return re.sub(r"\\(.)", lambda match: _UNESCAPED.get(match[1], match[1]), found[1], flags=re.DOTALL)

    def _read_text(self, role: str) -> Node:
        start = self.at
        if not self.text.startswith("/", start):
            needle = self._string()
            if not needle:
                raise self.error("this text is empty", "write something between the quotes", start)
            return Text(needle.encode("utf-8", "replace").decode(), role)
        found = self._take(_SLASHED)
        if found is None:
            raise self.error(
                "this regular expression is never closed", 'add a /, or put the text in quotes: "/…"', start
            )
        flags = "".join(sorted(set(found[2])))
        if set(flags) - {"i", "s"}:
            raise self.error(f"unknown flags {found[2]!r}", "i ignores case, s lets . match a line's end", start)
        pattern = re.sub(r"\\(.)", lambda match: "/" if match[1] == "/" else match[0], found[1], flags=re.DOTALL)
        try:
            regex_pattern(pattern, flags)
        except BadPattern as error:
            raise self.error(error.message, error.hint, start) from error
        return Regex(pattern, flags, role)


def _integer(text: str) -> int:
    digits, suffix = text.replace("_", "").lower(), ""
    if digits[-1] in "km":
        digits, suffix = digits[:-1], digits[-1]
    return int(digits) * _MULTIPLIERS[suffix]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
