"""P: preference pairs."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.formats import PAIRS, Format, Pair, RecordError, content_text, format_of, parse_pair
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.registry import Context, Problem, Severity, row_rule


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
    """Both answers of a pair are the same, so there is nothing to prefer."""
    pair = _pair(row, context)
    if pair is not None and pair.preferred and pair.preferred == pair.other:
        yield Problem("both answers are the same")


@row_rule("P003", "pair_role", Severity.ERROR, formats={Format.PREFERENCE})
def pair_role(row: Row, context: Context) -> Iterator[Problem]:
    """An answer of a pair has a message that is neither the assistant's nor a tool's."""
    pair = _pair(row, context)
    if pair is None:
        return
    for name, answer in (("preferred_output", pair.preferred), ("non_preferred_output", pair.other)):
        for message in answer:
            if message["role"] not in ("assistant", "tool"):
                yield Problem(f"{name} has the role {message['role']!r}; only assistant and tool are taken")
