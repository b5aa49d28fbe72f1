"""Where the texts of a record are, whatever its format: read and replaced in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import PAIRS, Format
from workbench.dataset.formats.sharegpt import SHAREGPT_ROLES


@dataclass(frozen=True, slots=True)
class Text:
    """One text inside a decoded record."""

    role: str
    """Whose it is, in chat's words: system, user, assistant, tool, or what stands there."""
    place: str
    """As in `messages[2].content`."""
    holder: Any
    """The object or list that holds it."""
    key: Any

    @property
    def text(self) -> str:
        """The text as it is now."""
        found: str = self.holder[self.key]
        return found

    def put(self, text: str) -> None:
        """Replace it in the record."""
        self.holder[self.key] = text


def texts_of(value: object, fmt: Format, *, calls: bool = False) -> Iterator[Text]:
    """Every text of a record, in order; with `calls` the arguments of tool calls too.

    A record without its format's shape gives the texts that can be found: what is wrong with it is the linter's to say.
    """
    if not isinstance(value, dict):
        return
    if fmt in PAIRS:
        yield from _pair(value, fmt, calls)
        return
    match fmt:
        case Format.CHAT | Format.REINFORCEMENT:
            yield from _messages(value, "messages", "user", "", calls)
        case Format.PROMPT_COMPLETION | Format.UNPAIRED:
            yield from _messages(value, "prompt", "user", "", calls)
            yield from _messages(value, "completion", "assistant", "", calls)
        case Format.PROMPT_ONLY:
            yield from _messages(value, "prompt", "user", "", calls)
        case Format.TEXT:
            yield from _field(value, "text", "assistant", "")
        case Format.ALPACA:
            yield from _alpaca(value)
        case Format.SHAREGPT:
            yield from _sharegpt(value, calls)
        case _:
            return


def _field(holder: dict[str, Any], key: str, role: str, place: str) -> Iterator[Text]:
    if isinstance(holder.get(key), str):
        yield Text(role, f"{place}{key}", holder, key)


def _messages(holder: dict[str, Any], key: str, role: str, place: str, calls: bool) -> Iterator[Text]:
    """A text of `role`, or a list of messages, each with the role it says."""
    yield from _field(holder, key, role, place)
    messages = holder.get(key)
    if not isinstance(messages, list):
        return
    for index, message in enumerate(messages):
        if isinstance(message, dict):
            yield from _message(message, f"{place}{key}[{index}].", calls)


def _message(message: dict[str, Any], place: str, calls: bool) -> Iterator[Text]:
    role = message.get("role")
    said = role if isinstance(role, str) else ""
    yield from _field(message, "content", said, place)
    content = message.get("content")
    if isinstance(content, list):
        for index, part in enumerate(content):
            if isinstance(part, dict) and part.get("type", "text") == "text":
                yield from _field(part, "text", said, f"{place}content[{index}].")
    tool_calls = message.get("tool_calls")
    if calls and isinstance(tool_calls, list):
        for index, call in enumerate(tool_calls):
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                yield from _field(function, "arguments", said, f"{place}tool_calls[{index}].function.")


def _pair(value: dict[str, Any], fmt: Format, calls: bool) -> Iterator[Text]:
    if fmt is Format.PREFERENCE:
        prompt = value.get("input")
        if isinstance(prompt, dict):
            yield from _messages(prompt, "messages", "user", "input.", calls)
        answers = ("preferred_output", "non_preferred_output")
    else:
        yield from _messages(value, "prompt", "user", "", calls)
        answers = ("chosen", "rejected")
    for key in answers:
        yield from _messages(value, key, "assistant", "", calls)


def _alpaca(value: dict[str, Any]) -> Iterator[Text]:
    yield from _field(value, "system", "system", "")
    history = value.get("history")
    for index, turn in enumerate(history if isinstance(history, list) else []):
        for side, role in enumerate(("user", "assistant")):
            if isinstance(turn, list) and len(turn) == 2 and isinstance(turn[side], str):
                yield Text(role, f"history[{index}][{side}]", turn, side)
    for key, role in (("instruction", "user"), ("input", "user"), ("output", "assistant")):
        yield from _field(value, key, role, "")


def _sharegpt(value: dict[str, Any], calls: bool) -> Iterator[Text]:
    yield from _field(value, "system", "system", "")
    turns = value.get("conversations")
    for index, turn in enumerate(turns if isinstance(turns, list) else []):
        if not isinstance(turn, dict):
            continue
        speaker = turn.get("from", turn.get("role"))
        if speaker == "function_call" and not calls:  # its text is JSON
            continue
        role = SHAREGPT_ROLES.get(speaker, speaker) if isinstance(speaker, str) else ""
        yield from _field(turn, "value" if "value" in turn else "content", role, f"conversations[{index}].")
