"""Personal data and secrets as stable placeholders: the same value has the same one, numbered as they appear."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from workbench.dataset.formats import Format
from workbench.dataset.texts import texts_of

Scope = Literal["record", "file"]

_PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9_]*)_(\d+)\]")


class Placeholders:
    """Which value has which placeholder, within a record or, with scope `file`, from one record to the next."""

    def __init__(self, scope: Scope = "record", kinds: Sequence[str] = ()) -> None:
        self._scope = scope
        self._kinds = frozenset(kinds)
        self._named: dict[tuple[str, str], str] = {}
        self._count: Counter[str] = Counter()

    def reserve(self, text: str) -> None:
        """Give no number that `text` (a record's JSON will do) already uses."""
        if "[" not in text:
            return
        for name, number in _PLACEHOLDER.findall(text):
            self._count[name] = max(self._count[name], int(number))

    def replace(self, value: Any, fmt: Format, roles: frozenset[str] = frozenset()) -> int:
        """Replace what `dataset.scan` finds in a decoded record, in place; how many places.

        With `roles` only in the texts of these, else anywhere in the record, whatever the key.
        """
        from workbench.dataset.scan import hits

        if self._scope == "record":
            self._named, self._count = {}, Counter()
        strings = _strings(value)
        if roles:
            strings = [(text.holder, text.key) for text in texts_of(value, fmt, calls=True) if text.role in roles]
        for holder, key in strings:
            self.reserve(holder[key])
        places = 0
        for holder, key in strings:
            text: str = holder[key]
            parts, at = [], 0
            for hit in hits(text):
                if not self._kinds or hit.kind in self._kinds or hit.group in self._kinds:
                    parts += [text[at : hit.start], self._name(hit.kind, text[hit.start : hit.end])]
                    at = hit.end
                    places += 1
            if parts:
                holder[key] = "".join([*parts, text[at:]])
        return places

    def _name(self, kind: str, value: str) -> str:
        known = self._named.get((kind, value))
        if known is None:
            name = re.sub(r"[^A-Z0-9]+", "_", kind.upper()).strip("_")
            self._count[name] += 1
            known = self._named[kind, value] = f"[{name}_{self._count[name]}]"
        return known


def _strings(value: Any) -> list[tuple[Any, Any]]:
    """Holder and key of every string in a decoded value, in order."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, dict):
            items: Any = held.items()
        elif isinstance(held, list):
            items = enumerate(held)
        else:
            continue
        inner = []
        for key, item in items:
            if isinstance(item, str):
                found.append((held, key))
            elif isinstance(item, (dict, list)):
                inner.append(item)
        waiting += reversed(inner)
    return found
