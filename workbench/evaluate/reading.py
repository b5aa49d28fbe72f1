"""Reading an answer as what was asked for: a JSON value, a list. Tolerant, and honest when it is neither."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_ITEM = 6
"""Words in one item of a list without brackets; prose has longer stretches between its commas."""

_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_BULLET = re.compile(r"^\s*(?:[-*•·–]|\(?\d{1,3}[.):])\s+")
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Parsed:
    """A JSON value that was read; it may be null."""

    value: object


def _unfenced(text: str) -> str:
    fence = _FENCE.search(text)
    return (fence[1] if fence else text).strip()


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def read_json(text: str) -> Parsed | None:
    """The JSON value of a text, alone or in its first code fence; None where there is none (NaN is none)."""
    for attempt in (text.strip(), _unfenced(text)):
        try:
            return Parsed(json.loads(attempt, parse_constant=_constant))
        except (ValueError, RecursionError):
            continue
    return None


def flatten(value: object, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], object]:
    """Paths to plain values: {"a": [1]} is {("a", 0): (number, 1)}. Types count: true is not 1, but 1 is 1.0.

    Empty objects and lists are values of their own; below 100 levels a value is compared whole.
    """
    if isinstance(value, dict) and value and len(path) < _DEEPEST:
        return {key: leaf for name, item in value.items() for key, leaf in flatten(item, (*path, str(name))).items()}
    if isinstance(value, list) and value and len(path) < _DEEPEST:
        return {key: leaf for index, item in enumerate(value) for key, leaf in flatten(item, (*path, index)).items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {path: (type(value).__name__, value)}
    return {path: ("number", value)}


def read_list(text: str) -> list[str] | None:
    """The items of a list, stripped and lower-cased, without empty ones; None where the text is no list.

    Read in this order: a JSON list; the text from the first `[` on, as JSON or Python, cut off or not; one item a line,
    bullets and numbers dropped; items between commas or semicolons. Without brackets, an item of more than 6 words
    makes it prose, and so no list. Nested lists and objects are no items.
    """
    body = _unfenced(text)
    parsed = read_json(body)
    if parsed is not None and not isinstance(parsed.value, str):
        return _plain(parsed.value)
    start = body.find("[")
    if start >= 0:
        end = body.rfind("]")
        if end > start:
            for read in (json.loads, ast.literal_eval):
                try:
                    return _plain(read(body[start : end + 1]))
                except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                    continue
        inside = body[start + 1 : end if end > start else None]
        return _tidy(re.split(r"[,;\n]", inside))
    lines = [_BULLET.sub("", line) for line in body.splitlines() if line.strip()]
    if len(lines) == 1:
        lines = re.split(r"[,;]", lines[0])
    elif len(lines) > 1 and lines[0].rstrip().endswith(":"):
        lines = lines[1:]
    items = _tidy(line.removesuffix(",") for line in lines)
    if not items or any(len(item.split()) > LONGEST_ITEM for item in items):
        return None
    return items


def _plain(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value):
        return None
    return _tidy(str(item) for item in value)


def _tidy(items: Iterable[str]) -> list[str]:
    cleaned = (" ".join(item.strip().strip("\"'`").strip().lower().split()) for item in items)
    return [item for item in cleaned if item]
