"""The fast way through clean chat records finds just what the rules find, row by row."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.dataset.chat_rows import BASES, CALL, TOOL, raw_rows
from workbench.dataset.analysis import BROKEN, DUPLICATE, Spec
from workbench.dataset.analysis.lines import KEYS, split_lines
from workbench.dataset.analysis.part import _LENGTH, _TEMPLATE, Part, PartAnalyst
from workbench.dataset.analysis.row import SCANNING, Analyst
from workbench.dataset.analysis.screen import COVERED, Screen
from workbench.dataset.counting import Counting
from workbench.dataset.formats import Format
from workbench.dataset.rows import DecodeError
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rules import Context, all_rules
from workbench.dataset.rules.facts import Tally
from workbench.dataset.rules.look import look_at

PROFILES = (None, "openai", "azure", "compatible", "local")


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Counting:
    return Counting("cl100k_base", True, cache=str(tmp_path_factory.mktemp("vocabulary")))


def quickly(raws: list[bytes], spec: Spec) -> Part:
    """What a worker finds."""
    block = b"\n".join(raws)
    rows = split_lines(block)
    assert list(rows.raws) == raws
    return PartAnalyst(spec).part(rows, block)


def the_same(raws: list[bytes], spec: Spec) -> Part:
    """Assert that a worker finds what the rules find on each row; returns what it found."""
    part = quickly(raws, spec)
    slow, tally = Analyst(spec), Tally()
    for number, raw in enumerate(raws):
        row = look_at(raw, spec.format, number=number, line=number + 1)
        if not isinstance(row.value, DecodeError):
            tally.count(row)
        facts = slow.look(row)
        for name, column in part.columns.arrays().items():
            assert int(column[number]) == getattr(facts, name), (name, raw)
        assert int(part.digests[number]) == facts.digest, raw
        assert part.findings.of(number) == list(facts.findings), raw
    assert part.tally == tally
    return part


PIECES = (
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b"\x0b",
    b"\x85",
    b"{",
    b"ab",
    b'"x":',
    b'"x" :',
    b'"\t:',
    b'"',
    b":",
    b"x" * 50,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join), st.integers(1, 30))
def test_rows_are_those_of_the_index(block: bytes, size: int) -> None:
    """A worker finds the lines of its part as the index of the whole file does, however it walks through them."""
    index = LineIndex.scan(io.BytesIO(block), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.dataset.analysis.lines._BLOCK", size)
        rows = split_lines(block)
    extents = [index.extent(row) for row in range(len(index))]
    assert list(rows.raws) == [index.content(block[first:last]) for first, last in extents]
    assert list(rows.lines) == [index.place(row)[0] for row in range(len(index))]
    assert rows.blank_lines == index.blank_line_numbers()
    assert rows.line_count == len(index) + index.blank_lines
    assert list(rows.keys) == [len(KEYS(raw)) for raw in rows.raws]


@settings(max_examples=60, deadline=None)
@given(st.lists(raw_rows(), min_size=1, max_size=25), st.sampled_from(PROFILES))
@example([json.dumps(base).encode() for base in BASES], None)
def test_a_worker_finds_what_the_rules_find(raws: list[bytes], profile: str | None) -> None:
    """Whatever the screen calls clean, no rule has anything to say about, and every column is the same."""
    the_same(raws, Spec(Format.CHAT, profile=profile))


def called(arguments: str, result: str) -> dict[str, Any]:
    """A record with a call of a tool."""
    call = {**CALL, "function": {"name": "look", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "weather"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": result},
            {"role": "assistant", "content": "Fine.", "weight": 1},
        ]
    }


LIKE_KEYS: tuple[dict[str, Any], ...] = (
    called('{"city": "Bern", "days" : 2}', '{"t": 3}'),
    called('{"city"\n: "Bern"}', ""),
    called("{}", '{"t"\t: 3}'),
    {**called("{}", ""), "tools": [TOOL, {**TOOL, "function": {"name": "other", "description": 'Takes "x": one.'}}]},
    {**called("{}", ""), "metadata": {"score": 1.5, "tags": [{"a": {"b": 'x "y": z'}}], "": 'q": w'}},
    {"messages": [{"role": "user", "content": '"a": 1?'}, {"role": "assistant", "content": '{"a" : [{"b": 2}]}'}]},
)
"""Records with texts that look like keys."""


@pytest.mark.parametrize("record", [*BASES, *LIKE_KEYS])
@pytest.mark.parametrize("quote", [b'\\"', b"\\u0022"])
@pytest.mark.parametrize("before", [b"", b" ", b"\t"])
def test_no_key_that_is_there_twice_is_missed(record: dict[str, Any], quote: bytes, before: bytes) -> None:
    """Keys are counted rather than looked at: whichever of them is written twice, the count shows it."""
    raw = json.dumps(record, ensure_ascii=False).encode().replace(b'\\"', quote)
    keys = list(re.finditer(rb'(?<!\\)"\w*"(?=: )', raw))
    assert len(keys) > 4
    raws = [raw, *(raw[: key.start()] + key[0] + before + b": null, " + raw[key.start() :] for key in keys)]
    part = the_same(raws, Spec(Format.CHAT))
    assert {finding.line for finding in part.findings if finding.code == "J008"} == set(range(2, len(raws) + 1))


@settings(max_examples=25, deadline=None)
@given(st.lists(raw_rows(), min_size=1, max_size=15))
@example([json.dumps(base).encode() for base in BASES])
def test_a_worker_counts_what_the_formula_counts(counting: Counting, raws: list[bytes]) -> None:
    """Tokens of clean records are counted without making dictionaries of them, to the same number."""
    the_same(raws, Spec(Format.CHAT, counting=counting, ignore=("X",)))


@pytest.mark.parametrize("tokens", [True, False])
def test_rules_about_length_see_long_records_only(counting: Counting, tokens: bool) -> None:
    """A record beyond the limit goes through the rules; one within it need not."""
    short = {"messages": [{"role": "user", "content": "q " * 900}, {"role": "assistant", "content": "a"}]}
    long = {"messages": [{"role": "user", "content": "q " * 9000}, {"role": "assistant", "content": "a"}]}
    raws = [json.dumps(short).encode(), json.dumps(long).encode()]
    part = the_same(raws, Spec(Format.CHAT, model="starter", counting=counting, tokens=tokens))
    assert part.findings.counts().keys() == {"L004", "L005"}
    assert bool((part.columns.tokens > 0).all()) is tokens


def test_most_records_are_clean_at_first_sight() -> None:
    """The screen is there to be used: well-formed records of every usual kind pass it."""
    screen = Screen(Context(Format.CHAT), ["messages", "metadata", "id"])
    raws = [json.dumps(base).encode() for base in BASES]
    found = [screen.clean(raw, len(KEYS(raw))) for raw in raws]
    assert [clean is not None for clean in found] == [True, True, True, True, False]


def test_every_rule_is_known_to_the_screen() -> None:
    """A rule that is not is run on every row, which is right but slow: cover it, or say here why not."""
    about_rows = {rule.code for rule in all_rules() if rule.check_file is None and Format.CHAT in rule.formats}
    assert about_rows <= COVERED | _LENGTH | _TEMPLATE | SCANNING


def test_a_rule_that_the_screen_does_not_know_is_run_on_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """New rules are right before they are fast."""
    monkeypatch.setattr("workbench.dataset.analysis.part.COVERED", COVERED - {"W001"})
    raws = [json.dumps(base).encode() for base in BASES]
    assert [rule.code for rule in PartAnalyst(Spec(Format.CHAT))._others] == ["W001"]
    the_same(raws, Spec(Format.CHAT))


@pytest.mark.parametrize("fmt", [fmt for fmt in Format if fmt is not Format.CHAT])
def test_other_formats_go_through_the_rules(fmt: Format) -> None:
    """Columns and findings are there for every format."""
    rows: list[Any] = [
        {"prompt": "q", "completion": "a"},
        {"text": "t"},
        {"instruction": "i", "output": "o"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"messages": [{"role": "user", "content": "q"}], "reference": "a"},
        {"prompt": "q", "completion": "a", "label": True},
        [],
    ]
    the_same([json.dumps(row).encode() for row in rows], Spec(fmt))


def test_broken_rows_are_flagged_and_have_no_digest(tmp_path: Path) -> None:
    """What cannot be read is no copy of anything."""
    part = quickly([b"{", b"{", b'{"messages": []}'], Spec(Format.CHAT))
    assert part.columns.flags.tolist() == [BROKEN, BROKEN, 0]
    assert part.digests.tolist()[:2] == [0, 0]
    assert not (part.columns.flags & DUPLICATE).any()
