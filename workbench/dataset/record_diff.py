"""What changed inside one record: message by message, then whatever else it holds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.dataset.formats import Format
from workbench.dataset.texts import texts_of


@dataclass(frozen=True, slots=True)
class PartChange:
    """One text, or one other value, that was added, removed or changed; `words.diff_words` shows it word by word."""

    place: str
    """As in `messages[2].content`: in the new record, or in the old one where it was removed."""
    role: str
    """Whose text it is; empty for other values."""
    was: str | None
    """None where it was not there. Other values than texts are their JSON."""
    now: str | None


def record_changes(old: object, new: object, fmt: Format) -> list[PartChange]:
    """The differences between two records, texts first, in their order; nothing if only the spelling differs."""
    return [*_text_changes(old, new, fmt), *_other_changes(old, new, fmt)]


def _text_changes(old: object, new: object, fmt: Format) -> Iterator[PartChange]:
    """Texts aligned by role and words, so that an inserted message does not change all that follow."""
    before = [(text.place, text.role, text.text) for text in texts_of(old, fmt, calls=True)]
    after = [(text.place, text.role, text.text) for text in texts_of(new, fmt, calls=True)]
    ours, theirs = ([item[1:] for item in side] for side in (before, after))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from _paired(before[a:b], after[c:d])


def _paired(before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]) -> Iterator[PartChange]:
    """Texts of one role, in order, as one that changed; the others as removed or added."""
    left = list(after)
    for place, role, text in before:
        match = next((item for item in left if item[1] == role), None)
        if match is None:
            yield PartChange(place, role, text, None)
            continue
        for item in left[: left.index(match)]:
            yield PartChange(item[0], item[1], None, item[2])
        del left[: left.index(match) + 1]
        yield PartChange(match[0], role, text, match[2])
    for place, role, text in left:
        yield PartChange(place, role, None, text)


def _other_changes(old: object, new: object, fmt: Format) -> Iterator[PartChange]:
    """Values that are no texts: weights, names, tools, keys of the record's own."""
    before, after = _others(old, fmt), _others(new, fmt)
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place), after.get(place)
        if was != now:
            yield PartChange(place, "", was, now)


_LISTS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected", "history")


def _others(value: object, fmt: Format) -> dict[str, str]:
    """Place to JSON of what is not a text; of messages only what is not their role and text either."""
    if not isinstance(value, dict):
        return {"": _json(value)}
    texts = {text.place for text in texts_of(value, fmt, calls=True)}
    found: dict[str, str] = {}
    for key, item in value.items():
        if key in texts:
            continue
        held = item.get("messages") if key == "input" and isinstance(item, dict) else item
        if isinstance(held, list) and (key in (*_LISTS, "input") or key.endswith("_output")):
            for index, message in enumerate(held):
                found |= _message_others(message, f"{key}[{index}]")
        else:
            found[key] = _json(item)
    return found


_SAID = frozenset({"role", "content", "from", "value"})


def _message_others(message: Any, place: str) -> dict[str, str]:
    if not isinstance(message, dict):
        return {} if isinstance(message, list) else {place: _json(message)}
    return {
        f"{place}.{key}": _json(item)
        for key, item in message.items()
        if not (key in _SAID and (isinstance(item, str) or item is None))
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
