"""Byte search: whatever way JSON writes a text, its row is found, and soon."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.rows import open_rows
from workbench.dataset.rows.open import open_first
from workbench.dataset.search import (
    BadPattern,
    Expression,
    Literal,
    extents,
    line_numbers,
    search,
    text_pattern,
)
from workbench.dataset.search.patterns import compiled, required_literal


def found(path: Path, prefilter: Literal | Expression) -> list[int]:
    with open_rows(path) as rows:
        return np.concatenate(list(search(rows, prefilter))).tolist()


@pytest.mark.parametrize(
    ("needle", "row"),
    [
        ("café", 0),
        ("CAFÉ", 0),
        ('said "no"', 1),
        ("line\nbreak", 1),
        ("a/b", 2),
        ("c:\\x", 2),
        ("<b>", 2),
        ("😀", 3),
        ("plain", 4),
        ("ΣΑΣ", 5),
    ],
)
@pytest.mark.parametrize("writing", ["utf-8", "ascii", "escaped"])
def test_a_text_is_found_however_it_is_written(write, needle: str, row: int, writing: str) -> None:
    """As it is, by numbers, or every character by its number, needlessly."""
    texts = ["one Café", 'he said "no" line\nbreak', "a/b c:\\x <b>", "smile 😀", "so plain", "σας"]
    lines = [json.dumps(text, ensure_ascii=writing != "utf-8") for text in texts]
    if writing == "escaped":
        units = [text.encode("utf-16-be").hex().upper() for text in texts]
        lines = ['"' + re.sub("(....)", r"\\u\1", unit) + '"' for unit in units]
    assert row in found(write("data.jsonl", "\n".join(lines)), Literal(needle))


def test_the_bytes_alone_rule_out_what_is_not_there(write) -> None:
    path = write("data.jsonl", "".join(f'{{"text": "number {number}"}}\n' for number in range(2000)))
    assert found(path, Literal("number 1999")) == [1999]
    assert found(path, Literal("Number 1999", ignore_case=False)) == []
    assert found(path, Expression(r"r 1[0-2]{3}")) == [int(f"1{a}{b}{c}") for a in "012" for b in "012" for c in "012"]


def test_the_first_hit_comes_before_the_file_is_read(write) -> None:
    """The first block is small; the others are read as somebody asks for them."""
    path = write("data.jsonl", '{"text": "here"}\n' + f'{{"text": "{"x" * 1000}"}}\n' * 2000)
    with open_rows(path) as rows:
        first = next(iter(search(rows, Literal("here"))))
        assert first.tolist() == [0]
        read = []
        whole = rows.bytes_at
        rows.bytes_at = lambda first, last: read.append(last - first) or whole(first, last)
        steps = search(rows, Literal("here"))
        next(steps)
        assert len(read) == 1
        assert read[0] < 300_000
        assert [len(part) for part in steps] == [0]


def test_a_search_can_be_cancelled(write) -> None:
    path = write("data.jsonl", '{"text": "x"}\n' * 50_000)
    with open_rows(path) as rows:
        assert list(search(rows, Literal("x"), cancelled=lambda: True)) == []


def test_rows_and_lines_of_a_file_with_blank_lines(write) -> None:
    path = write("data.jsonl", '\n\n{"a": 1}\n \n{"a": 2}\r\n\n\n{"a": 3}')
    with open_rows(path) as rows:
        starts, stops = extents(rows)
        assert [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)] == [
            rows.index.extent(n) for n in range(3)
        ]
        assert line_numbers(rows).tolist() == [rows.line(n) for n in range(3)] == [3, 5, 8]


def test_a_file_that_is_not_indexed_yet_is_searched_as_far_as_it_is(write) -> None:
    """And the index goes on growing meanwhile: nothing holds its memory."""
    path = write("data.jsonl", '{"text": "x"}\n' * 100_000)
    rows = open_first(path)
    known = len(rows)
    assert known < 100_000
    starts, _ = extents(rows)
    rows.index_rest()
    assert len(starts) == known
    assert len(extents(rows)[0]) == 100_000
    rows.close()


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("refund(ed)?", "refund"),
        ("refunds?", "refund"),
        (r"order \d+ is", "order "),
        ("a|bcd", ""),
        ("(abc|bcd)e", "e"),
        ("ab+cd", "ab"),
        ("ab*cd", "cd"),
        ("ab{0,2}cde", "cde"),
        (r"[\]abc]xy", "xy"),
        ("[[:alpha:]x]yz", "yz"),
        (r"\Qa+b\E", ""),
        (r"a\.b", "a.b"),
        (r"\x41bc", ""),
        ("(?i)abc", "abc"),
        ("[^]a]bc", "bc"),
    ],
)
def test_the_text_that_every_match_has(pattern: str, literal: str) -> None:
    compiled(pattern)
    assert required_literal(pattern) == literal


@settings(max_examples=300)
@given(st.text(alphabet="ab.*+?()[]{}|\\^$1,:Qd", max_size=10), st.text(alphabet="ab1.,", max_size=12))
def test_no_match_lacks_its_required_text(pattern: str, text: str) -> None:
    """Else a row that fits would not be found."""
    try:
        match = compiled(pattern).search(text.encode())
    except BadPattern:
        return
    if match is not None:
        assert required_literal(pattern) in match.group().decode()


@settings(max_examples=200)
@given(st.text(max_size=4).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)))
def test_every_text_finds_itself(text: str) -> None:
    """Whatever characters it has; a needle is never taken for a pattern."""
    assert text_pattern(text).search(f"before {text} behind".encode()) is not None
    if text:
        assert text_pattern(text).search(b"") is None
