"""Byte search: whatever way JSON writes a text, its row is found, and soon."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.formats import Format
from workbench.dataset.query.nodes import Regex
from workbench.dataset.query.row import QueryRow
from workbench.dataset.rows import open_rows
from workbench.dataset.rows.open import open_first
from workbench.dataset.search import (
    BadPattern,
    Block,
    Expression,
    Literal,
    extents,
    line_numbers,
    prefilters,
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


@given(
    st.lists(st.text(alphabet="aAbB*\r -\x7f_?", max_size=12), min_size=1, max_size=80),
    st.text(alphabet="aAbB* -_?", min_size=1, max_size=6),
    st.booleans(),
)
def test_a_plain_text_is_in_the_rows_that_have_it(texts: list[str], needle: str, ignore_case: bool) -> None:
    """Few hits or many, with characters that differ from others in one bit; and each row's first hit."""
    raws = [json.dumps(text).encode() for text in texts]
    starts = np.cumsum([0, *(len(raw) + 1 for raw in raws)], dtype=np.int64)
    block = Block(0, starts[:-1], starts[1:], b"".join(raw + b"\n" for raw in raws))
    wanted, flags = re.escape(needle.encode()), re.IGNORECASE if ignore_case else 0
    with patch.object(prefilters, "_MANY", 2):
        rows, stops = Literal(needle, ignore_case)._hits(block)
    found = {row: match for row, raw in enumerate(raws) if (match := re.search(wanted, raw, flags))}
    assert rows.tolist() == list(found)
    assert stops.tolist() == [int(starts[row]) + match.end() for row, match in found.items()]


@given(
    st.lists(st.text(alphabet='ab1 \n\t"\\\\/é', max_size=8), min_size=1, max_size=40),
    st.sampled_from(
        [
            "a.b",
            "[^a]*b",
            r"\d",
            r"a\nb",
            r"a\\nb",
            r"a.nb",
            '"',
            r"\sa",
            "ab$",
            "a[^1]b",
            r"\ba\b",
            "(a|b)1",
            "é",
            "1a.*b",
            r"\D*b",
            r"b\D+1",
        ]
    ),
    st.sampled_from(["", "i", "s"]),
    st.booleans(),
)
def test_no_row_that_matches_is_left_out(texts: list[str], pattern: str, flags: str, broken: bool) -> None:
    """As reading each row says, whatever is escaped, or no JSON at all; and matches that run over many rows."""
    raws = [json.dumps({"text": text}, ensure_ascii=broken).encode()[: -1 if broken else None] for text in texts]
    starts = np.cumsum([0, *(len(raw) + 1 for raw in raws)], dtype=np.int64)
    block = Block(0, starts[:-1], starts[1:], b"".join(raw + b"\n" for raw in raws))
    may = Expression(pattern, flags).may(block)
    must = [QueryRow(raw, Format.UNKNOWN).fits(Regex(pattern, flags)) for raw in raws]
    assert not (np.array(must) & ~may).any()


def test_the_bytes_rule_out_what_escapes_alone_would_leave_open() -> None:
    """Rows with short escapes are decided without being read."""
    raws = [json.dumps({"text": f'he said "no"\n{number}-x'}).encode() for number in range(50)]
    starts = np.cumsum([0, *(len(raw) + 1 for raw in raws)], dtype=np.int64)
    block = Block(0, starts[:-1], starts[1:], b"".join(raw + b"\n" for raw in raws))
    assert np.flatnonzero(Expression(r"\d7.x").may(block)).tolist() == [17, 27, 37, 47]
    assert np.flatnonzero(Expression(r'"no"\s4').may(block)).tolist() == [4, *range(40, 50)]
    runs_on = np.flatnonzero(Expression(r"x\D*2").may(block)).tolist()
    assert runs_on == [2, *range(20, 30)], "a match that runs on into the next row is none"


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
