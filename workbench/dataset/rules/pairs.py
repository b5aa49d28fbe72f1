"""P: preference pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.catalog.limits import CHAT_ROLES
from workbench.dataset.formats import (
    PAIRS,
    ChatRecord,
    Format,
    Pair,
    RecordError,
    content_text,
    format_of,
    parse_chat,
    parse_pair,
)
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.messages import content_part, message_unrecognized_key, missing_content
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, row_rule
from workbench.dataset.rules.tools import arguments_not_json, tool_call_malformed


def _pair(row: Row, context: Context) -> Pair | None:
    """The row's pair, or None where it has another format or is malformed (`pair_malformed` says so)."""
    if row.fields is None or format_of(row.value) is not context.format:
        return None
    try:
        return parse_pair(row.value, context.format)
    except RecordError:
        return None


@row_rule("P001", "pair_malformed", Severity.ERROR, formats=PAIRS)
def pair_malformed(row: Row, context: Context) -> Iterator[Problem]:
    """A preference record lacks its prompt or one of its two answers.

    OpenAI's is `{"input": {"messages"}, "preferred_output", "non_preferred_output"}` (the names with `_completion`,
    in an old schema, are refused); TRL's is `{"prompt", "chosen", "rejected"}`.
    """
    if row.fields is None or format_of(row.value) is not context.format:
        return
    try:
        pair = parse_pair(row.value, context.format)
    except RecordError as error:
        yield Problem(str(error))
        return
    for name, answer in (("preferred", pair.preferred), ("other", pair.other)):
        if not answer:
            yield Problem(f"the {name} answer has no message")
        elif not any(content_text(message.get("content")).strip() or message.get("tool_calls") for message in answer):
            yield Problem(f"the {name} answer is empty")
    if not pair.prompt:
        yield Problem("there is no prompt")


@row_rule("P002", "pair_equal", Severity.ERROR, formats=PAIRS)
def pair_equal(row: Row, context: Context) -> Iterator[Problem]:
    """Both answers of a pair are the same, or differ in white space alone.

    There is nothing to prefer, so nothing to learn, but it is paid for. Leave the pair out.
    """
    pair = _pair(row, context)
    if pair is None or not pair.preferred:
        return
    if pair.preferred == pair.other:
        yield Problem("both answers are the same")
    elif list(map(_bare, pair.preferred)) == list(map(_bare, pair.other)):
        yield Problem("both answers are the same but for white space")


def _bare(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with runs of white space in its text as one space."""
    return {**message, "content": " ".join(content_text(message.get("content")).split())}


@row_rule("P003", "pair_role", Severity.ERROR, formats={Format.PREFERENCE})
def pair_role(row: Row, context: Context) -> Iterator[Problem]:
    """An answer of a pair has a message that is neither the assistant's nor a tool's.

    The provider refuses it: an answer is what the model says. Move the user's words to the prompt.
    """
    pair = _pair(row, context)
    if pair is None:
        return
    for name, answer in (("preferred_output", pair.preferred), ("non_preferred_output", pair.other)):
        for message in answer:
            if message["role"] not in ("assistant", "tool"):
                yield Problem(f"{name} has the role {message['role']!r}; only assistant and tool are taken")


@row_rule("P004", "pair_message", Severity.ERROR, formats=PAIRS)
def pair_message(row: Row, context: Context) -> Iterator[Problem]:
    """A message of a pair is malformed: its role, its content, a key, or a tool call.

    The same is asked of it as of a message in a chat record (`unrecognized_role`, `missing_content`, `content_part`,
    `message_unrecognized_key`, `tool_call_malformed`, `arguments_not_json`).
    """
    pair = _pair(row, context)
    if pair is None:
        return
    for name, messages in (("prompt", pair.prompt), ("preferred answer", pair.preferred), ("other answer", pair.other)):
        record = parse_chat({"messages": messages})
        for index, text in _message_faults(record, context):
            yield Problem(f"{name}, message {index}: {text}")


def _message_faults(record: ChatRecord, context: Context) -> Iterator[tuple[int, str]]:
    roles = CHAT_ROLES if context.limits is None else context.limits.roles
    for index, message in enumerate(record.messages):
        if message.role not in roles:
            yield index, f"role {quote(message.role)}; expected one of {', '.join(roles)}"
    rules = (message_unrecognized_key, missing_content, content_part, tool_call_malformed, arguments_not_json)
    for problem in (problem for rule in rules for problem in rule(record, context)):
        # An answer that is one empty message is `pair_malformed`.
        if len(record.messages) > 1 or problem.text not in ("content is empty", "content is null"):
            yield problem.message_index or 0, problem.text


@row_rule("P005", "pair_prompt_end", Severity.WARNING, formats=PAIRS)
def pair_prompt_end(row: Row, context: Context) -> Iterator[Problem]:
    """The prompt of a pair does not end where an answer belongs: with the user's message, or a tool's result.

    Behind an assistant's message the model would learn to go on talking. Often a part of the answer was left in the
    prompt.
    """
    pair = _pair(row, context)
    if pair is not None and pair.prompt and pair.prompt[-1].get("role") not in ("user", "tool", "function"):
        yield Problem(f"the prompt ends with the role {quote(pair.prompt[-1].get('role'))}")
