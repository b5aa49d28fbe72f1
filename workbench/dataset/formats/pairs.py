"""Preference pairs: two answers to one prompt, in OpenAI's words and in TRL's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats.record import Format, RecordError, kind_of


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and two answers, all as lists of messages."""

    prompt: list[dict[str, Any]]
    preferred: list[dict[str, Any]]
    other: list[dict[str, Any]]


def message_list(value: object, role: str, place: str) -> list[dict[str, Any]]:
    """Text as one message of `role`, a list of messages as it is; raises RecordError for anything else."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if not isinstance(value, list):
        raise RecordError(place, f"is {kind_of(value)}, not text or a list of messages")
    for index, message in enumerate(value):
        if not isinstance(message, Mapping):
            raise RecordError(f"{place}[{index}]", f"is {kind_of(message)}, not a message")
        if not isinstance(message.get("role"), str):
            raise RecordError(f"{place}[{index}]", "has no role")
    return [dict(message) for message in value]


def parse_pair(value: object, fmt: Format) -> Pair:
    """The pair in a record of `preference` or `trl-preference`; raises RecordError."""
    if not isinstance(value, Mapping):
        raise RecordError("", f"is {kind_of(value)}, not an object")
    return _openai(value) if fmt is Format.PREFERENCE else _trl(value)


def _openai(value: Mapping[str, Any]) -> Pair:
    prompt = value.get("input")
    if not isinstance(prompt, Mapping):
        raise RecordError("input", f"is {kind_of(prompt)}, not an object with `messages`")
    messages = prompt.get("messages")
    if not isinstance(messages, list):
        raise RecordError("input.messages", f"is {kind_of(messages)}, not a list of messages")
    sides = []
    for key in ("preferred_output", "non_preferred_output"):
        answer = value.get(key)
        if not isinstance(answer, list):
            raise RecordError(key, f"is {kind_of(answer)}, not a list of messages" if key in value else "is missing")
        sides.append(message_list(answer, "assistant", key))
    return Pair(message_list(messages, "user", "input.messages"), *sides)


def _trl(value: Mapping[str, Any]) -> Pair:
    for key in ("chosen", "rejected"):
        if key not in value:
            raise RecordError(key, "is missing")
    chosen = message_list(value["chosen"], "assistant", "chosen")
    rejected = message_list(value["rejected"], "assistant", "rejected")
    if value.get("prompt") is not None:
        return Pair(message_list(value["prompt"], "user", "prompt"), chosen, rejected)
    # TRL's implicit prompt: what both answers begin with.
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    return Pair(chosen[:shared], chosen[shared:], rejected[shared:])
