"""R: a record and whether it is one."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import CHAT_LIKE, ChatRecord, Format, format_of, kind_of
from workbench.dataset.rows import DecodeError
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, record_rule, row_rule


@row_rule("R001", "data_type", Severity.ERROR)
def data_type(row: Row, context: Context) -> Iterator[Problem]:
    """A record is not a JSON object.

    A list, a text or a number where `{…}` belongs. Often a record was wrapped in a list, or dumped twice.
    """
    if not isinstance(row.value, DecodeError) and row.fields is None:
        yield Problem(f"the record is {kind_of(row.value)}, not an object")


@row_rule("R002", "missing_messages_list", Severity.ERROR, formats=CHAT_LIKE | {Format.UNKNOWN})
def missing_messages_list(row: Row, context: Context) -> Iterator[Problem]:
    """A record has no `messages`, or an empty list of them.

    Nothing can be learnt from it. A record of another format among chat records is found here too: convert it first.
    """
    if row.fields is None or (isinstance(row.fields.get("messages"), list) and row.fields["messages"]):
        return
    if "messages" in row.fields:
        messages = row.fields["messages"]
        yield Problem("`messages` is empty" if messages == [] else f"`messages` is {kind_of(messages)}, not a list")
        return
    other = format_of(row.value)
    keys = ", ".join(quote(key) for key in list(row.fields)[:5]) or "none"
    hint = f"; it looks like {other.value}" if other is not Format.UNKNOWN else f"; keys are {keys}"
    yield Problem(f"no `messages`{hint}")


@record_rule("R003", "example_missing_assistant_message", Severity.ERROR, formats={Format.CHAT})
def example_missing_assistant_message(record: ChatRecord, context: Context) -> Iterator[Problem]:
    """A record has no assistant message.

    There is no answer to learn, and the upload fails. A question for reinforcement needs keys for a grader.
    """
    if record.messages and not any(message.role == "assistant" for message in record.messages):
        yield Problem("no message has the role 'assistant'")


@row_rule("R004", "mixed_formats", Severity.ERROR, formats=frozenset(Format) - {Format.UNKNOWN, Format.CHAT})
def mixed_formats(row: Row, context: Context) -> Iterator[Problem]:
    """A record has another format than the rest of the file.

    A trainer reads one format a file; the others would fail or be dropped.
    """
    if row.fields is None:
        return
    found = format_of(row.value)
    if context.format is Format.REINFORCEMENT and found in (Format.CHAT, Format.UNKNOWN):
        return
    if found is Format.UNKNOWN:
        yield Problem(f"the keys fit no format; the file's is {context.format.value}")
    elif found is not context.format:
        yield Problem(f"the record is {found.value}, the file's format is {context.format.value}")
