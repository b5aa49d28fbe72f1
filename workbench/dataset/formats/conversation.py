"""The conversation in a record of any format, as a list of chat messages, and its tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.dataset.formats.alpaca import read_alpaca
from workbench.dataset.formats.chat import parse_chat
from workbench.dataset.formats.pairs import message_list, parse_pair
from workbench.dataset.formats.record import PAIRS, Format, RecordError, kind_of
from workbench.dataset.formats.sharegpt import read_sharegpt, read_tools


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
            prompt = message_list(field(value, "prompt"), "user", "prompt")
            return prompt + message_list(field(value, "completion"), "assistant", "completion")
        case Format.PROMPT_ONLY:
            return message_list(field(value, "prompt"), "user", "prompt")
        case Format.TEXT:
            return [{"role": "assistant", "content": text_field(value, "text")}]
        case Format.ALPACA:
            return read_alpaca(value)
        case Format.SHAREGPT:
            return read_sharegpt(value)
    raise RecordError("", "has no format that is known, so no conversation can be read from it")


def tools_of(value: object) -> list[Any] | None:
    """The tools that a record declares: its own (a list, or ShareGPT's JSON text), or those of OpenAI's `input`."""
    if not isinstance(value, Mapping):
        return None
    inside = value.get("input")
    return read_tools(value) or (read_tools(inside) if isinstance(inside, Mapping) else None)


def field(value: Mapping[str, Any], key: str) -> Any:
    """The value under `key`; raises RecordError where there is none."""
    if key not in value:
        raise RecordError(key, "is missing")
    return value[key]


def text_field(value: Mapping[str, Any], key: str) -> str:
    """The text under `key`; raises RecordError where there is none."""
    text = field(value, key)
    if not isinstance(text, str):
        raise RecordError(key, f"is {kind_of(text)}, not text")
    return text
