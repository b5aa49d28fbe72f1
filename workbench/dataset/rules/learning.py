"""E: what a chosen open model learns from a record, by its own template and tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.dataset.formats import PAIRS, Format, RecordError, content_text, to_chat, tools_of
from workbench.dataset.rules.facts import Row
from workbench.dataset.rules.registry import Context, Problem, Severity, row_rule
from workbench.dataset.tokens import TemplateCounter

if TYPE_CHECKING:
    from workbench.dataset.template import Rendered, Tokenized

_FORMATS = frozenset({Format.CHAT, Format.SHAREGPT, Format.ALPACA}) | PAIRS


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record as the model sees it."""

    rendered: Rendered | None
    tokens: Tokenized | None
    refusal: str = ""
    """Why the template does not take it."""
    words: frozenset[str] = frozenset()
    """Those of the answers that are trained."""


def _seen(row: Row, context: Context) -> _Seen | None:
    """What the model sees of a row; None where no open model is chosen or the row is not in shape."""
    if not isinstance(context.counter, TemplateCounter) or row.fields is None:
        return None
    return _rendered(row.raw, context.format, context.counter, context.example_tokens, _Value(row.value))


class _Value:
    """A row's value, which the cache below does not look at: the bytes say it all."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=2)
def _rendered(raw: bytes, fmt: Format, counter: TemplateCounter, limit: int | None, held: _Value) -> _Seen | None:
    """Rendered once for the three rules that ask about a row one after the other."""
    # Here: Jinja costs two megabytes and its time, and most files are looked at without a template.
    from workbench.dataset.template import TemplateError, render, tokenize

    try:
        messages = to_chat(held.value, fmt)
    except RecordError:
        return None
    answers = [message for message in messages if message.get("role") == "assistant" and message.get("weight") != 0]
    if not answers:
        return None  # other rules say so
    try:
        rendered = render(
            messages,
            chat_template=counter.chat_template,
            bos_token=counter.bos_token,
            eos_token=counter.eos_token,
            tools=tools_of(held.value),
        )
    except TemplateError as error:
        return _Seen(None, None, error.message)
    words = frozenset(word for message in answers for word in content_text(message.get("content")).split())
    return _Seen(rendered, tokenize(rendered, counter.tokenizer, limit), words=words)


@row_rule("E001", "template_refuses", Severity.ERROR, formats=_FORMATS)
def template_refuses(row: Row, context: Context) -> Iterator[Problem]:
    """The chosen model's chat template does not take a record.

    Training would fail on it. Templates refuse roles they do not know, a system prompt where they have none, or turns
    that do not alternate. Checked where an open model is named (`--model`).
    """
    seen = _seen(row, context)
    if seen is not None and seen.rendered is None:
        yield Problem(seen.refusal)


@row_rule("E002", "nothing_learnt", Severity.ERROR, formats=_FORMATS)
def nothing_learnt(row: Row, context: Context) -> Iterator[Problem]:
    """No token of a record is trained, for the chosen model's template leaves its answers out.

    Look at it in the microscope, and choose a template that shows them. (Answers behind the model's limit are
    `answer_cut_off`.)
    """
    seen = _seen(row, context)
    if seen is None or seen.rendered is None or seen.tokens is None or seen.tokens.truncated:
        return
    trained = "".join(segment.text for segment in seen.rendered.segments if segment.trained)
    # Templates may shorten an answer (its thinking, white space), so a word of it is enough.
    if not trained or (seen.words and not any(word in trained for word in seen.words)):
        yield Problem("the template leaves every answer out, so nothing is trained")


@row_rule("E003", "end_of_turn_missing", Severity.WARNING, formats=_FORMATS)
def end_of_turn_missing(row: Row, context: Context) -> Iterator[Problem]:
    """The token that ends the last answer is not trained, so the model does not learn to stop.

    The template has none behind an answer; choose one that ends its turns (`chatml`). (A record that is cut before its
    answer ends is `answer_truncated`.)
    """
    seen = _seen(row, context)
    if seen is None or seen.rendered is None or any(nothing_learnt(row, context)):
        return
    last = [segment for segment in seen.rendered.segments if segment.trained][-1]
    if not last.special or not last.text.strip():
        yield Problem("the template puts nothing behind the last answer that could end it")
