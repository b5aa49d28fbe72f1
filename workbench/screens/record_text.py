"""What of a record a person reads: its turns, and a line about it. No Textual here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import Format, RecordError, to_chat
from workbench.dataset.rows import DecodeError
from workbench.terminal.escape import visible, visible_line

LONGEST_SHOWN = 20_000
"""Characters of one message that are laid out; wrapping a megabyte would hold the screen for seconds."""
LARGEST_LISTED = 256 * 1024
"""Bytes of a row up to which the list decodes it to show its first words."""
WORDS = 160
"""Characters of the first words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as it is read; its text is fit for the screen."""

    role: str
    text: str
    trained: bool
    note: str = ""
    """What goes beside the role: a name, a weight, how much is not shown."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the list."""

    chips: str
    """First letters of the roles in order, or how many messages."""
    words: str
    broken: bool = False
    turns: int = -1
    """How many messages; -1 where that is not known."""


def turns_of(value: object, fmt: Format) -> list[Turn]:
    """The turns of a record; raises RecordError where it has not the format's shape."""
    return [_turn(message) for message in to_chat(value, fmt)]


def _turn(message: Mapping[str, Any]) -> Turn:
    role = str(message.get("role", "") or "no role")
    text = _content(message)
    weight = message.get("weight")
    notes = [visible_line(str(message[key])) for key in ("name", "tool_call_id") if message.get(key)]
    if weight == 0:
        notes.append("weight 0")
    if len(text) > LONGEST_SHOWN:
        notes.append(f"{len(text) - LONGEST_SHOWN:,} more characters not shown")
        text = text[:LONGEST_SHOWN] + "…"
    return Turn(visible_line(role), visible(text), role == "assistant" and weight != 0, ", ".join(notes))


def _content(message: Mapping[str, Any]) -> str:
    """All that a message says: text, other parts by their type, tool calls as JSON."""
    content = message.get("content")
    if isinstance(content, list):
        said = "\n".join(_part(part) for part in content)
    else:
        said = (
            content
            if isinstance(content, str)
            else ("" if content is None else json.dumps(content, ensure_ascii=False))
        )
    calls = [
        f"→ {json.dumps(message[key], ensure_ascii=False)}"
        for key in ("tool_calls", "function_call")
        if message.get(key)
    ]
    return "\n".join(part for part in (said, *calls) if part)


def _part(part: object) -> str:
    if isinstance(part, Mapping):
        text = part.get("text")
        return text if isinstance(text, str) else f"[{part.get('type', 'part')}]"
    return json.dumps(part, ensure_ascii=False)


def summary_of(raw: bytes, decoded: Callable[[], object], fmt: Format) -> Summary:
    """One line about a row: cheap enough to be made while the list scrolls. `decoded` may raise a DecodeError."""
    if len(raw) > LARGEST_LISTED:
        return Summary("", f"large record, {len(raw) / 1e6:.1f} MB")
    try:
        messages = to_chat(decoded(), fmt)
    except DecodeError as error:
        return Summary("", f"column {error.column}: {visible_line(error.why)}", broken=True)
    except RecordError as error:
        return Summary("", visible_line(str(error)), broken=True)
    return Summary(_chips(messages), _first_words(messages), turns=len(messages))


def _chips(messages: Sequence[Mapping[str, Any]]) -> str:
    if len(messages) > 5:
        return f"×{len(messages)}"
    return "".join((str(message.get("role") or "?")[0]) for message in messages)


def _first_words(messages: Sequence[Mapping[str, Any]]) -> str:
    """How the first message of the user begins: systems are often the same in every record."""
    users = (message for message in messages if message.get("role") not in ("system", "developer"))
    first = next(users, messages[0] if messages else {})
    return visible_line(_content(first)[: 4 * WORDS])[:WORDS]


def pretty(value: object) -> str:
    """A value of no known format, as indented JSON fit for the screen."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return visible(text[:LONGEST_SHOWN] + ("…" if len(text) > LONGEST_SHOWN else ""))
