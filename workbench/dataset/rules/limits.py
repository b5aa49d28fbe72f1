"""L: what the provider and the model take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.dataset.formats import PAIRS, Format, RecordError, to_chat
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, row_rule
from workbench.dataset.stats import MAX_DEFAULT_EPOCHS, default_epochs
from workbench.dataset.tokens import Counter

_PROVIDERS = ("openai", "azure", "compatible")
_ANSWERED = frozenset({Format.CHAT, Format.PROMPT_COMPLETION, Format.SHAREGPT, Format.ALPACA, Format.UNPAIRED})


@file_rule("L001", "too_few_records", Severity.ERROR, profiles=(*_PROVIDERS, "local"))
def too_few_records(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file has fewer records than the provider asks for.

    The job would not start. Add records, or try prompts with examples in them: for so few they often do as well.
    """
    if context.limits is not None and facts.records < context.limits.min_records:
        yield Problem(f"{facts.records} records; the provider asks for at least {context.limits.min_records}")


@file_rule("L002", "few_records", Severity.WARNING, profiles=(*_PROVIDERS, "local"))
def few_records(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file has fewer records than are advised to begin with.

    Some dozens of good ones show whether training helps at all; hundreds or thousands teach better.
    """
    limits = context.limits
    if limits is not None and limits.min_records <= facts.records < limits.advised_records:
        yield Problem(f"{facts.records} records; at least {limits.advised_records} are advised")


@file_rule("L003", "file_too_large", Severity.ERROR, profiles=_PROVIDERS)
def file_too_large(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file is larger than one upload may be.

    The upload fails. Leave out duplicates and overlong records, or split it and train twice.
    """
    largest = context.limits.file_bytes if context.limits is not None else None
    if largest is not None and facts.size > largest:
        yield Problem(f"{facts.size / 2**20:,.0f} MiB; the provider takes {largest / 2**20:,.0f} MiB a file")


def tokens_matter(facts: Facts, context: Context) -> bool:
    """Whether a file may have more tokens than one job takes, so that they must be counted: a token is a byte at least.

    Most files are far too small for it.
    """
    most = context.limits.tokens_times_epochs if context.limits is not None else None
    return most is not None and context.counter is not None and facts.size * MAX_DEFAULT_EPOCHS > most


def row_tokens(row: Row, context: Context) -> int:
    """The tokens of a row; 0 where it is not in shape or nothing counts."""
    messages = _conversation(row, context)
    return 0 if messages is None or context.counter is None else _tokens(row, messages, context.counter, context.format)


def _conversation(row: Row, context: Context) -> Sequence[Mapping[str, Any]] | None:
    if row.fields is None:
        return None
    try:
        return to_chat(row.value, context.format)
    except RecordError:
        return None


def _tokens(row: Row, messages: Sequence[Mapping[str, Any]], counter: Counter, fmt: Format) -> int:
    try:
        if fmt is Format.TEXT:
            return counter.text(messages[0]["content"])
        tools = row.fields.get("tools") if row.fields is not None else None
        return counter.messages(messages, tools if isinstance(tools, list) else None).total
    except RecordError:  # the model's template does not take it: `template_refuses` says so
        return 0


def _messages_over_limit(row: Row, context: Context) -> tuple[Sequence[Mapping[str, Any]], int] | None:
    """The row's messages and their tokens, if they are more than the model takes; None else.

    A token is at least one byte, so a row with fewer bytes than the limit needs no counting.
    """
    limit, counter = context.example_tokens, context.counter
    if limit is None or counter is None or len(row.raw) <= limit:
        return None
    messages = _conversation(row, context)
    if messages is None:
        return None
    total = _tokens(row, messages, counter, context.format)
    return (messages, total) if total > limit else None


@row_rule("L004", "example_too_long", Severity.WARNING, formats=frozenset(Format) - {Format.UNKNOWN})
def example_too_long(row: Row, context: Context) -> Iterator[Problem]:
    """A record has more tokens than the model takes for one example.

    It is not refused but cut: the end of it is not learnt. Checked where a model is named (`--model`).
    """
    over = _messages_over_limit(row, context)
    if over is not None:
        yield Problem(f"{over[1]:,} tokens; what stands behind {context.example_tokens:,} is cut off")


@file_rule("L006", "tokens_times_epochs", Severity.ERROR, profiles=_PROVIDERS)
def tokens_times_epochs(facts: Facts, context: Context) -> Iterator[Problem]:
    """The file's tokens times the epochs are more than the provider trains in one job.

    Epochs are those that the cookbook's rule gives for this many records. Train on fewer records, or set fewer epochs.
    Checked where a model is named (`--model`).
    """
    most = context.limits.tokens_times_epochs if context.limits is not None else None
    if most is None or facts.tokens is None or not facts.records:
        return
    epochs = default_epochs(facts.records)
    if facts.tokens * epochs > most:
        yield Problem(f"{facts.tokens:,} tokens × {epochs} epochs; the provider trains {most:,} a job")


@row_rule("L007", "answer_truncated", Severity.ERROR, formats=_ANSWERED | PAIRS)
def answer_truncated(row: Row, context: Context) -> Iterator[Problem]:
    """The cut at the model's limit goes through an answer.

    The model would learn an answer that breaks off, and no token that ends it. Shorten what stands before it, or leave
    the record out. Checked where a model is named (`--model`).
    """
    over = _messages_over_limit(row, context)
    if over is None or context.counter is None or context.example_tokens is None:
        return
    messages, _ = over
    for index, message in enumerate(messages):
        if message.get("role") != "assistant" or message.get("weight") == 0:
            continue
        before = context.counter.messages(messages[:index]).total if index else 0
        if before < context.example_tokens < context.counter.messages(messages[: index + 1]).total:
            yield Problem(f"the answer is cut off at {context.example_tokens:,} tokens", index)
            return


@row_rule("L005", "answer_cut_off", Severity.ERROR, formats=_ANSWERED)
def answer_cut_off(row: Row, context: Context) -> Iterator[Problem]:
    """No answer of a record lies within the tokens that the model takes.

    Nothing of it would be learnt, and it is paid for up to the cut. Shorten what stands before, or leave it out.
    """
    over = _messages_over_limit(row, context)
    if over is None or context.counter is None or context.example_tokens is None:
        return
    messages, _ = over
    first = next((index for index, message in enumerate(messages) if message.get("role") == "assistant"), None)
    if first is not None and context.counter.messages(messages[:first]).total >= context.example_tokens:
        yield Problem("the first answer lies behind the cut, nothing would be learnt", first)
