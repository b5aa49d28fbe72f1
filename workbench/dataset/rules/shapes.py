"""F: fields of the formats that have no messages."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import Format, RecordError, content_text, format_of, to_chat
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.registry import Context, Problem, Severity, row_rule

_PLAIN = frozenset({Format.PROMPT_COMPLETION, Format.TEXT, Format.ALPACA, Format.SHAREGPT, Format.UNPAIRED})
_NO_ANSWER = frozenset({Format.PROMPT_ONLY})


@row_rule("F001", "field_malformed", Severity.ERROR, formats=_PLAIN | _NO_ANSWER)
def field_malformed(row: Row, context: Context) -> Iterator[Problem]:
    """A field that the format needs is missing or has the wrong type.

    Nothing can be trained on the record, and a trainer stops at it. Repair the field, or leave the record out.
    """
    if row.fields is None or format_of(row.value) is not context.format:
        return
    try:
        messages = to_chat(row.value, context.format)
    except RecordError as error:
        yield Problem(str(error))
        return
    if not messages:
        yield Problem("the record has no turns")
    if context.format is Format.UNPAIRED and not isinstance(row.fields["label"], bool):
        yield Problem(f"label is {row.fields['label']!r}, not true or false")


@row_rule("F002", "field_empty", Severity.ERROR, formats=_PLAIN)
def field_empty(row: Row, context: Context) -> Iterator[Problem]:
    """What would be learnt is empty: the completion, the output, the text, or every answer of a conversation.

    The model would learn to say nothing. Fill it in, or leave the record out.
    """
    if row.fields is None or format_of(row.value) is not context.format:
        return
    try:
        messages = to_chat(row.value, context.format)
    except RecordError:
        return
    answers = [message for message in messages if message["role"] == "assistant"]
    if messages and not any(content_text(message.get("content")).strip() for message in answers):
        yield Problem("there is no answer to learn" if not answers else "the answer is empty")
