"""Taking a record of any format apart: its conversation or its parts, its tools, and its extra keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import alpaca, sharegpt
from workbench.dataset.formats.chat import parse_chat
from workbench.dataset.formats.conversation import field, text_field
from workbench.dataset.formats.legacy import is_legacy, with_tools
from workbench.dataset.formats.pairs import message_list, parse_pair
from workbench.dataset.formats.parts import Conversation, Names, Parts, Turns
from workbench.dataset.formats.record import Format, RecordError, kind_of


@dataclass(frozen=True, slots=True)
class Apart:
    """A record and what it is made of."""

    body: Conversation | Parts
    tools: list[Any] | None
    extra: dict[str, Any]
    """Keys that the format does not name, and `parallel_tool_calls`."""
    lost: list[str]
    """What no other format has a place for."""


def read(value: Mapping[str, Any], fmt: Format) -> Apart:
    """Take a record apart; raises RecordError with the place where it is not of its format."""
    lost: list[str] = []
    if fmt in (Format.CHAT, Format.REINFORCEMENT) and is_legacy(value):
        value = with_tools(value)
    tools = sharegpt.read_tools(value)
    if tools is None and value.get("tools"):
        lost.append(f"`tools`: {kind_of(value['tools'])}, not a list")
    extra = {key: item for key, item in value.items() if key not in KEYS[fmt] | {"tools"}}
    if fmt is Format.PREFERENCE and isinstance(value.get("input"), Mapping):
        inside = value["input"]
        if tools and inside.get("tools"):
            lost.append("`tools`: they stand in `input` too")
        tools = sharegpt.read_tools(inside) or tools
        if "parallel_tool_calls" in inside:
            extra["parallel_tool_calls"] = inside["parallel_tool_calls"]
        others = inside.keys() - {"messages", "tools", "parallel_tool_calls"}
        lost += [f"`input.{key}`: it has no place outside `input`" for key in inside if key in others]
    return Apart(_READERS[fmt](value), tools, extra, lost)


def _read_chat(value: Mapping[str, Any]) -> Conversation:
    parse_chat(value)
    messages = message_list(value["messages"], "user", "messages")
    if not messages:
        raise RecordError("messages", "is empty")
    return Conversation(messages)


def _turns(value: Mapping[str, Any], key: str, role: str) -> Turns:
    """Text or messages under `key`, checked."""
    turns = field(value, key)
    return turns if isinstance(turns, str) else message_list(turns, role, key)


def _read_completion(value: Mapping[str, Any]) -> Parts:
    return Parts(_turns(value, "prompt", "user"), _turns(value, "completion", "assistant"))


def _read_unpaired(value: Mapping[str, Any]) -> Parts:
    label = field(value, "label")
    if not isinstance(label, bool):
        raise RecordError("label", f"is {kind_of(label)}, not true or false")
    return Parts(_turns(value, "prompt", "user"), _turns(value, "completion", "assistant"), label=label)


def _read_openai_pair(value: Mapping[str, Any]) -> Parts:
    pair = parse_pair(value, Format.PREFERENCE)
    names = Names("input.messages", "preferred_output", "non_preferred_output")
    return Parts(pair.prompt, pair.preferred, pair.other, loose=True, names=names)


def _read_trl_pair(value: Mapping[str, Any]) -> Parts:
    pair = parse_pair(value, Format.TRL_PREFERENCE)
    names = Names("prompt", "chosen", "rejected")
    prompt = value.get("prompt") or ""
    if isinstance(prompt, str) and isinstance(value["chosen"], str) and isinstance(value["rejected"], str):
        return Parts(prompt, value["chosen"], value["rejected"], names=names)
    return Parts(pair.prompt, pair.preferred, pair.other, names=names)


_READERS: dict[Format, Callable[[Mapping[str, Any]], Conversation | Parts]] = {
    Format.CHAT: _read_chat,
    Format.SHAREGPT: lambda value: Conversation(sharegpt.read_sharegpt(value)),
    Format.ALPACA: lambda value: Conversation(alpaca.read_alpaca(value)),
    Format.REINFORCEMENT: lambda value: Parts(_read_chat(value).messages, None, loose=True, names=Names("messages")),
    Format.PROMPT_COMPLETION: _read_completion,
    Format.UNPAIRED: _read_unpaired,
    Format.PROMPT_ONLY: lambda value: Parts(_turns(value, "prompt", "user"), None),
    Format.TEXT: lambda value: Parts("", text_field(value, "text"), names=Names("text", "text")),
    Format.PREFERENCE: _read_openai_pair,
    Format.TRL_PREFERENCE: _read_trl_pair,
}

KEYS: dict[Format, frozenset[str]] = {
    Format.CHAT: frozenset({"messages"}),
    Format.REINFORCEMENT: frozenset({"messages"}),
    Format.SHAREGPT: sharegpt.KEYS,
    Format.ALPACA: alpaca.KEYS,
    Format.PROMPT_COMPLETION: frozenset({"prompt", "completion"}),
    Format.UNPAIRED: frozenset({"prompt", "completion", "label"}),
    Format.PROMPT_ONLY: frozenset({"prompt"}),
    Format.TEXT: frozenset({"text"}),
    Format.PREFERENCE: frozenset({"input", "preferred_output", "non_preferred_output"}),
    Format.TRL_PREFERENCE: frozenset({"prompt", "chosen", "rejected"}),
}
"""The keys of each format, `tools` apart; all others of a record are extra."""
