"""One row as the rules see it, and what they say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.dataset.formats import CHAT_LIKE, Format, RecordError, parse_chat
from workbench.dataset.rows import DecodeError, decode
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.registry import Context, Finding, Rule


def look_at(raw: bytes, fmt: Format, *, number: int = 0, line: int = 1, column: int = 1) -> Row:
    """The row in these bytes; `number` from 0, `line` and `column` from 1, where it stands in its file."""
    try:
        value = decode(raw, line, column)
    except DecodeError as error:
        return Row(number, line, raw, error)
    if fmt in CHAT_LIKE:
        try:
            return Row(number, line, raw, value, parse_chat(value))
        except RecordError:
            pass  # the rules about rows (R001, R002, M001) say what is wrong with it
    return Row(number, line, raw, value)


def row_findings(row: Row, context: Context, rules: Sequence[Rule]) -> Iterator[Finding]:
    """The findings about one row."""
    record = row.record
    for rule in rules:
        if rule.check_record is not None:
            if record is not None:
                for problem in rule.check_record(record, context):
                    yield rule.finding(problem, row.line)
        elif rule.check_row is not None:
            for problem in rule.check_row(row, context):
                yield rule.finding(problem, row.line)
