"""What a rule is, and the one list of them.

A rule is data and one small function, registered where it stands; its docstring is its page of help. Codes begin with
the letter of their subject. Three decorators say what the function gets: `row_rule` one row as it is, `record_rule`
one chat record, `file_rule` what was counted over the whole file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.catalog.limits import Limits
from workbench.dataset.formats import CHAT_LIKE, ChatRecord, Format
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.tokens import Counter
from workbench.errors import WorkbenchError


class Severity(StrEnum):
    """How bad it is: an error keeps a job from starting or from learning, a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule's function yields; code, name and severity are the rule's, the line is the row's unless given."""

    text: str
    message_index: int | None = None
    """From 0."""
    line: int | None = None
    """From 1; only file rules give it."""
    fixable: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at one place in a dataset; the keys of the command line contract."""

    code: str
    name: str
    severity: Severity
    line: int | None
    """From 1, as editors count; None for the file as a whole."""
    message_index: int | None
    """From 0; None for the record as a whole."""
    text: str
    fixable: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules are checked against."""

    format: Format
    limits: Limits | None = None
    """None: only what holds everywhere."""
    example_tokens: int | None = None
    counter: Counter | None = None


Fix = Callable[[Any], int]
"""Repairs a decoded record in place where that cannot change its meaning; returns how many places."""

RowCheck = Callable[[Row, Context], Iterator[Problem]]
RecordCheck = Callable[[ChatRecord, Context], Iterator[Problem]]
FileCheck = Callable[[Facts, Context], Iterator[Problem]]

ALL_FORMATS = frozenset(Format)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Exactly one of the three checks is there."""

    code: str
    name: str
    severity: Severity
    formats: frozenset[Format]
    profiles: frozenset[str] | None
    """Kinds of profile it applies to; None: everywhere, also without a profile."""
    page: str
    """Its help, the docstring: one line, then why and what to do."""
    fix: Fix | None
    check_row: RowCheck | None = None
    check_record: RecordCheck | None = None
    check_file: FileCheck | None = None
    layout: bool = False
    """Whether its fix is about how the file is laid out, so that it is made where the file is written, not by `fix`."""

    @property
    def fixable(self) -> bool:
        """Whether some of what it finds can be fixed."""
        return self.fix is not None or self.layout

    @property
    def title(self) -> str:
        """The first line of its page."""
        return self.page.splitlines()[0]

    def applies(self, context: Context) -> bool:
        """Whether it has anything to say about this format and this kind of profile."""
        if context.format not in self.formats:
            return False
        return self.profiles is None or (context.limits is not None and context.limits.kind in self.profiles)

    def finding(self, problem: Problem, line: int | None) -> Finding:
        """The finding a problem makes."""
        where = problem.line if problem.line is not None else line
        return Finding(self.code, self.name, self.severity, where, problem.message_index, problem.text, problem.fixable)


_RULES: dict[str, Rule] = {}


def _register(rule: Rule) -> None:
    if any(rule.code == other.code or rule.name == other.name for other in _RULES.values()):
        raise ValueError(f"two rules are called {rule.code} or {rule.name}")
    _RULES[rule.code] = rule


def _page(check: Callable[..., object]) -> str:
    page = inspect.getdoc(check)
    if not page:
        raise ValueError(f"the rule {check!r} has no docstring, so it has no page of help")
    return page


def row_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    formats: Iterable[Format] = ALL_FORMATS,
    profiles: Iterable[str] | None = None,
    fix: Fix | None = None,
) -> Callable[[RowCheck], RowCheck]:
    """Register a rule about one row of any format."""

    def register(check: RowCheck) -> RowCheck:
        kinds = None if profiles is None else frozenset(profiles)
        _register(Rule(code, name, severity, frozenset(formats), kinds, _page(check), fix, check_row=check))
        return check

    return register


def record_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    formats: Iterable[Format] = CHAT_LIKE,
    profiles: Iterable[str] | None = None,
    fix: Fix | None = None,
) -> Callable[[RecordCheck], RecordCheck]:
    """Register a rule about one record with messages."""

    def register(check: RecordCheck) -> RecordCheck:
        kinds = None if profiles is None else frozenset(profiles)
        _register(Rule(code, name, severity, frozenset(formats), kinds, _page(check), fix, check_record=check))
        return check

    return register


def file_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    formats: Iterable[Format] = ALL_FORMATS,
    profiles: Iterable[str] | None = None,
    layout: bool = False,
) -> Callable[[FileCheck], FileCheck]:
    """Register a rule about the file as a whole."""

    def register(check: FileCheck) -> FileCheck:
        kinds = None if profiles is None else frozenset(profiles)
        page = _page(check)
        _register(Rule(code, name, severity, frozenset(formats), kinds, page, None, check_file=check, layout=layout))
        return check

    return register


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the codes."""
    return tuple(_RULES[code] for code in sorted(_RULES))


def find_rule(text: str) -> Rule:
    """The rule with this code or name; a WorkbenchError (usage) for any other text."""
    for rule in _RULES.values():
        if text in (rule.code, rule.name):
            return rule
    raise _unknown(text)


def selected(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules that `select` names (all, if it names none) without those that `ignore` names.

    An entry is a name, a code, or the beginning of codes (`M`, `M0`), or several with commas between; one that fits no
    rule is a WorkbenchError (usage).
    """
    wanted, unwanted = _codes(select), _codes(ignore)
    return tuple(rule for rule in all_rules() if (not select or rule.code in wanted) and rule.code not in unwanted)


def _codes(entries: Sequence[str]) -> set[str]:
    codes: set[str] = set()
    for entry in entries:
        for text in filter(None, (part.strip() for part in entry.split(","))):
            found = {rule.code for rule in _RULES.values() if rule.name == text or rule.code.startswith(text.upper())}
            if not found:
                raise _unknown(text)
            codes |= found
    return codes


def _unknown(text: str) -> WorkbenchError:
    import difflib

    names = [name for rule in _RULES.values() for name in (rule.code, rule.name)]
    close = difflib.get_close_matches(text, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"subjects are {', '.join(sorted({code[0] for code in _RULES}))}"
    return WorkbenchError(f"rule {text!r}", "does not exist", hint, code="unknown_rule", exit_code=2)
