"""On which line of a TOML text a key stands: the standard reader gives values without their places."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""")
_LONG = re.compile(r'"""|\'\'\'')


def line_of(text: str, location: Sequence[str | int]) -> int | None:
    """The line, from 1, of the innermost part of `location` that has one: `("messages", 1, "text")`.

    Tables with headers and keys on lines of their own are found; inside an inline table it is the line of the whole.
    """
    best: tuple[int, int] | None = None
    for path, line in _places(text):
        shared = _shared(path, location)
        if shared == len(path) and (best is None or shared > best[0]):
            best = (shared, line)
    return best[1] if best is not None else None


def _places(text: str) -> list[tuple[tuple[str | int, ...], int]]:
    """Every header and key with its path and line."""
    found: list[tuple[tuple[str | int, ...], int]] = []
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is not None:  # inside a string of several lines
            closing = None if closing in line else closing
            continue
        header = _HEADER.match(line)
        if header:
            name = header.group(2)
            table = tuple(_plain(part) for part in name.split("."))
            if header.group(1) == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (*table, counts[name])
            found.append((table, number))
        elif key := _KEY.match(line):
            found.append(((*table, _plain(key.group(1))), number))
        marks = _LONG.findall(line)
        closing = marks[-1] if len(marks) % 2 else None
    return found


def _plain(part: str) -> str:
    return part.strip().strip("\"'")


def _shared(path: Sequence[str | int], location: Sequence[str | int]) -> int:
    count = 0
    for mine, theirs in zip(path, location, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
