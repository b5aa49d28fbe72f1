"""A filter's text as a test of one record, with what the filter asks for found out on the spot."""

from __future__ import annotations

from collections.abc import Callable

from workbench.dataset.formats import CHAT_LIKE, Format, RecordError, parse_chat, to_chat, tools_of
from workbench.dataset.query import QueryRow, parse_query
from workbench.dataset.query.nodes import FLAGS, SEVERITIES, And, Has, Node, Not, Or
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Match
from workbench.dataset.rows import DecodeError
from workbench.dataset.rules import Context, all_rules
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.look import row_findings
from workbench.dataset.scan import row_hits
from workbench.dataset.tokens import Counter
from workbench.errors import WorkbenchError


def matcher(text: str, fmt: Format, counter: Callable[[], Counter]) -> Match:
    """The test that a filter is; `counter` is only asked for where the filter is about tokens.

    Raises WorkbenchError for a text that is no filter, and for `has:duplicate`, which no record says about itself.
    """
    query = parse_query(text)
    if _asks_for_copies(query.node):
        raise WorkbenchError(
            f"filter {text!r}",
            "asks for duplicates, which one record cannot tell",
            "use a `dedupe` step",
            code="bad_step",
        )
    count = counter() if "tokens" in query.fields else None
    context = Context(fmt)
    rules = [rule for rule in all_rules() if rule.applies(context)] if "findings" in query.fields else None

    def matches(entry: Entry) -> bool:
        raw = entry.raw
        flags, codes, severity = 0, frozenset[str](), 0
        if "flags" in query.fields:
            flags = sum({FLAGS[hit.group] for hit in row_hits(raw)})
        if rules is not None:
            found = list(row_findings(_row(entry, raw, fmt), context, rules))
            codes = frozenset(finding.code for finding in found)
            severity = max((SEVERITIES[finding.severity] for finding in found), default=0)
        tokens = -1 if count is None else _tokens(entry, fmt, count)
        row = QueryRow(
            raw, fmt, line=entry.line, tokens=tokens, severity=severity, flags=flags, codes=codes, edited=entry.changed
        )
        return query.matches(row)

    return matches


def _asks_for_copies(node: Node | None) -> bool:
    match node:
        case And(parts) | Or(parts):
            return any(map(_asks_for_copies, parts))
        case Not(inner):
            return _asks_for_copies(inner)
    return node == Has("duplicate")


def _tokens(entry: Entry, fmt: Format, counter: Counter) -> int:
    """The record's tokens; -1, which fits no comparison, where there is no conversation to count."""
    try:
        return counter.messages(to_chat(entry.value, fmt), tools_of(entry.value)).total
    except (DecodeError, RecordError):
        return -1


def _row(entry: Entry, raw: bytes, fmt: Format) -> Row:
    """A record as the linter sees it."""
    line = entry.line or 1
    try:
        value = entry.value
    except DecodeError as error:
        return Row(0, line, raw, error)
    if fmt in CHAT_LIKE:
        try:
            return Row(0, line, raw, value, parse_chat(value))
        except RecordError:
            pass  # the rules about rows say what is wrong with it
    return Row(0, line, raw, value)
