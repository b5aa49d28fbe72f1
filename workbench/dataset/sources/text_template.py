"""Text with columns in braces: `Title: {title}`; a brace itself is written twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from workbench.dataset.sources.cells import cell_text, is_empty


class TemplateError(ValueError):
    """A text template that cannot be read: why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The place of one column."""

    name: str


@lru_cache(maxsize=512)
def parse_text(text: str) -> tuple[str | Placeholder, ...]:
    """Literal text and columns in turn; raises TemplateError."""
    pieces: list[str | Placeholder] = []
    literal, at = "", 0
    while at < len(text):
        char = text[at]
        if char in "{}" and text[at : at + 2] == char * 2:
            literal, at = literal + char, at + 2
        elif char == "}":
            raise TemplateError(f"a closing brace stands alone at character {at + 1}; a brace itself is written `}}}}`")
        elif char == "{":
            name, at = _name(text, at + 1)
            if literal:
                pieces.append(literal)
            pieces.append(Placeholder(name))
            literal = ""
        else:
            literal, at = literal + char, at + 1
    return tuple([*pieces, literal] if literal else pieces)


def _name(text: str, start: int) -> tuple[str, int]:
    """The column's name from `start`, and where the text goes on behind its brace."""
    if text.startswith('"', start):  # a name with braces in it, as JSON
        try:
            name, end = json.JSONDecoder().raw_decode(text, start)
        except ValueError:
            name, end = None, start
        if isinstance(name, str) and text[end : end + 1] == "}":
            return name, end + 1
    end = text.find("}", start)
    name = text[start:end]
    if end < 0 or "{" in name:
        raise TemplateError(f"the brace at character {start} is never closed; a brace itself is written `{{{{`")
    if not name.strip():
        raise TemplateError(f"the braces at character {start} name no column; a brace itself is written `{{{{`")
    return name, end + 1


def placeholder(name: str) -> str:
    """A column as it is written in a template, whatever its name holds."""
    return "{" + (json.dumps(name, ensure_ascii=False) if set(name) & set('{}"') or not name.strip() else name) + "}"


def literal(text: str) -> str:
    """Text as it is written in a template so that it means itself."""
    return text.replace("{", "{{").replace("}", "}}")


def names_in(text: str) -> tuple[str, ...]:
    """The columns that a text names, each once."""
    return tuple(dict.fromkeys(piece.name for piece in parse_text(text) if isinstance(piece, Placeholder)))


def value_at(values: Mapping[str, object], name: str) -> object:
    """A column's value, or, where no column has that name, what lies inside one: `answers.text.0`; None if nothing."""
    if name in values or "." not in name:
        return values.get(name)
    first, *rest = name.split(".")
    value = values.get(first)
    for part in rest:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def fill(text: str, values: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """The text with its columns filled in, and those of them that are empty."""
    filled, empty = [], []
    for piece in parse_text(text):
        if isinstance(piece, str):
            filled.append(piece)
            continue
        value = value_at(values, piece.name)
        if is_empty(value):
            empty.append(piece.name)
        filled.append(cell_text(value))
    return "".join(filled), tuple(empty)
