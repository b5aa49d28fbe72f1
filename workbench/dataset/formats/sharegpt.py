"""ShareGPT records: turns `from` somebody with a `value`; tool calls and tools in LLaMA-Factory's words.

A call is a turn from `function_call` whose value is JSON (`{"name", "arguments"}`, or a list of them), its result a
turn from `observation`, and the record's `tools` are text that holds a JSON list. Ids, which those words do not need,
are kept as extra keys where they are not the ones that reading makes: `call_1`, `call_2`, … in the order of the calls.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.dataset.formats.chat import content_text
from workbench.dataset.formats.record import RecordError, kind_of

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "assistant",
}
"""ShareGPT's names for roles, with those of the tools that write it."""

KEYS = frozenset({"conversations", "system", "tools"})
"""The keys of the format; all others are extra."""

_NAMES = {"user": "human", "assistant": "gpt", "system": "system", "developer": "system", "tool": "observation"}
_TURN_KEYS = frozenset({"from", "value", "role", "content"})
_NOT_HELD = {
    "weight": "sharegpt trains every answer",
    "name": "sharegpt turns have no name",
    "refusal": "sharegpt holds text only",
    "audio": "sharegpt holds text only",
    "function_call": "it is malformed",
}


def read_sharegpt(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The turns as chat messages, a `system` of the record first; raises RecordError with the place."""
    turns = value.get("conversations")
    if not isinstance(turns, list):
        raise RecordError(
            "conversations", f"is {kind_of(turns)}, not a list of turns" if "conversations" in value else "is missing"
        )
    messages: list[dict[str, Any]] = []
    system = value.get("system")
    if system:
        if not isinstance(system, str):
            raise RecordError("system", f"is {kind_of(system)}, not text")
        messages.append({"role": "system", "content": system})
    ids = _Ids()
    for index, turn in enumerate(turns):
        messages.append(_read_turn(turn, f"conversations[{index}]", ids))
    return messages


def read_tools(value: Mapping[str, Any]) -> list[Any] | None:
    """The tools of a record: a list, or text that holds a JSON list; None where there are none or it holds none."""
    tools = value.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            return None
    return tools if isinstance(tools, list) else None


def dump_tools(tools: list[Any]) -> str:
    """Tools as the text that a record holds; the inverse of `read_tools`."""
    return json.dumps(tools, ensure_ascii=False)


def write_sharegpt(messages: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The record, and what was lost on the way; the inverse of `read_sharegpt`.

    Raises RecordError where a message has a role or a tool call that ShareGPT has no word for.
    """
    lost: list[str] = []
    ids = _Ids()
    turns = [_write_turn(message, index, ids, lost) for index, message in enumerate(messages)]
    return {"conversations": turns}, lost


class _Ids:
    """The ids that reading makes where the turns have none: calls are numbered, results answer them in order."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: deque[str] = deque()

    def made(self) -> str:
        """The id of the next call."""
        self._number += 1
        return f"call_{self._number}"

    def asked(self, call_id: str) -> None:
        self._waiting.append(call_id)

    def expected(self) -> str | None:
        """The call that the next result answers, if it does not say another."""
        return self._waiting[0] if self._waiting else None

    def answered(self, call_id: object) -> None:
        if call_id in self._waiting:
            self._waiting.remove(str(call_id))


def _read_turn(turn: object, place: str, ids: _Ids) -> dict[str, Any]:
    if not isinstance(turn, Mapping):
        raise RecordError(place, f"is {kind_of(turn)}, not an object with `from` and `value`")
    speaker, text = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
    if not isinstance(speaker, str) or speaker not in SHAREGPT_ROLES:
        raise RecordError(f"{place}.from", f"is {speaker!r}, not one of {', '.join(SHAREGPT_ROLES)}")
    if not isinstance(text, str):
        raise RecordError(f"{place}.value", f"is {kind_of(text)}, not text")
    extra = {key: item for key, item in turn.items() if key not in _TURN_KEYS}
    if speaker == "function_call":
        calls = _read_calls(text, f"{place}.value", ids)
        return {"role": "assistant", "content": None, "tool_calls": calls} | extra
    message: dict[str, Any] = {"role": SHAREGPT_ROLES[speaker], "content": text} | extra
    if message["role"] == "tool":
        call_id = message.get("tool_call_id", ids.expected())
        if call_id is not None:
            message["tool_call_id"] = call_id
        ids.answered(call_id)
    return message


def _read_calls(text: str, place: str, ids: _Ids) -> list[dict[str, Any]]:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise RecordError(place, "is not the JSON of a function call") from None
    calls = []
    for call in held if isinstance(held, list) else [held]:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise RecordError(place, "is not the JSON of a function call: it has no name")
        arguments = call.get("arguments", {})
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        made = ids.made()
        call_id = call["id"] if isinstance(call.get("id"), str) else made
        ids.asked(call_id)
        function = {"name": call["name"], "arguments": arguments}
        calls.append({"id": call_id, "type": "function", "function": function})
    return calls


def _write_turn(message: Mapping[str, Any], index: int, ids: _Ids, lost: list[str]) -> dict[str, Any]:
    place = f"messages[{index}]"
    role, content = message["role"], message.get("content")
    if role not in _NAMES:
        raise RecordError(f"{place}.role", f"is {role!r}, which sharegpt has no word for")
    if role == "developer":
        lost.append(f"`{place}.role`: sharegpt calls it system")
    extra = _extra(message, place, lost)
    calls = message.get("tool_calls")
    if calls and role == "assistant":
        if content_text(content):
            lost.append(f"`{place}.content`: a sharegpt turn is a call or text, not both")
        return {"from": "function_call", "value": _write_calls(calls, place, ids)} | extra
    if calls:
        lost.append(f"`{place}.tool_calls`: only an assistant calls tools")
    if isinstance(content, list):
        others = (at for at, part in enumerate(content) if not content_text([part]))
        lost += [f"`{place}.content[{at}]`: sharegpt holds text only" for at in others]
    elif not isinstance(content, str):
        raise RecordError(f"{place}.content", f"is {kind_of(content)}, and a sharegpt turn needs text")
    turn: dict[str, Any] = {"from": _NAMES[role], "value": content_text(content)}
    call_id = message.get("tool_call_id")
    if call_id != (ids.expected() if role == "tool" else None):
        turn["tool_call_id"] = call_id
    if role == "tool":
        ids.answered(call_id)
    return turn | extra


def _extra(message: Mapping[str, Any], place: str, lost: list[str]) -> dict[str, Any]:
    """The keys of a message that a turn can hold beside its own; those that it cannot are added to `lost`."""
    extra = {}
    for key, item in message.items():
        if key in ("role", "content", "tool_calls", "tool_call_id") or item is None or (key == "weight" and item == 1):
            continue
        if key in _NOT_HELD or key in _TURN_KEYS:
            lost.append(f"`{place}.{key}`: {_NOT_HELD.get(key, 'it has another meaning in sharegpt')}")
        else:
            extra[key] = item
    return extra


def _write_calls(calls: object, place: str, ids: _Ids) -> str:
    if not isinstance(calls, list):
        raise RecordError(f"{place}.tool_calls", f"is {kind_of(calls)}, not a list")
    written = []
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise RecordError(f"{place}.tool_calls[{number}]", "is no function call, and sharegpt has no other")
        made = ids.made()
        call_id = call.get("id") or made
        ids.asked(str(call_id))
        one = {"name": function["name"], "arguments": _as_object(function.get("arguments", "{}"))}
        written.append(one if call_id == made else one | {"id": call_id})
    return json.dumps(written[0] if len(written) == 1 else written, ensure_ascii=False)


def _as_object(arguments: object) -> object:
    """Arguments that are text of a JSON object as that object; anything else as it is."""
    if not isinstance(arguments, str):
        return arguments
    try:
        held = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return held if isinstance(held, dict) else arguments
