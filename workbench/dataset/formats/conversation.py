"""The conversation in a record of any format, as a list of chat messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.dataset.formats.chat import parse_chat
from workbench.dataset.formats.pairs import message_list, parse_pair
from workbench.dataset.formats.record import PAIRS, Format, RecordError, kind_of

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
}
"""ShareGPT's names for roles, with those of the tools that write it."""


def to_chat(value: object, fmt: Format) -> list[dict[str, Any]]:
    """The messages in a record of format `fmt`; a pair gives its prompt with the preferred answer.

    Raises RecordError with the place where the record does not have the format's shape.
    """
    if not isinstance(value, Mapping):
        raise RecordError("", f"is {kind_of(value)}, not an object")
    if fmt in PAIRS:
        pair = parse_pair(value, fmt)
        return pair.prompt + pair.preferred
    match fmt:
        case Format.CHAT | Format.REINFORCEMENT:
            parse_chat(value)
            return message_list(value["messages"], "user", "messages")
        case Format.PROMPT_COMPLETION | Format.UNPAIRED:
            prompt = message_list(_field(value, "prompt"), "user", "prompt")
            return prompt + message_list(_field(value, "completion"), "assistant", "completion")
        case Format.TEXT:
            return [{"role": "assistant", "content": _text(value, "text")}]
        case Format.ALPACA:
            return _alpaca(value)
        case Format.SHAREGPT:
            return _sharegpt(value)
    raise RecordError("", "has no format that is known, so no conversation can be read from it")


def _field(value: Mapping[str, Any], key: str) -> object:
    if key not in value:
        raise RecordError(key, "is missing")
    return value[key]


def _text(value: Mapping[str, Any], key: str) -> str:
    text = _field(value, key)
    if not isinstance(text, str):
        raise RecordError(key, f"is {kind_of(text)}, not text")
    return text


def _alpaca(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """System, earlier turns (`history`, pairs of question and answer), the instruction with its input, the answer."""
    messages: list[dict[str, Any]] = []
    if value.get("system"):
        messages.append({"role": "system", "content": _text(value, "system")})
    history = value.get("history") or []
    if not isinstance(history, list):
        raise RecordError("history", f"is {kind_of(history)}, not a list of pairs")
    for index, turn in enumerate(history):
        if not (isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn)):
            raise RecordError(f"history[{index}]", "is not a pair of question and answer")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    question = _text(value, "instruction")
    if value.get("input"):
        question = f"{question}\n\n{_text(value, 'input')}"
    return [*messages, {"role": "user", "content": question}, {"role": "assistant", "content": _text(value, "output")}]


def _sharegpt(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    turns = _field(value, "conversations")
    if not isinstance(turns, list):
        raise RecordError("conversations", f"is {kind_of(turns)}, not a list of turns")
    messages: list[dict[str, Any]] = []
    if value.get("system"):
        messages.append({"role": "system", "content": _text(value, "system")})
    for index, turn in enumerate(turns):
        place = f"conversations[{index}]"
        if not isinstance(turn, Mapping):
            raise RecordError(place, f"is {kind_of(turn)}, not an object with `from` and `value`")
        speaker, text = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
        if not isinstance(speaker, str) or speaker not in SHAREGPT_ROLES:
            raise RecordError(f"{place}.from", f"is {speaker!r}, not one of {', '.join(SHAREGPT_ROLES)}")
        if not isinstance(text, str):
            raise RecordError(f"{place}.value", f"is {kind_of(text)}, not text")
        messages.append({"role": SHAREGPT_ROLES[speaker], "content": text})
    return messages
