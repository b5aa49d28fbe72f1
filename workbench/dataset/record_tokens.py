"""One record of any format, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import PAIRS, Format, Pair, RecordError, parse_pair, to_chat, tools_of
from workbench.dataset.tokens import Counter, TokenCount


@dataclass(frozen=True, slots=True)
class Counted:
    """One record: its roles in order, and its tokens."""

    total: int
    assistant: int
    exact: bool
    roles: tuple[str, ...]


def count_record(value: object, fmt: Format, counter: Counter) -> Counted:
    """Count one record; raises RecordError where it does not have the format's shape."""
    if fmt in PAIRS:
        return _count_pair(parse_pair(value, fmt), tools_of(value), counter)
    messages = to_chat(value, fmt)
    roles = _roles(messages)
    if fmt is Format.TEXT:
        total = counter.text(messages[0]["content"])
        return Counted(total, total, True, roles)
    if not messages:
        raise RecordError("messages", "is empty")
    count = counter.messages(messages, tools_of(value))
    return Counted(count.total, count.assistant, count.exact, roles)


def roles_of(value: object, fmt: Format) -> tuple[str, ...]:
    """The roles of a record's messages in order, of a pair's prompt and both answers; raises RecordError."""
    if fmt in PAIRS:
        pair = parse_pair(value, fmt)
        return _roles((*pair.prompt, *pair.preferred, *pair.other))
    return _roles(to_chat(value, fmt))


def _roles(messages: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(str(message.get("role", "")) for message in messages)


def _count_pair(pair: Pair, tools: Sequence[Any] | None, counter: Counter) -> Counted:
    """Both answers with their prompt: it is counted twice, as Azure's bills show (7,223,000 tokens for 2,750 pairs)."""
    sides: list[TokenCount] = [
        counter.messages([*pair.prompt, *answer], tools) for answer in (pair.preferred, pair.other)
    ]
    total, assistant = sum(side.total for side in sides), sum(side.assistant for side in sides)
    roles = _roles((*pair.prompt, *pair.preferred, *pair.other))
    return Counted(total, assistant, all(side.exact for side in sides), roles)
