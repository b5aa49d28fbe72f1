"""What of a record is compared: what a person reads in it, or what is asked in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from workbench.dataset.duplicates.shingles import Kind
from workbench.dataset.formats import PAIRS, Format, RecordError, content_text, format_of, parse_pair, to_chat

_decode = msgspec.json.Decoder().decode
_SYSTEM = ("system", "developer")


def read(raw: bytes) -> object:
    """The value of a row, or None where it has none."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        return json.loads(raw)  # what the linter takes for readable, if with a finding: NaN, half a character
    except (ValueError, RecursionError):
        return None


def record_text(value: object) -> str:
    """All that is said in a record, tool calls included; system prompts, which records share, are left out.

    Where there is nothing else, the system prompt is the text; a record of no known format gives all its texts.
    """
    messages = _messages(value)
    if messages is None:
        return "\n".join(_every_text(value))
    return "\n".join(_said(messages) or _said(messages, system=True))


def prompt_text(value: object) -> str:
    """What is asked: all before the last answer, without system prompts; all of it where nothing is asked."""
    messages = _prompt(value)
    if messages is None:
        return "\n".join(_every_text(value))
    asked = _said(messages)
    return "\n".join(asked) if asked else record_text(value)


TEXT_OF: Mapping[Kind, Callable[[object], str]] = {"words": record_text, "characters": prompt_text}
"""What of a record is compared by which pieces."""


def _prompt(value: object) -> Sequence[Mapping[str, Any]] | None:
    fmt = format_of(value)
    if fmt in PAIRS:
        try:
            return parse_pair(value, fmt).prompt
        except RecordError:
            return None
    messages = _messages(value)
    if messages is None:
        return None
    answers = [index for index, message in enumerate(messages) if message.get("role") == "assistant"]
    return messages[: answers[-1]] if answers else messages


def _messages(value: object) -> Sequence[Mapping[str, Any]] | None:
    """The record's conversation, both answers of a pair included; None where it has none."""
    fmt = format_of(value)
    if fmt in (Format.CHAT, Format.REINFORCEMENT) and isinstance(value, Mapping):
        messages = value["messages"]
        if isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
            return messages
        return None
    try:
        if fmt in PAIRS:
            pair = parse_pair(value, fmt)
            return [*pair.prompt, *pair.preferred, *pair.other]
        return to_chat(value, fmt)
    except RecordError:
        return None


def _said(messages: Sequence[Mapping[str, Any]], *, system: bool = False) -> list[str]:
    """The texts of messages and of their tool calls; with `system` those of system prompts too."""
    said: list[str] = []
    for message in messages:
        if not system and message.get("role") in _SYSTEM:
            continue
        content = message.get("content")
        text = content if type(content) is str else content_text(content)
        if text:
            said.append(text)
        if calls := message.get("tool_calls"):
            said.extend(_called(calls))
    return said


def _called(calls: object) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield from (item for item in (function.get("name"), function.get("arguments")) if isinstance(item, str))


def _every_text(value: object) -> Iterator[str]:
    """All texts of a JSON value, without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
