"""A row that was edited is written the way its file is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.rows import dump_like


@pytest.mark.parametrize(
    ("sample", "value", "written"),
    [
        (b'{"a": 1, "b": "x"}', {"a": 2, "b": "é"}, '{"a": 2, "b": "é"}'),
        (b'{"a":1,"b":"x"}', {"a": 2, "b": "é"}, '{"a":2,"b":"é"}'),
        (b'{"a": 1,"b": "x"}', {"a": 2, "b": [1, 2]}, '{"a": 2,"b": [1,2]}'),
        (b'{"a:, b" :1,  "b": 2}', {"a": 2, "b": 3}, '{"a":2, "b":3}'),
        (b'{"a": "\\u00e9"}', {"a": "é"}, '{"a": "\\u00e9"}'),
        (b'{"a": "\xc3\xa9"}', {"a": "é"}, '{"a": "é"}'),
        (b'{"a": "x"}', {"a": "\ud83d"}, '{"a": "\\ud83d"}'),
        (b'{"a":"x"}', {"a": "\ud83d", "b": "é"}, '{"a":"\\ud83d","b":"\\u00e9"}'),
        (b'{"a"', {"a": 1, "b": 2}, '{"a": 1, "b": 2}'),
        (b"\xff not JSON", {"a": 1, "b": 2}, '{"a": 1, "b": 2}'),
        (b'{"a": 1e400, "big": 1}', {"a": 12345678901234567890123}, '{"a": 12345678901234567890123}'),
    ],
)
def test_spacing_and_escapes_are_those_of_the_sample(sample: bytes, value: object, written: str) -> None:
    """What looks like JSON inside a string is no sample; what UTF-8 cannot hold is escaped."""
    assert dump_like(value, sample).decode() == written


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), values, min_size=2), st.sampled_from([",", ", "]), st.sampled_from([":", ": "])
)
def test_a_record_in_its_own_style_is_itself(record: object, comma: str, colon: str) -> None:
    """Written by the usual writers in the usual ways, it comes back byte for byte."""
    raw = json.dumps(record, ensure_ascii=False, separators=(comma, colon)).encode("utf-8", "surrogatepass")
    assert dump_like(record, raw) == raw


@given(st.dictionaries(st.text(max_size=5), values, min_size=1), st.sampled_from(["  ", "    ", "\t"]))
def test_an_element_of_a_pretty_printed_array_is_itself(record: object, indent: str) -> None:
    """It stands one level in, and so do the lines of what is written in its place."""
    data = json.dumps([record], ensure_ascii=False, indent=indent)
    element = data[data.index("{") : data.rindex("}") + 1].encode("utf-8", "surrogatepass")
    assert dump_like(record, element) == element
