"""Chat records: messages with roles, as OpenAI's API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.formats.record import RecordError, kind_of


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A value of the wrong type is kept under its key in `extra`, so that typed fields hold their type."""

    role: str
    """Empty where the message has none."""
    content: str | list[Any] | None
    """Text, or a list of content parts; None where it is null or missing."""
    name: str | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None
    weight: int | None = None
    """1 is trained, 0 is not; None says nothing (an assistant's message is then trained)."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys that are not ours: `function_call`, `refusal`, and whatever else stands there."""
    order: tuple[str, ...] = field(default=("role", "content"), compare=False)
    """The keys as the source has them, null ones too; what is dumped keeps to it."""

    def has(self, key: str) -> bool:
        """Whether the source has the key, be its value null."""
        return key in self.order

    @property
    def calls(self) -> bool:
        """Whether it calls a tool, the old way or the new, so that it needs no content."""
        return bool(self.tool_calls or self.extra.get("tool_calls") or self.extra.get("function_call"))

    @property
    def trained(self) -> bool:
        """Whether its text is trained: an assistant's message whose weight is not 0."""
        return self.role == "assistant" and self.extra.get("weight", self.weight) != 0

    def text(self) -> str:
        """Its content as text; images and other parts are left out."""
        return content_text(self.content)


@dataclass(frozen=True, slots=True)
class ChatRecord:
    """One conversation."""

    messages: tuple[Message, ...]
    tools: list[Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Other keys of the record."""
    order: tuple[str, ...] = field(default=(), compare=False)


_MESSAGE_TYPES: dict[str, tuple[type, ...]] = {
    "role": (str,),
    "content": (str, list),
    "name": (str,),
    "tool_calls": (list,),
    "tool_call_id": (str,),
    "weight": (int,),
}
_MESSAGE_FIELDS = tuple(_MESSAGE_TYPES)


def content_text(content: object) -> str:
    """The text of a message's content: itself, or its text parts one after another."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, Mapping) and part.get("type", "text") == "text")
    return "".join(text for text in parts if isinstance(text, str))


def parse_message(value: object, place: str = "message") -> Message:
    """A message out of a JSON object; a RecordError only if it is none."""
    if not isinstance(value, Mapping):
        raise RecordError(place, f"is {kind_of(value)}, not an object with role and content")
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, item in value.items():
        types = _MESSAGE_TYPES.get(key)
        fits = types is not None and isinstance(item, types) and not isinstance(item, bool)
        if fits or (types is not None and item is None and key != "role"):
            known[key] = item
        else:
            extra[key] = item
    return Message(
        role=known.pop("role", ""), content=known.pop("content", None), **known, extra=extra, order=tuple(value)
    )


def parse_chat(value: object) -> ChatRecord:
    """A chat record out of a JSON object; raises RecordError where there are no messages to speak of."""
    if not isinstance(value, Mapping):
        raise RecordError("", f"is {kind_of(value)}, not an object with `messages`")
    messages = value.get("messages")
    if not isinstance(messages, list):
        why = f"is {kind_of(messages)}, not a list" if "messages" in value else "is missing"
        raise RecordError("messages", why)
    tools = value.get("tools")
    extra = {key: item for key, item in value.items() if key not in ("messages", "tools")}
    if tools is not None and not isinstance(tools, list):
        extra["tools"] = tools
        tools = None
    parsed = tuple(parse_message(message, f"messages[{index}]") for index, message in enumerate(messages))
    return ChatRecord(parsed, tools, extra, tuple(value))


def dump_message(message: Message) -> dict[str, Any]:
    """The JSON object of a message: keys in the source's order, then those set since; the inverse of parse_message."""
    held = {name: getattr(message, name) for name in _MESSAGE_FIELDS}
    every = held | message.extra
    dumped = {key: every[key] for key in message.order if key in every}
    for key, value in every.items():
        if key not in dumped and (key in message.extra or value not in (None, "")):
            dumped[key] = value
    return dumped


def dump_chat(record: ChatRecord) -> dict[str, Any]:
    """The JSON object of a record; the inverse of parse_chat."""
    held: dict[str, Any] = {"messages": [dump_message(message) for message in record.messages]}
    if record.tools is not None or ("tools" in record.order and "tools" not in record.extra):
        held["tools"] = record.tools
    held |= record.extra
    dumped = {key: held[key] for key in record.order if key in held}
    return dumped | {key: value for key, value in held.items() if key not in dumped}
