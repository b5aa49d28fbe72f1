"""Renders a record by a model's own chat template and says which of its text is trained.

What is trained is found by prefix differences: the text up to and including an assistant message, less the text of the
messages before it with the generation prompt. That is what the model is asked to produce when it is used, so its answer
and the token that ends its turn are trained, and the header before it and the newline after it are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.runtime
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Span = tuple[int, int]
"""Half-open range of characters of the rendered text."""


class TemplateError(WorkbenchError):
    """The chat template cannot render a record, or its rendering does not tell what is trained."""

    code = "template"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of rendered text of one kind."""

    text: str
    trained: bool
    special: bool
    """Put there by the template (headers, end of turn, a default system prompt), not by the record."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A record as the model reads it."""

    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """The whole text, exactly as it is tokenized."""
        return "".join(segment.text for segment in self.segments)

    @property
    def trained_spans(self) -> tuple[Span, ...]:
        """The trained ranges of `text`, in order, none touching another."""
        spans: list[Span] = []
        position = 0
        for segment in self.segments:
            end = position + len(segment.text)
            if segment.trained:
                if spans and spans[-1][1] == position:
                    spans[-1] = (spans[-1][0], end)
                else:
                    spans.append((position, end))
            position = end
        return tuple(spans)


@dataclass(slots=True)
class Tokenized:
    """A record as token ids; `trained` has the same length as `input_ids`."""

    input_ids: list[int]
    trained: list[bool]
    truncated: bool


class _Generation(jinja2.ext.Extension):
    """Renders `{% generation %}` blocks (transformers' way to mark answers) as their content."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own class attribute

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """The block's body, unchanged."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers' templates expect it: jinja's own filter escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)


@lru_cache(maxsize=16)
def _compile(chat_template: str) -> jinja2.Template:
    """The template in the environment that transformers gives it (utils/chat_template_utils.py)."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    try:
        return environment.from_string(chat_template)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(
            f"the chat template, line {error.lineno}", str(error.message), "check the model's chat_template.jinja"
        ) from error


@dataclass(frozen=True, slots=True)
class _Renderer:
    """One template with one model's special tokens and one record's tools."""

    template: jinja2.Template
    variables: Mapping[str, Any]

    def __call__(self, messages: Sequence[Mapping[str, Any]], generation: bool = False) -> str:
        try:
            return self.template.render(messages=list(messages), add_generation_prompt=generation, **self.variables)
        except jinja2.TemplateError as error:
            raise TemplateError(
                "the chat template", f"does not take this record: {error}", "see what the model's template allows"
            ) from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise TemplateError(
                "the chat template", f"fails on this record: {error}", "check the record's roles and contents"
            ) from error


def render(
    messages: Sequence[Mapping[str, Any]],
    *,
    chat_template: str,
    bos_token: str | None,
    eos_token: str | None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
) -> Rendered:
    """The record as text, with what is trained.

    Trained are the assistant's messages (content, tool calls, and the token that ends the turn), except those whose
    `weight` is 0. Raises TemplateError where the template refuses the record, or renders a conversation's start
    differently once it goes on, so that nobody could say for certain what the model is asked to produce.
    """
    variables: dict[str, Any] = {"tools": list(tools) if tools else None}
    variables |= {"bos_token": bos_token or "", "eos_token": eos_token or ""}
    renderer = _Renderer(_compile(chat_template), variables)
    text = renderer(messages, add_generation_prompt)
    trained = [
        _answer_span(renderer, messages, index, text)
        for index, message in enumerate(messages)
        if message.get("role") == "assistant" and message.get("weight") != 0
    ]
    return Rendered(tuple(_segments(text, trained, list(_content_spans(renderer, messages, text)))))


def _answer_span(renderer: _Renderer, messages: Sequence[Mapping[str, Any]], index: int, text: str) -> Span:
    """Where the answer of message `index` stands in `text`, its end-of-turn token included."""
    before = renderer(messages[:index], True) if index else _header_of_first(renderer, messages, text)
    after = renderer(messages[: index + 1])
    if not (text.startswith(after) and after.startswith(before) and len(after) > len(before)):
        raise TemplateError(
            f"message {index}",
            "the model's chat template renders it differently depending on what follows, so what is trained is unclear",
            "use a model whose template renders turns one after another, or end the record at this message",
            code="template_not_prefix",
        )
    return len(before), len(before) + _trained_length(after[len(before) :], messages[index].get("content"))


def _header_of_first(renderer: _Renderer, messages: Sequence[Mapping[str, Any]], text: str) -> str:
    """What stands before the content of a record that starts with the assistant.

    Templates read `messages[0]` and fail or add a system prompt for an empty list, so the header is taken from the
    rendering itself: all before the content, if the content can be found.
    """
    content = messages[0].get("content")
    first = renderer(messages[:1])
    position = first.find(content.strip()) if isinstance(content, str) and content.strip() else -1
    if position < 0 or not text.startswith(first):
        raise TemplateError(
            "message 0", "the record starts with the assistant and its text cannot be found in the rendering",
            "begin the record with a user message", code="template_not_prefix",
        )  # fmt: skip
    return first[:position]


def _trained_length(turn: str, content: object) -> int:
    """How much of an answer's rendering is trained: without the whitespace after the end-of-turn token.

    The whitespace only separates turns; the model stops at the token before it. Where nothing but whitespace ends the
    turn, that whitespace is the end and is trained.
    """
    bare = len(turn.rstrip())
    if isinstance(content, str) and content.strip():
        position = turn.rfind(content.strip())
        if position >= 0 and bare <= position + len(content.strip()):
            return len(turn)
    return bare or len(turn)


def _content_spans(renderer: _Renderer, messages: Sequence[Mapping[str, Any]], text: str) -> Iterator[Span]:
    """Where the record's own text stands in `text`; the rest is the template's.

    Only what is shown depends on it: a content that the template rewrote is not found and counts as the template's.
    """
    start = 0
    for index, message in enumerate(messages):
        content = message.get("content")
        try:
            end = len(renderer(messages[: index + 1])) if index + 1 < len(messages) else len(text)
        except TemplateError:  # some templates take no conversation that ends here: search all that is left
            end = len(text)
        for part in [content] if isinstance(content, str) else _text_parts(content):
            wanted = part if text.rfind(part, start, end) >= 0 else part.strip()
            position = text.rfind(wanted, start, end) if wanted else -1
            if position >= 0:
                start = position + len(wanted)
                yield position, start


def _text_parts(content: object) -> list[str]:
    """The texts of a content that is a list of parts."""
    if not isinstance(content, list):
        return []
    return [str(part["text"]) for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)]


def _segments(text: str, trained: Sequence[Span], contents: Sequence[Span]) -> Iterator[Segment]:
    """`text` cut wherever the kind changes."""
    cuts = sorted({0, len(text), *(edge for span in (*trained, *contents) for edge in span)})
    for start, end in pairwise(cuts):
        yield Segment(
            text[start:end],
            trained=any(low <= start < high for low, high in trained),
            special=not any(low <= start < high for low, high in contents),
        )


def tokenize(rendered: Rendered, tokenizer: Tokenizer, max_length: int | None) -> Tokenized:
    """The record's token ids, all of its text encoded at once as transformers does, and which of them are trained.

    A token is trained when any of its characters is. `tokenizer` gets its own truncation and padding switched off, for
    the length is ours to cut: what is beyond `max_length` tokens is dropped from the end.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoding = tokenizer.encode(rendered.text, add_special_tokens=False)
    ids: list[int] = list(encoding.ids)
    trained = trained_tokens(encoding.offsets, rendered.trained_spans)
    truncated = max_length is not None and len(ids) > max_length
    return Tokenized(ids[:max_length], trained[:max_length], truncated) if truncated else Tokenized(ids, trained, False)


def trained_tokens(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """For each token, whether it overlaps a trained span.

    Tokenizers that trim offsets (ByteLevel's default) leave whitespace out of a token's range, and give a token of
    nothing but whitespace an empty one: a token is taken to begin where the one before it ended.
    """
    flags: list[bool] = []
    reached = 0
    upcoming = iter([*spans, (1 << 62, 1 << 62)])
    low, high = next(upcoming)
    for start, end in offsets:
        begin = min(start, reached) if end > reached else start
        reached = max(reached, end)
        while begin >= high:
            low, high = next(upcoming)
        flags.append(max(begin, low) < min(max(end, begin), high))
    return flags
