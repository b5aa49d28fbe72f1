"""Editing one record of any format, as values."""

from __future__ import annotations

from workbench.dataset.editing.edits import (
    EditError,
    add,
    delete,
    duplicate,
    join,
    move,
    next_role,
    set_message,
    set_name,
    set_role,
    set_text,
    set_tool_call_id,
    set_tools,
    split,
    swap_sides,
    toggle_trained,
    tools_of,
)
from workbench.dataset.editing.json_text import JsonError, parse_json, parse_tools, to_json
from workbench.dataset.editing.parts import Part, Place, at, parts_of, sides_of

__all__ = [
    "EditError",
    "JsonError",
    "Part",
    "Place",
    "add",
    "at",
    "delete",
    "duplicate",
    "join",
    "move",
    "next_role",
    "parse_json",
    "parse_tools",
    "parts_of",
    "set_message",
    "set_name",
    "set_role",
    "set_text",
    "set_tool_call_id",
    "set_tools",
    "sides_of",
    "split",
    "swap_sides",
    "to_json",
    "toggle_trained",
    "tools_of",
]
