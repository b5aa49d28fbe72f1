"""A record of any format as a list of parts: the texts that a person edits, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.dataset.formats import Format, RecordError, kind_of

Place = tuple[str | int, ...]
"""Keys and indexes from the record down: `("messages", 3, "content")`."""

CHAT_ROLES = ("system", "developer", "user", "assistant", "tool")
"""What `r` goes through in messages with `role` and `content`."""
SHAREGPT_ROLES = ("system", "human", "gpt", "observation")
"""What `r` goes through in turns with `from` and `value`."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a record, or one piece of a message that is no text, with where it is."""

    message: Place
    """The message it belongs to: what is moved, deleted and joined. Of a plain text: the text itself."""
    text_at: Place | None
    """Where its text is, or would be; None where it has none to edit (an image, an empty section)."""
    section: str
    """The list or field of the record that it stands in: `messages`, `chosen`, `instruction`."""
    role: str
    """As the record says it (`human`, not `user`); of a plain text, the field's name."""
    text: str
    trained: bool = False
    roles: tuple[str, ...] = ()
    """Roles that it may take; empty where it has none of its own."""
    note: str = ""
    """What else is to be known: a name, tool calls, an image, a weight."""

    @property
    def editable(self) -> bool:
        """Whether its text can be set."""
        return self.text_at is not None

    @property
    def in_list(self) -> bool:
        """Whether it stands in a list of messages, so that others can be put before and after it."""
        return bool(self.message) and isinstance(self.message[-1], int)

    @property
    def empty_section(self) -> bool:
        """Whether it only holds the place of a list without messages."""
        return self.text_at is None and not self.in_list


def parts_of(value: object, fmt: Format) -> list[Part]:
    """The parts of a record, in reading order; raises RecordError where it has not the format's shape."""
    if not isinstance(value, Mapping):
        raise RecordError("", f"is {kind_of(value)}, not an object")
    match fmt:
        case Format.CHAT | Format.REINFORCEMENT:
            return [*_messages(value, ("messages",), trains=True)]
        case Format.PROMPT_COMPLETION:
            return [*_field(value, "prompt"), *_field(value, "completion", trains=True)]
        case Format.UNPAIRED:
            label = "bad answer" if value.get("label") is False else "good answer"
            answer = _field(value, "completion", trains=value.get("label") is not False)
            return [
                *_field(value, "prompt"),
                *(replace(part, note=f"{label}, {part.note}".removesuffix(", ")) for part in answer),
            ]
        case Format.TEXT:
            return [_plain(value, "text", trained=True)]
        case Format.ALPACA:
            return [*_alpaca(value)]
        case Format.SHAREGPT:
            optional = [_plain(value, "system")] if "system" in value else []
            return [*optional, *_turns(value)]
        case Format.PREFERENCE:
            if not isinstance(value.get("input"), Mapping):
                raise RecordError("input", f"is {kind_of(value.get('input'))}, not an object with `messages`")
            parts = [*_messages(value, ("input", "messages"))]
            for key in ("preferred_output", "non_preferred_output"):
                parts += _messages(value, (key,), trains=key == "preferred_output")
            return parts
        case Format.TRL_PREFERENCE:
            prompt = [*_field(value, "prompt")] if value.get("prompt") is not None else []
            return [*prompt, *_field(value, "chosen", trains=True), *_field(value, "rejected")]
    raise RecordError("", "has no format that is known: it can be edited as JSON")


def sides_of(fmt: Format) -> tuple[str, str]:
    """The keys of the preferred answer and of the other one."""
    return ("preferred_output", "non_preferred_output") if fmt is Format.PREFERENCE else ("chosen", "rejected")


def at(value: Any, path: Place) -> Any:
    """What stands at a path."""
    for key in path:
        value = value[key]
    return value


def _field(value: Mapping[str, Any], key: str, *, trains: bool = False) -> Iterator[Part]:
    """A field that is either text or a list of messages."""
    if isinstance(value.get(key), list):
        yield from _messages(value, (key,), trains=trains)
    else:
        yield _plain(value, key, trained=trains)


def _plain(value: Mapping[str, Any], key: str, *, trained: bool = False) -> Part:
    if key not in value:
        raise RecordError(key, "is missing")
    text = value[key]
    if text is not None and not isinstance(text, str):
        raise RecordError(key, f"is {kind_of(text)}, not text")
    return Part((key,), (key,), key, key, text or "", trained, note="null" if text is None else "")


def _alpaca(value: Mapping[str, Any]) -> Iterator[Part]:
    if "system" in value:
        yield _plain(value, "system")
    history = value.get("history") or []
    if not isinstance(history, list):
        raise RecordError("history", f"is {kind_of(history)}, not a list of pairs")
    for index, turn in enumerate(history):
        if not (isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn)):
            raise RecordError(f"history[{index}]", "is not a pair of question and answer")
        for side, role in enumerate(("question", "answer")):
            where: Place = ("history", index)
            yield Part(where, (*where, side), "history", role, turn[side])
    yield _plain(value, "instruction")
    if "input" in value:
        yield _plain(value, "input")
    yield _plain(value, "output", trained=True)


def _list_at(value: Any, path: Place) -> list[Any]:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, list):
        raise RecordError(".".join(str(key) for key in path), f"is {kind_of(value)}, not a list of messages")
    return value


def _messages(value: Any, path: Place, *, trains: bool = False) -> Iterator[Part]:
    """The parts of a list of messages: one of each, or one of each piece of a content that is a list."""
    messages = _list_at(value, path)
    section = str(path[-1])
    if not messages:
        yield Part(path, None, section, "", "", roles=CHAT_ROLES, note="no message")
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise RecordError(f"{'.'.join(map(str, path))}[{index}]", f"is {kind_of(message)}, not a message")
        yield from _message(message, (*path, index), section, trains)


def _message(message: Mapping[str, Any], where: Place, section: str, trains: bool) -> Iterator[Part]:
    role = message.get("role") if isinstance(message.get("role"), str) else ""
    trained = trains and role == "assistant" and message.get("weight") != 0
    note = ", ".join(_notes(message))
    content = message.get("content")
    if not isinstance(content, list):
        wrong = "" if content is None or isinstance(content, str) else f"content is {kind_of(content)}"
        text_at = None if wrong else (*where, "content")
        text = content if isinstance(content, str) else ""
        about = ", ".join(filter(None, (note, wrong)))
        yield Part(where, text_at, section, str(role), text, trained, CHAT_ROLES, about)
        return
    if not content:
        yield Part(where, (*where, "content"), section, str(role), "", trained, CHAT_ROLES, note)
    for number, piece in enumerate(content):
        text_at, text, kind = None, "", kind_of(piece)
        if isinstance(piece, Mapping):
            kind = str(piece.get("type", "part"))
            if isinstance(piece.get("text"), str):
                text_at, text = (*where, "content", number, "text"), piece["text"]
        about = ", ".join(filter(None, (f"{kind}, part {number + 1} of {len(content)}", note)))
        yield Part(where, text_at, section, str(role), text, trained, CHAT_ROLES, about)


def _notes(message: Mapping[str, Any]) -> Iterator[str]:
    for key in ("name", "tool_call_id"):
        if message.get(key) is not None:
            yield f"{key} {message[key]}"
    if message.get("weight") is not None:
        yield f"weight {message['weight']}"
    calls = message.get("tool_calls")
    if calls:
        count = len(calls) if isinstance(calls, list) else 1
        yield f"{count} tool call{'' if count == 1 else 's'}"
    if message.get("function_call"):
        yield "function_call"
    if "content" not in message:
        yield "no content"
    elif message["content"] is None:
        yield "content null"


def _turns(value: Mapping[str, Any]) -> Iterator[Part]:
    """ShareGPT's turns; some tools write `role` and `content` in them."""
    turns = _list_at(value, ("conversations",))
    if not turns:
        yield Part(("conversations",), None, "conversations", "", "", roles=SHAREGPT_ROLES, note="no turn")
    for index, turn in enumerate(turns):
        place = f"conversations[{index}]"
        if not isinstance(turn, Mapping):
            raise RecordError(place, f"is {kind_of(turn)}, not an object with `from` and `value`")
        where: Place = ("conversations", index)
        role_key, text_key = turn_keys(turn)
        role, text = turn.get(role_key), turn.get(text_key)
        if text is not None and not isinstance(text, str):
            raise RecordError(f"{place}.{text_key}", f"is {kind_of(text)}, not text")
        trained = role in ("gpt", "chatgpt", "bing", "bard", "assistant") and turn.get("weight") != 0
        roles = SHAREGPT_ROLES if role_key == "from" else CHAT_ROLES
        shown = role if isinstance(role, str) else ""
        note = f"weight {turn['weight']}" if turn.get("weight") is not None else ""
        yield Part(where, (*where, text_key), "conversations", shown, text or "", trained, roles, note)


def turn_keys(turn: Mapping[str, Any]) -> tuple[str, str]:
    """Which keys of a message hold role and text: `from` and `value`, or `role` and `content`."""
    sharegpt = "from" in turn or "value" in turn
    return ("from", "value") if sharegpt else ("role", "content")
