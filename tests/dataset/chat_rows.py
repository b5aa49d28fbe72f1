"""Rows of chat files for property tests: well-formed records, and what people and programs do to them."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOL = {"type": "function", "function": {"name": "look", "description": "It looks.", "parameters": _PARAMETERS}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Łódź"}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

BASES: tuple[dict[str, Any], ...] = (
    {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]},
    {
        "messages": [
            {"role": "system", "content": 'Say "x": nothing else.'},
            {"role": "user", "content": "grüß dich 👋🏽", "name": "anna"},
            {"role": "assistant", "content": "no", "weight": 0},
            {"role": "user", "content": [{"type": "text", "text": "and"}, {"type": "text", "text": " now"}]},
            {"role": "assistant", "content": "日本語", "weight": 1},
        ],
        "metadata": {"score": 1.5, "tags": ["a", None, True]},
    },
    {
        "messages": [
            {"role": "user", "content": "weather"},
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
            {"role": "tool", "tool_call_id": "c1", "content": '{"t": 3}'},
            {"role": "assistant", "content": "Three."},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": True,
    },
    {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}], "name": "bot"},
        ],
        "id": 7,
    },
    {"messages": [{"role": "user", "content": [IMAGE]}, {"role": "assistant", "tool_calls": [CALL]}]},
)

_JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 0.0, 1.0, 1e22, 2**70, float("nan"), float("inf"), "", " ", "\n", "x", " x",
    "x\u00a0", "\ud83d", "\u1adc.'s", "1", [], ["x"], {}, {"a": 1}, "user", "assistant", "system", "tool", "function",
    "human", "developer", "c1", "c2", "look", "{}", "[]", "NaN", '{"city": 1}', '{"a": 1, "a": 2}', "sk-",
    "jo@example.org", [{"type": "text", "text": ""}], [{"type": "text", "text": " x "}], [IMAGE], [TOOL], [CALL],
    [TOOL, TOOL], {"image_url": "x"}, {"tools": [TOOL]}, "a b", "ä" * 65, '" : x', "<|endoftext|>",
)  # fmt: skip
_KEYS = (
    "role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "timestamp", "tools",
    "parallel_tool_calls", "functions", "metadata", "input", "messages", "id", "type", "function", "arguments", "text",
    "parameters", "reasoning_content", "score", "",
)  # fmt: skip


def _containers(value: Any) -> list[Any]:
    """Every object and list in a value, itself first."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    here = [value] if isinstance(value, (dict, list)) else []
    return here + [found for item in inner for found in _containers(item)]


def _change(draw: st.DrawFn, value: Any) -> None:
    """Change one place in a value."""
    there = _containers(value)
    place = there[draw(st.integers(0, len(there) - 1))]
    what = draw(st.sampled_from(["set", "drop", "copy", "swap"]))
    if isinstance(place, dict):
        key = draw(st.sampled_from([*place, *_KEYS]))
        if what == "drop":
            place.pop(key, None)
        else:
            place[key] = copy.deepcopy(draw(st.sampled_from(_JUNK)))
    elif place:
        at = draw(st.integers(0, len(place) - 1))
        if what == "drop":
            del place[at]
        elif what == "copy":
            place.insert(at, copy.deepcopy(place[at]))
        elif what == "swap":
            place[at], place[0] = place[0], place[at]
        else:
            place[at] = copy.deepcopy(draw(st.sampled_from(_JUNK)))


@st.composite
def records(draw: st.DrawFn) -> Any:
    """A record's value, more or less as it should be."""
    value = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(0, 3))):
        _change(draw, value)
    return value


_SWAPS: tuple[tuple[bytes, bytes], ...] = (
    (b'"role"', b'"r\\u006fle"'), (b'"content"', b'"content" '), (b":", b"\t:"), (b'"', b"\\u0022"), (b"o", b"\\u006f"),
    (b'"content":', b'"content":"first","content":'), (b'"role":', b'"role":"user","role":'), (b"e", b"\xe9"),
    (b"1", b"1e400"), (b"1", b"1.0"), (b"1", b"-0"), (b"hi", b"\xed\xa0\x80"), (b"hi", b"\\ud83d"), (b"hi", b"\\/"),
    (b"}", b""), (b"{", b""), (b",", b",,"), (b"]", b",]"), (b"hi", b"a\x01"), (b"hi", b"a\x7f\xc2\x85"),
    (b"null", b"NaN"), (b"true", b"True"), (b'"', b"'"), (b"hi", b"\\u1adc.'s"), (b"hello", b'he\\": 1, \\" :llo'),
    (b'"metadata":', b'"metadata":{"a":1},"metadata":'), (b'"name":', b'"name":"x","name" :'),
)  # fmt: skip


@st.composite
def raw_rows(draw: st.DrawFn) -> bytes:
    """The bytes of a row, in one of many styles, some of them broken."""
    raw = json.dumps(
        draw(records()),
        ensure_ascii=draw(st.booleans()),
        sort_keys=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",\t", ":\t")])),
    ).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        old, new = draw(st.sampled_from(_SWAPS))
        raw = raw.replace(old, new, draw(st.integers(1, 2)))
    kind = draw(st.integers(0, 30))
    if kind == 0:
        return raw[: draw(st.integers(1, len(raw)))] or b"{"
    return raw + b" x" if kind == 1 else raw + b"  " if kind == 2 else raw
