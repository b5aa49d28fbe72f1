"""A hand edit as changes of single texts: what an auditor wants to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from workbench.dataset.rows import DecodeError, decode, dump_like

_MOST = 20  # changed texts above which the whole new record is shorter to say


class Change(BaseModel):
    """One text of a record that became another."""

    model_config = ConfigDict(extra="allow")

    place: str
    """As in `messages[2].content`."""
    was: str
    now: str


def changes_between(before: bytes, after: bytes) -> list[Change]:
    """The changed texts, if applying them to `before` gives `after` to the byte; else nothing."""
    try:
        old, new = decode(before), decode(after)
    except DecodeError:
        return []
    found: list[Change] = []
    for place, was, now in _differences(old, new, ""):
        if not (isinstance(was, str) and isinstance(now, str) and _writable(was + now)) or len(found) == _MOST:
            return []
        found.append(Change(place=place, was=was, now=now))
    try:
        return found if found and applied(found, before) == after else []
    except (KeyError, IndexError, TypeError, ValueError):  # a key that a place cannot name
        return []


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _differences(old: Any, new: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Places where two values differ, as deep inside as they can be told apart."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key, item in old.items():
            yield from _differences(item, new[key], f"{place}.{key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, item in enumerate(old):
            yield from _differences(item, new[index], f"{place}[{index}]")
    elif type(old) is not type(new) or old != new:
        yield place, old, new


_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def applied(changes: Sequence[Change], raw: bytes) -> bytes:
    """The record with the changes made, in its own style; raises where a place is not there, or DecodeError."""
    value: Any = decode(raw)
    for change in changes:
        *path, last = [key or int(index) for key, index in _PART.findall(change.place)]
        holder = value
        for part in path:
            holder = holder[part]
        if holder[last] != change.was:
            raise KeyError(change.place)
        holder[last] = change.now
    return dump_like(value, raw)
