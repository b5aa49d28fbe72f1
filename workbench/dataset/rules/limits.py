"""L: what the provider and the model take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.dataset.formats import Format, RecordError, to_chat
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, row_rule

_PROVIDERS = ("openai", "azure", "compatible")


@file_rule("L001", "too_few_records", Severity.ERROR, profiles=(*_PROVIDERS, "local"))
def too_few_records(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file has fewer records than the provider asks for, so the job would not start."""
    if context.limits is not None and facts.records < context.limits.min_records:
        yield Problem(f"{facts.records} records; the provider asks for at least {context.limits.min_records}")


@file_rule("L002", "few_records", Severity.WARNING, profiles=(*_PROVIDERS, "local"))
def few_records(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file has fewer records than are advised to begin with; hundreds or thousands teach better."""
    limits = context.limits
    if limits is not None and limits.min_records <= facts.records < limits.advised_records:
        yield Problem(f"{facts.records} records; at least {limits.advised_records} are advised")


@file_rule("L003", "file_too_large", Severity.ERROR, profiles=_PROVIDERS)
def file_too_large(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file is larger than one upload may be."""
    largest = context.limits.file_bytes if context.limits is not None else None
    if largest is not None and facts.size > largest:
        yield Problem(f"{facts.size / 2**20:,.0f} MiB; the provider takes {largest / 2**20:,.0f} MiB a file")


def _messages_over_limit(row: Row, context: Context) -> tuple[Sequence[Mapping[str, Any]], int] | None:
    """The row's messages and their tokens, if they are more than the model takes; None else.

    A token is at least one byte, so a row with fewer bytes than the limit needs no counting.
    """
    limit, counter = context.example_tokens, context.counter
    if limit is None or counter is None or row.fields is None or len(row.raw) <= limit:
        return None
    try:
        messages = to_chat(row.value, context.format)
    except RecordError:
        return None
    if context.format is Format.TEXT:
        total = counter.text(messages[0]["content"])
    else:
        tools = row.fields.get("tools")
        total = counter.messages(messages, tools if isinstance(tools, list) else None).total
    return (messages, total) if total > limit else None


@row_rule("L004", "example_too_long", Severity.WARNING, formats=frozenset(Format) - {Format.UNKNOWN})
def example_too_long(row: Row, context: Context) -> Iterator[Problem]:
    """A record has more tokens than the model takes for one example.

    It is not refused but cut: the end of it is not learnt. Checked where a model is named (`--model`).
    """
    over = _messages_over_limit(row, context)
    if over is not None:
        yield Problem(f"{over[1]:,} tokens; what stands behind {context.example_tokens:,} is cut off")


@row_rule("L005", "answer_cut_off", Severity.ERROR, formats={Format.CHAT, Format.PROMPT_COMPLETION, Format.SHAREGPT})
def answer_cut_off(row: Row, context: Context) -> Iterator[Problem]:
    """No answer of a record lies within the tokens that the model takes: nothing of it would be learnt."""
    over = _messages_over_limit(row, context)
    if over is None or context.counter is None or context.example_tokens is None:
        return
    messages, _ = over
    first = next((index for index, message in enumerate(messages) if message.get("role") == "assistant"), None)
    if first is not None and context.counter.messages(messages[:first]).total >= context.example_tokens:
        yield Problem("the first answer lies behind the cut, nothing would be learnt", first)
