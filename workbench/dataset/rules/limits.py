"""L: what the provider and the model take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.dataset.epochs import MAX_DEFAULT_EPOCHS, default_epochs
from workbench.dataset.formats import PAIRS, Format, RecordError, parse_pair, to_chat, tools_of
from workbench.dataset.rules.facts import Facts, Row
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule, row_rule
from workbench.dataset.tokens import Counter

_PROVIDERS = ("openai", "azure", "compatible")
_ANSWERED = frozenset({Format.CHAT, Format.PROMPT_COMPLETION, Format.SHAREGPT, Format.ALPACA, Format.UNPAIRED}) | PAIRS


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
    """The tokens of a row, of a pair those of both sides; 0 where it is not in shape or nothing counts."""
    counter = context.counter
    return 0 if counter is None else sum(_tokens(row, one, counter, context.format) for one in _sides(row, context))


Conversation = Sequence[Mapping[str, Any]]


def _sides(row: Row, context: Context) -> list[Conversation]:
    """What is trained of a row, one conversation; of a pair two: each answer with the prompt."""
    if row.fields is None:
        return []
    try:
        if context.format in PAIRS:
            pair = parse_pair(row.value, context.format)
            return [[*pair.prompt, *pair.preferred], [*pair.prompt, *pair.other]]
        return [to_chat(row.value, context.format)]
    except RecordError:
        return []


def _tokens(row: Row, messages: Conversation, counter: Counter, fmt: Format) -> int:
    """The tokens of a conversation with the row's tools; 0 for none, or where the model's template does not take it."""
    try:
        if fmt is Format.TEXT:
            return counter.text(messages[0]["content"])
        return counter.messages(messages, tools_of(row.value)).total if messages else 0
    except RecordError:  # `template_refuses` says so
        return 0


def _over_limit(row: Row, context: Context) -> Iterator[tuple[Conversation, int]]:
    """The conversations of a row that have more tokens than the model takes, with their tokens.

    A token is at least one byte, so a row with fewer bytes than the limit needs no counting.
    """
    limit, counter = context.example_tokens, context.counter
    if limit is None or counter is None or len(row.raw) <= limit:
        return
    for messages in _sides(row, context):
        total = _tokens(row, messages, counter, context.format)
        if total > limit:
            yield messages, total


@row_rule("L004", "example_too_long", Severity.WARNING, formats=frozenset(Format) - {Format.UNKNOWN})
def example_too_long(row: Row, context: Context) -> Iterator[Problem]:
    """A record has more tokens than the model takes for one example.

    It is not refused but cut: the end of it is not learnt. Checked where a model is named (`--model`).
    """
    totals = [total for _, total in _over_limit(row, context)]
    if totals:
        yield Problem(f"{max(totals):,} tokens; what stands behind {context.example_tokens:,} is cut off")


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


@row_rule("L007", "answer_truncated", Severity.ERROR, formats=_ANSWERED)
def answer_truncated(row: Row, context: Context) -> Iterator[Problem]:
    """The cut at the model's limit goes through an answer.

    The model would learn an answer that breaks off, and no token that ends it. Shorten what stands before it, or leave
    the record out. Checked where a model is named (`--model`).
    """
    limit, counter = context.example_tokens, context.counter
    if limit is None or counter is None:
        return
    for messages, _ in _over_limit(row, context):
        for index, message in enumerate(messages):
            if message.get("role") != "assistant" or message.get("weight") == 0:
                continue
            before = _tokens(row, messages[:index], counter, context.format)
            if before < limit < _tokens(row, messages[: index + 1], counter, context.format):
                yield Problem(f"the answer is cut off at {limit:,} tokens", _place(index, context))
                return


def _place(index: int, context: Context) -> int | None:
    """A message's number in its record; a pair's messages have none."""
    return None if context.format in PAIRS else index


@row_rule("L005", "answer_cut_off", Severity.ERROR, formats=_ANSWERED)
def answer_cut_off(row: Row, context: Context) -> Iterator[Problem]:
    """No answer of a record lies within the tokens that the model takes.

    Nothing of it would be learnt, and it is paid for up to the cut. Shorten what stands before, or leave it out.
    """
    limit, counter = context.example_tokens, context.counter
    if limit is None or counter is None:
        return
    for messages, _ in _over_limit(row, context):
        first = next((index for index, message in enumerate(messages) if message.get("role") == "assistant"), None)
        if first is not None and _tokens(row, messages[:first], counter, context.format) >= limit:
            yield Problem("the first answer lies behind the cut, nothing would be learnt", _place(first, context))
            return
