"""Writing a row the way its file is written."""

from __future__ import annotations

import json
import re

# Strings are passed over whole, so that what looks like JSON inside one is not taken for it.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[,:]\s*')
_INDENT = re.compile(rb"[\[{]\r?\n([ \t]+)")


def dump_like(value: object, sample: bytes) -> bytes:
    """`value` as JSON in the style of `sample`, a row of the file: its spacing, and its escapes for non-ASCII.

    A pretty-printed sample, as an array file may have, gives pretty-printed JSON. Half a surrogate pair can only be
    written as an escape, so a value that has one is escaped throughout.
    """
    escape = sample.isascii() and b"\\u" in sample
    indent, comma, colon = _layout(sample)
    try:
        return _dump(value, escape, indent, (comma, colon), sample).encode("utf-8")
    except UnicodeEncodeError:
        return _dump(value, True, indent, (comma, colon), sample).encode("ascii")


def _dump(value: object, escape: bool, indent: str | None, separators: tuple[str, str], sample: bytes) -> str:
    text = json.dumps(value, ensure_ascii=escape, indent=indent, separators=separators)
    if indent is None:
        return text
    # An element of an array stands one level in: its later lines begin where its last one does.
    outer = sample[sample.rfind(b"\n") + 1 :]
    margin = outer[: len(outer) - len(outer.lstrip())].decode("ascii", "replace")
    end = "\r\n" if b"\r\n" in sample else "\n"
    return text.replace("\n", end + margin)


def _layout(sample: bytes) -> tuple[str | None, str, str]:
    """Indentation of a level, what stands between two items, and between key and value."""
    after: dict[bytes, bool] = {}
    for token in _TOKEN.finditer(sample):
        mark = token.group()
        if mark[:1] != b'"':
            after.setdefault(mark[:1], len(mark) > 1)
        if len(after) == 2:
            break
    colon = ": " if after.get(b":", True) else ":"
    indented = _INDENT.search(sample)
    if indented is not None:
        outer = sample[sample.rfind(b"\n") + 1 :]
        margin = len(outer) - len(outer.lstrip())
        return indented.group(1)[margin:].decode("ascii") or " ", ",", colon
    return None, ", " if after.get(b",", colon == ": ") else ",", colon
