"""One record looked at while it is edited: what the rules say of it, and how many tokens it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.catalog.limits import example_tokens, limits_for
from workbench.dataset.formats import CHAT_LIKE, PAIRS, Format, RecordError, parse_chat, parse_pair, to_chat, tools_of
from workbench.dataset.rows import DecodeError, decode, dump_like
from workbench.dataset.rules import Context as RuleContext
from workbench.dataset.rules import Finding, Severity, selected
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.look import row_findings

if TYPE_CHECKING:
    from workbench.dataset.tokens import Counter, TokenCount
    from workbench.workflow.context import Context


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known about a record as it is now."""

    findings: tuple[Finding, ...]
    """Errors first, then by message."""
    tokens: TokenCount | None
    """None where it cannot be counted."""
    exact: bool = False


def look_at_record(
    context: Context,
    value: Any,
    fmt: Format,
    *,
    sample: bytes,
    line: int = 1,
    profile: str | None = None,
    model: str | None = None,
) -> Looked:
    """Apply the rules about single rows, and count.

    `profile` is a kind of provider; `sample` the row as it stood in the file, whose style the rules about bytes see.
    Blocks: the first call loads a vocabulary.
    """
    from workbench.workflow.prepare import counter_of

    counter = counter_of(context, model)
    limits = None if profile is None else limits_for(profile)
    about = RuleContext(fmt, limits, None if model is None else example_tokens(model), counter)
    raw = dump_like(value, sample)
    rules = [rule for rule in selected() if rule.check_file is None and rule.applies(about)]
    found = sorted(row_findings(_row(raw, line, fmt), about, rules), key=_order)
    tokens = record_tokens(value, fmt, counter)
    return Looked(tuple(found), tokens, counter.exact and tokens is not None and tokens.exact)


def record_tokens(value: Any, fmt: Format, counter: Counter) -> TokenCount | None:
    """Tokens of one record, of a pair with the preferred answer; None where it has not the format's shape."""
    tools = tools_of(value)
    try:
        if fmt is Format.TEXT:
            from workbench.dataset.tokens import TokenCount

            total = counter.text(to_chat(value, fmt)[0]["content"])
            return TokenCount(total, total, counter.exact)
        if fmt in PAIRS:
            pair = parse_pair(value, fmt)
            return counter.messages([*pair.prompt, *pair.preferred], tools)
        return counter.messages(to_chat(value, fmt), tools)
    except RecordError:
        return None


def _row(raw: bytes, line: int, fmt: Format) -> Row:
    """The row as the rules see it in the file."""
    try:
        value = decode(raw, line)
    except DecodeError as error:
        return Row(line - 1, line, raw, error)
    if fmt in CHAT_LIKE:
        try:
            return Row(line - 1, line, raw, value, parse_chat(value))
        except RecordError:
            pass  # the rules about rows say what is wrong with it
    return Row(line - 1, line, raw, value)


def _order(finding: Finding) -> tuple[bool, int]:
    return finding.severity is not Severity.ERROR, -1 if finding.message_index is None else finding.message_index
