"""Chat records without a mistake, as types that msgspec reads in C.

They are narrower than what the rules allow: a record that does not fit is only looked at more closely. Unknown keys are
forbidden because msgspec skips their values without looking at the bytes. Their fields are in the order of
`rules.facts.canonical`, the role first: so that nothing needs to be put in order to write them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from workbench.dataset.analysis.columns import ROLE_BITS

NAME = r"^[A-Za-z0-9_-]{1,64}\Z"
"""What the strictest provider takes for the name of a message or a function."""

Name = Annotated[str, Meta(pattern=NAME)]
Text = Annotated[str, Meta(min_length=1)]
Weight = Literal[0, 1]


class TextPart(Struct, gc=False, forbid_unknown_fields=True, frozen=True):
    """A content part of text."""

    text: Text
    type: Literal["text"]


Content = Text | Annotated[list[TextPart], Meta(min_length=1)]


class Function(Struct, gc=False, forbid_unknown_fields=True):
    """What a tool call calls."""

    arguments: str
    name: Name


class Call(Struct, gc=False, forbid_unknown_fields=True):
    """A tool call with all that any provider asks for."""

    function: Function
    id: Text
    type: Literal["function"]


class System(Struct, gc=False, forbid_unknown_fields=True, tag_field="role", tag="system"):
    """A system message."""

    content: Content
    name: Name | UnsetType = UNSET


class Developer(Struct, gc=False, forbid_unknown_fields=True, tag_field="role", tag="developer"):
    """A developer message."""

    content: Content
    name: Name | UnsetType = UNSET


class User(Struct, gc=False, forbid_unknown_fields=True, tag_field="role", tag="user"):
    """A user message."""

    content: Content
    name: Name | UnsetType = UNSET


class Assistant(Struct, gc=False, forbid_unknown_fields=True, tag_field="role", tag="assistant"):
    """An assistant message, with text or calls."""

    content: Content | UnsetType | None = UNSET
    name: Name | UnsetType = UNSET
    tool_calls: Annotated[list[Call], Meta(min_length=1)] | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET


class Tool(Struct, gc=False, forbid_unknown_fields=True, tag_field="role", tag="tool", kw_only=True):
    """What a tool gave back."""

    content: str
    name: Name | UnsetType = UNSET
    tool_call_id: Text


Message = System | Developer | User | Assistant | Tool
BITS: dict[type[Any], int] = {
    kind: ROLE_BITS[str(kind.__struct_config__.tag)] for kind in (System, Developer, User, Assistant, Tool)
}
"""The bit of the column `roles` for each kind of message."""

_OURS = frozenset({"messages", "tools", "parallel_tool_calls"})
_TELLING = frozenset({"functions", "function_call", "input"})
"""Keys beside the messages that rules or counters look into."""


def record_type(keys: Iterable[str]) -> type[Any]:
    """The type of a record that may have these keys beside the ones we know; their values may be anything."""
    extra = [key for key in keys if key not in _OURS and key not in _TELLING]
    fields: dict[str, tuple[Any, ...]] = {
        "messages": ("messages", Annotated[list[Message], Meta(min_length=1)]),
        "parallel_tool_calls": ("parallel_tool_calls", bool | UnsetType, UNSET),
        "tools": ("tools", Raw | UnsetType, UNSET),
        **{key: (f"extra_{number}", Any, UNSET) for number, key in enumerate(extra)},
    }
    return msgspec.defstruct(
        "Record",
        [fields[key] for key in sorted(fields, key=str.encode)],
        rename={f"extra_{number}": key for number, key in enumerate(extra)},
        forbid_unknown_fields=True,
        gc=False,
        kw_only=True,
    )
