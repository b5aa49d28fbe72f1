"""OpenAI's first words for tools, `functions` and `function_call`, rewritten as `tools` and `tool_calls`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeGuard


def is_legacy(value: object) -> bool:
    """Whether a chat record uses `functions`, `function_call` or the role `function`."""
    if not isinstance(value, Mapping):
        return False
    messages = value.get("messages")
    return bool(value.get("functions")) or any(
        isinstance(message, Mapping) and (message.get("function_call") or message.get("role") == "function")
        for message in (messages if isinstance(messages, list) else ())
    )


def with_tools(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a chat record in today's words."""
    copied = copy.deepcopy(dict(value))
    functions_to_tools(copied)
    return copied


def functions_to_tools(value: Any) -> int:
    """Rewrite a chat record in place; returns the number of places that changed.

    Ids are made from the order of the calls (`call_1`, `call_2`, …), so that the same record always becomes the same.
    A `function` message answers the nearest open call of its name. What is malformed, or answers no call, stays.
    """
    if not isinstance(value, dict):
        return 0
    changed = _declarations(value)
    messages = value.get("messages")
    messages = messages if isinstance(messages, list) else []
    ids = [call.get("id") for message in messages for call in _calls(message)]
    taken = {one for one in ids if isinstance(one, str)}
    waiting: list[tuple[str, str]] = []
    number = 0
    for message in messages:
        if not isinstance(message, dict):
            continue
        number += len(_calls(message))
        call = message.get("function_call")
        if _is_call(call) and not message.get("tool_calls"):
            number += 1
            call_id = _free(f"call_{number}", taken)
            _replace(message, "function_call", "tool_calls", [_tool_call(call_id, call)])
            message.setdefault("content", None)
            waiting.append((str(call["name"]), call_id))
            changed += 1
        elif message.get("role") == "function":
            answered = next((one for one in reversed(waiting) if one[0] == message.get("name")), None)
            if answered is not None:
                waiting.remove(answered)
                message["role"] = "tool"
                _replace(message, "name", "tool_call_id", answered[1])
                changed += 1
    return changed


def _declarations(value: dict[str, Any]) -> int:
    """`functions` as `tools`, behind those that are declared already."""
    functions, tools = value.get("functions"), value.get("tools")
    if not functions or not isinstance(functions, list) or not all(isinstance(one, dict) for one in functions):
        return 0
    if tools is not None and not isinstance(tools, list):
        return 0
    declared = [tool.get("function") for tool in tools or () if isinstance(tool, dict)]
    added = [{"type": "function", "function": function} for function in functions if function not in declared]
    if tools is None:
        value.pop("tools", None)
        _replace(value, "functions", "tools", added)
    else:
        tools += added
        del value["functions"]
    return 1


def _replace(value: dict[str, Any], old: str, new: str, item: Any) -> None:
    """Put `new` where `old` stood, so that a diff shows one place."""
    items = [(new, item) if key == old else (key, held) for key, held in value.items() if key != new]
    value.clear()
    value.update(items)


def _calls(message: object) -> list[dict[str, Any]]:
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _is_call(call: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(call, dict) and isinstance(call.get("name"), str) and bool(call["name"])


def _tool_call(call_id: str, call: dict[str, Any]) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": call}


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with a tail where a call of the record has it already."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
