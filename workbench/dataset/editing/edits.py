"""Edits of a record: each takes a value and gives a new one; what it does not name is the very same object in both."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.dataset.editing.parts import Part, Place, at, sides_of, turn_keys
from workbench.dataset.formats import PAIRS, Format, kind_of
from workbench.dataset.formats.sharegpt import SHAREGPT_ROLES
from workbench.errors import WorkbenchError

NEW_ROLE = {
    "system": "user", "developer": "user", "user": "assistant", "assistant": "user", "tool": "assistant",
    "human": "gpt", "gpt": "human", "observation": "gpt",
}  # fmt: skip
"""Who speaks after whom: the role of a message that is added."""


class EditError(WorkbenchError):
    """An edit that the record, or its format, has no room for."""

    code = "edit"


def set_text(value: Any, part: Part, text: str) -> Any:
    """Another text. A message that had none, or null, gets its key."""
    if part.text_at is None:
        raise EditError("this part", "has no text to edit", "edit the message as JSON")
    if text == part.text:
        return value
    return _put(value, part.text_at, text)


def next_role(part: Part) -> str:
    """The role after the part's own; for one that is not among them what is meant by it (`human`, `usr`)."""
    _needs_role(part)
    if part.role in part.roles:
        return part.roles[(part.roles.index(part.role) + 1) % len(part.roles)]
    meant = SHAREGPT_ROLES.get(part.role.lower())
    if meant in part.roles:
        return meant
    return next(iter(difflib.get_close_matches(part.role.lower(), part.roles, n=1)), part.roles[0])


def set_role(value: Any, part: Part, role: str) -> Any:
    """Another role for the part's message."""
    _needs_role(part)
    key, _ = turn_keys(at(value, part.message))
    return _put(value, (*part.message, key), role)


def toggle_trained(value: Any, fmt: Format, part: Part) -> Any:
    """An answer is trained or not: its `weight`; of an unpaired record its `label`."""
    if fmt is Format.UNPAIRED:
        return _put(value, ("label",), value.get("label") is False)
    if fmt in PAIRS:
        raise EditError("a pair", "has no weights: one answer is preferred to the other", "w swaps them")
    if not part.in_list or part.section == "history":
        raise EditError(part.role or "this part", "is trained or not by its format", "convert the file to chat first")
    if part.role not in ("assistant", "gpt"):
        raise EditError(f"a message of {part.role or 'no role'}", "is only read, never trained", "r changes the role")
    return _put(value, (*part.message, "weight"), 0 if part.trained else 1)


def add(value: Any, part: Part, *, after: bool = True) -> tuple[Any, Place]:
    """An empty message after the part's, or before it; returns where it is too."""
    if part.empty_section:
        if not part.roles:
            raise EditError(part.section, "is plain text, not a list of messages")
        turns = part.section == "conversations"
        first = {"from": "human", "value": ""} if turns else {"role": _first_role(part.section), "content": ""}
        return _put(value, part.message, [first]), (*part.message, 0)
    listed, index = _listed(part)
    here = at(value, part.message)
    new: Any = ["", ""]
    if isinstance(here, Mapping):
        role_key, text_key = turn_keys(here)
        role = NEW_ROLE.get(part.role, "user") if after else _speaker_before(part)
        new = {role_key: role, text_key: ""}
    position = index + after
    return _splice(value, listed, position, position, [new]), (*listed, position)


def delete(value: Any, part: Part) -> Any:
    """Without the part's message, or without its field where the format can do without it."""
    if part.in_list:
        listed, index = _listed(part)
        return _splice(value, listed, index, index + 1, [])
    if part.message in (("system",), ("input",)):
        return {key: item for key, item in value.items() if key != part.message[0]}
    raise EditError(part.section, "cannot be deleted: the format needs it", "delete the record, or empty the text")


def move(value: Any, part: Part, by: int) -> tuple[Any, Place]:
    """The part's message `by` places on within its list; at the end of the list nothing changes."""
    listed, index = _listed(part)
    messages = at(value, listed)
    target = max(0, min(len(messages) - 1, index + by))
    if target == index:
        return value, part.message
    reordered = [*messages[:index], *messages[index + 1 :]]
    reordered.insert(target, messages[index])
    return _put(value, listed, reordered), (*listed, target)


def duplicate(value: Any, part: Part) -> tuple[Any, Place]:
    """A copy of the part's message after it."""
    listed, index = _listed(part)
    twin = copy.deepcopy(at(value, part.message))
    return _splice(value, listed, index + 1, index + 1, [twin]), (*listed, index + 1)


def split(value: Any, part: Part, position: int) -> Any:
    """The message cut in two at a character of the part's text; both keep the role, calls stay with the second."""
    if part.text_at is None:
        raise EditError("this part", "has no text to split")
    listed, index = _listed(part)
    message = at(value, part.message)
    if not isinstance(message, Mapping):
        raise EditError("a turn of `history`", "is a question and an answer", "add another turn instead")
    text = part.text
    if not 0 < position < len(text):
        raise EditError("the cursor", "stands at an end of the text", "put it where the text should be cut")
    key = part.text_at[len(part.message)]
    first, second = dict(message), dict(message)
    for calls in ("tool_calls", "function_call"):
        first.pop(calls, None)
    if len(part.text_at) == len(part.message) + 1:
        first[key], second[key] = text[:position], text[position:]
    else:
        number = int(part.text_at[len(part.message) + 1])
        pieces = message[key]
        first[key] = [*pieces[:number], {**pieces[number], "text": text[:position]}]
        second[key] = [{**pieces[number], "text": text[position:]}, *pieces[number + 1 :]]
    return _splice(value, listed, index, index + 1, [first, second])


def join(value: Any, part: Part, between: str = "") -> Any:
    """The part's message and the next one as one, the texts with `between` between them.

    Keys of the first stay, those that only the second has come along. Raises EditError where that would lose
    something: both have a key with different values.
    """
    listed, index = _listed(part)
    messages = at(value, listed)
    if index + 1 >= len(messages):
        raise EditError("the last message", "has none after it to be joined with")
    first, second = messages[index], messages[index + 1]
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        raise EditError("turns of `history`", "are pairs of question and answer and cannot be joined")
    role_key, text_key = turn_keys(first)
    if turn_keys(second) != (role_key, text_key):
        raise EditError("these two messages", "are written with different keys", "edit one as JSON first")
    if first.get(role_key) != second.get(role_key):
        raise EditError(
            "these two messages", f"have different roles ({first.get(role_key)} and {second.get(role_key)})",
            "r changes a role",
        )  # fmt: skip
    joined = dict(first)
    for key, item in second.items():
        if key == text_key:
            joined[key] = _joined_content(first.get(key), item, between)
        elif key in ("tool_calls",) and isinstance(first.get(key), list) and isinstance(item, list):
            joined[key] = first[key] + item
        elif first.get(key, item) != item:
            raise EditError("these two messages", f"differ in `{key}`", "make it the same in both first")
        else:
            joined[key] = item
    order = second if first.keys() <= second.keys() else joined
    return _splice(value, listed, index, index + 2, [{key: joined[key] for key in order}])


def set_name(value: Any, part: Part, name: str | None) -> Any:
    """The speaker's name; None takes it away."""
    return _set_key(value, part, "name", name)


def set_tool_call_id(value: Any, part: Part, call_id: str | None) -> Any:
    """Which call a tool's result answers; None takes it away."""
    return _set_key(value, part, "tool_call_id", call_id)


def set_message(value: Any, part: Part, message: Any) -> Any:
    """Another message, or another value of a plain field, as JSON has it."""
    if part.in_list and isinstance(at(value, part.message), Mapping) and not isinstance(message, Mapping):
        raise EditError("a message", f"is an object with a role and a text, not {kind_of(message)}")
    return _put(value, part.message, message)


def tools_place(fmt: Format) -> Place:
    """Where a record of the format has its tools."""
    return ("input", "tools") if fmt is Format.PREFERENCE else ("tools",)


def tools_of(value: Any, fmt: Format) -> Any:
    """The tools of a record as they stand there; None where it has none."""
    for key in tools_place(fmt):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def set_tools(value: Any, fmt: Format, tools: Sequence[Any] | None) -> Any:
    """Other tools; None takes the key away."""
    place = tools_place(fmt)
    if tools is not None:
        return _put(value, place, list(tools))
    if tools_of(value, fmt) is None and place[-1] not in at(value, place[:-1]):
        return value
    return _change(value, place[:-1], lambda held: {key: item for key, item in held.items() if key != place[-1]})


def swap_sides(value: Any, fmt: Format) -> Any:
    """The other answer is the preferred one; each key stays where it was."""
    if fmt not in PAIRS:
        raise EditError("this record", "has one answer, not two to swap")
    first, second = sides_of(fmt)
    swapped = {first: value[second], second: value[first]}
    return {key: swapped.get(key, item) for key, item in value.items()}


def _set_key(value: Any, part: Part, key: str, item: str | None) -> Any:
    if not part.in_list or not isinstance(at(value, part.message), Mapping):
        raise EditError(part.section, f"is no message, so it has no {key}")
    if item is not None:
        return _put(value, (*part.message, key), item)
    return _change(value, part.message, lambda held: {name: own for name, own in held.items() if name != key})


def _needs_role(part: Part) -> None:
    if not part.roles or not part.in_list:
        raise EditError(part.role or "this part", "is a field of the format: it has no role of its own")


def _listed(part: Part) -> tuple[Place, int]:
    """The list that the part's message stands in, and where."""
    if not part.in_list:
        raise EditError(part.section or "this part", "is one text, not a message in a list", "its text can be edited")
    return part.message[:-1], int(part.message[-1])


def _first_role(section: str) -> str:
    return "user" if section in ("messages", "prompt") else "assistant"


def _speaker_before(part: Part) -> str:
    if "human" in part.roles:
        return "human" if part.role == "gpt" else "gpt" if part.role == "human" else "system"
    return {"assistant": "user", "tool": "assistant", "system": "system"}.get(part.role, "assistant")


def _joined_content(first: Any, second: Any, between: str) -> Any:
    """Texts as one; as soon as one is a list of pieces, a list. Pieces of text that meet become one."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, str) and isinstance(second, str):
        return first + between + second
    pieces = [*_pieces(first)]
    others = [*_pieces(second)]
    if pieces and others and _is_text(pieces[-1]) and _is_text(others[0]):
        met = {**others[0], **pieces[-1], "text": pieces[-1]["text"] + between + others[0]["text"]}
        return [*pieces[:-1], met, *others[1:]]
    return pieces + others


def _pieces(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _is_text(piece: Any) -> bool:
    return isinstance(piece, Mapping) and piece.get("type", "text") == "text" and isinstance(piece.get("text"), str)


def _change(value: Any, path: Place, change: Callable[[Any], Any]) -> Any:
    """`value` with what stands at `path` changed; only the containers on the way are new."""
    if not path:
        return change(value)
    key, rest = path[0], path[1:]
    if isinstance(value, list):
        index = int(key)
        return [*value[:index], _change(value[index], rest, change), *value[index + 1 :]]
    return {**value, key: _change(value.get(key), rest, change)}


def _put(value: Any, path: Place, item: Any) -> Any:
    return _change(value, path, lambda _: item)


def _splice(value: Any, path: Place, start: int, stop: int, items: Sequence[Any]) -> Any:
    return _change(value, path, lambda held: [*held[:start], *items, *held[stop:]])
