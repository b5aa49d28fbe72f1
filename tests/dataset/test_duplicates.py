"""Copies and leaks: what is planted is found, what only looks alike is not, few rows or many, here or in workers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset.duplicates import Cancelled, crew, find_duplicates, groups, leaked, leaked_texts
from workbench.dataset.duplicates.lookup import Lookup
from workbench.dataset.duplicates.shingles import shingles
from workbench.dataset.duplicates.texts import prompt_text, record_text
from workbench.dataset.rows import open_rows
from workbench.errors import WorkbenchError
from workbench.evaluate.text import normalise, words

WORDS = [f"{a}{b}{c}" for a in "bdgklmnprst" for b in "aeiou" for c in ("n", "r", "lo", "ti", "sk")]


def prose(chance: random.Random, count: int = 60) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(count))


def chat(question: str, answer: str, **rest: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "You answer briefly and never promise what you have not looked up in the book."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": messages, **rest}


def written(path: Path, records: Sequence[object]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


@pytest.fixture
def some() -> list[dict[str, Any]]:
    """Sixty different records."""
    chance = random.Random(3)
    return [chat(prose(chance), prose(chance)) for _ in range(60)]


def changed(text: str, at: int = 7) -> str:
    """The same text with one word in another's place."""
    parts = text.split()
    return " ".join([*parts[:at], "otherwise", *parts[at + 1 :]])


def test_exact_copies_are_told_by_value(tmp_path: Path, some: list[dict[str, Any]]) -> None:
    """Whatever the spacing, the escapes and the order of keys; 1 and true are two values."""
    path = tmp_path / "data.jsonl"
    again = {"id": "é", **some[4]}
    turned = json.dumps(dict(reversed(again.items())), ensure_ascii=False, separators=(",", ":"))
    lines = [json.dumps(record) for record in some] + [
        "",
        json.dumps(again),
        turned,
        json.dumps({"x": 1}),
        '{"x": true}',
    ]
    path.write_text("\n".join(lines))
    with open_rows(path) as rows:
        found = find_duplicates(rows)
    assert [group.lines for group in found.exact] == [(62, 63)]
    assert [group.lines for group in found.near] == [(5, 62)]  # the same words, but not the same record
    assert found.leaked == ()


def test_near_copies_are_groups_with_their_similarity(tmp_path: Path, some: list[dict[str, Any]]) -> None:
    """A word changed, case and punctuation changed; half of it changed is another record."""
    question, answer = some[10]["messages"][1]["content"], some[10]["messages"][2]["content"]
    near = [chat(changed(question), answer), chat(question.upper() + "!!", answer)]
    far = chat(question, prose(random.Random(9), 120))
    path = written(tmp_path / "data.jsonl", [*some, *near, far])
    with open_rows(path) as rows:
        [group] = find_duplicates(rows).near
    assert group.lines == (11, 61, 62) and 0.8 <= group.similarity < 1


def test_what_all_records_share_makes_no_copies(tmp_path: Path) -> None:
    """One long form around a short question; the same system prompt."""
    chance = random.Random(5)
    form = " ".join(f"form{number}" for number in range(80))
    records = [chat(f"{form}: {prose(chance, 12)}", "yes" if number % 2 else "no") for number in range(100)]
    with open_rows(written(tmp_path / "data.jsonl", records)) as rows:
        found = find_duplicates(rows)
        assert (found.exact, found.near) == ((), ())
        assert len(set(groups(rows).tolist())) == 100


def test_leaks_are_told_by_record_by_question_and_nearly(tmp_path: Path, some: list[dict[str, Any]]) -> None:
    """A test set shares a record, a question with another answer, and a question with a word changed."""
    question = some[20]["messages"][1]["content"]
    test = [
        chat("entirely new question about lighthouses", "x"),
        some[3],
        chat(some[7]["messages"][1]["content"].upper(), "another answer"),
        chat(changed(question, 20), "another answer still"),
    ]
    with (
        open_rows(written(tmp_path / "a.jsonl", some)) as rows,
        open_rows(written(tmp_path / "b.jsonl", test)) as other,
    ):
        found = find_duplicates(rows, against=other).leaked
        assert found == leaked(rows, other)
    assert [(leak.line, leak.against_line, leak.kind) for leak in found] == [
        (4, 2, "record"), (8, 3, "prompt"), (21, 4, "near"),
    ]  # fmt: skip
    assert found[0].similarity == found[1].similarity == 1 and 0.8 <= found[2].similarity < 1


def test_the_question_is_all_before_the_last_answer() -> None:
    """Of every format; system prompts are no part of it."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert prompt_text({"messages": [*turns, {"role": "assistant", "content": "d"}]}) == "a\nb\nc"
    assert record_text({"messages": [{"role": "system", "content": "s"}, *turns]}) == "a\nb\nc"
    assert prompt_text({"prompt": "p", "completion": "c"}) == "p"
    assert prompt_text({"prompt": "p", "chosen": "c", "rejected": "r"}) == "p"
    assert record_text({"prompt": "p", "chosen": "c", "rejected": "r"}) == "p\nc\nr"
    assert prompt_text({"instruction": "i", "input": "n", "output": "o"}) == "i\n\nn"
    assert prompt_text({"text": "t"}) == "t"
    assert record_text({"a": ["b", {"c": "d"}], "e": 1}) == "b\nd"
    call = {"function": {"name": "look", "arguments": "{}"}}
    assert record_text({"messages": [turns[0], {"role": "assistant", "tool_calls": [call]}]}) == "a\nlook\n{}"


def test_groups_keep_together_what_a_split_must_not_part(tmp_path: Path, some: list[dict[str, Any]]) -> None:
    """Copies, near copies, and the same question with another answer; broken rows stand alone."""
    question, answer = some[0]["messages"][1]["content"], some[0]["messages"][2]["content"]
    raws = [json.dumps(record).encode() for record in some]
    raws += [
        raws[5], json.dumps(chat(changed(question), answer)).encode(), json.dumps(chat(question, "another")).encode(),
        b"{broken", b'{"also": broken', b"{broken", b"[1]", b"[2]",
    ]  # fmt: skip
    numbers = groups(raws)
    assert numbers.dtype == np.int32 and numbers[:60].tolist() == list(range(60))
    assert numbers[60:].tolist() == [5, 0, 0, 60, 61, 60, 62, 63]
    assert groups(raws, by="record")[60:63].tolist() == [5, 0, 60]
    assert groups(raws, by="prompt")[60:63].tolist() == [5, 0, 0]
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join(raws))
    with open_rows(path) as rows:
        assert groups(rows).tolist() == numbers.tolist()


def test_workers_find_what_one_process_finds(
    tmp_path: Path, some: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same signatures, in the same order, and progress up to the end; a cancelled search stops."""
    question = some[30]["messages"][1]["content"]
    records = [*some, chat(changed(question), some[30]["messages"][2]["content"]), some[1], {"bad": "\ud83d"}]
    path = written(tmp_path / "data.jsonl", records)
    with path.open("ab") as file:
        file.write(b'{"messages": [{"role": "user", "content": "caf\xe9"}]}\n')
    with open_rows(path) as rows:
        here = find_duplicates(rows)
        monkeypatch.setattr(crew, "_FEW", 0)
        monkeypatch.setattr(crew, "BLOCK", 10)
        told: list[tuple[int, int]] = []
        assert find_duplicates(rows, progress=lambda done, total: told.append((done, total))) == here
        assert told[-1] == (64, 64) and len(told) == 7
        assert [group.lines for group in here.near] == [(31, 61)] and [group.lines for group in here.exact] == [(2, 62)]
        with pytest.raises(Cancelled):
            find_duplicates(rows, cancelled=lambda: True)


def test_a_worker_that_dies_is_told_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, no traceback, no hanging."""
    monkeypatch.setattr(crew, "_FEW", 0)
    monkeypatch.setattr(crew.sys, "executable", "/bin/false")
    with pytest.raises(WorkbenchError, match="died while it compared records"):
        groups([b"{}"] * 10)


def test_a_large_run_of_the_same_is_one_group() -> None:
    """A thousand equal questions do not make half a million comparisons."""
    raws = [json.dumps(chat("hello there my friend", f"answer {number}")).encode() for number in range(1000)]
    assert set(groups(raws).tolist()) == {0}


@given(st.lists(st.text(max_size=40), max_size=8))
def test_texts_are_cut_as_they_are_normalised(texts: list[str]) -> None:
    """Many at once is the same as one by one, and equal once normalised is equal here."""
    for kind in ("words", "characters"):
        every = shingles(texts, kind)
        assert len(every) == len(texts)
        keys = every.keys.tolist()
        for number, text in enumerate(texts):
            alone = shingles([text], kind)
            assert alone.of(0).tolist() == every.of(number).tolist() and alone.keys[0] == keys[number]


@given(st.text(alphabet="aBc ÉßДю.,!請問 かナ-_\n\t１ﬁ", max_size=30), st.text(alphabet="abc é請 .", max_size=30))
def test_shingles_agree_with_the_normalisation_of_scorers(left: str, right: str) -> None:
    """One idea of what is the same text in the whole house."""
    a, b = shingles([left], "words"), shingles([right], "words")
    assert len(a.hashes) == (max(1, len(words(left)) - 2) if words(left) else 0)
    if words(left) == words(right):
        assert a.keys.tolist() == b.keys.tolist()
    characters = shingles([left, normalise(left)], "characters")
    assert characters.of(0).tolist() == characters.of(1).tolist()
    length = len(normalise(left))
    assert len(characters.hashes) == 2 * (max(1, length - 4) if length else 0)


def test_every_character_is_what_it_is_once_normalised() -> None:
    """All of the basic plane, each between letters: as the text that normalisation makes of it."""
    texts = [f"a{char} b{char}{char}c" for char in map(chr, range(0x10000))]
    whole = shingles(texts, "characters").keys
    assert (whole == shingles([normalise(text) for text in texts], "characters").keys).all()


@given(st.lists(st.text(alphabet="qé\u0301\u0323\u0327\u0345\u094d\u093c\u0651\u064b\u0e38\u0e48ßẖİſΣ", max_size=8)))
def test_marks_in_any_order_are_the_same_text(texts: list[str]) -> None:
    """Accents may be written in several orders, and letters become several."""
    normal = shingles([normalise(text) for text in texts], "characters").keys
    assert shingles(texts, "characters").keys.tolist() == normal.tolist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), unique=True), st.lists(st.integers(0, 4)))
def test_a_small_set_is_found_among_many(known: list[int], others: list[int]) -> None:
    """Also where several of the set begin with the same bits, and in an empty set."""
    ordered, many = np.array(sorted(known), np.uint64), np.array([*known, *others], np.uint64)
    places, which = Lookup(ordered).find(many)
    assert places.tolist() == np.flatnonzero(np.isin(many, ordered)).tolist()
    assert ordered[which].tolist() == many[places].tolist()


def test_no_near_question_is_missed() -> None:
    """Against comparing each with each; short questions too."""
    chance = random.Random(2)
    train = [prose(chance, chance.randint(4, 20)) for _ in range(300)]
    test = []
    for text in train[:200]:
        parts = text.split()
        for _ in range(chance.randint(0, 3)):
            parts[chance.randrange(len(parts))] = chance.choice(WORDS)
        test.append(" ".join(parts))
    every = shingles([*test, *train], "characters")
    sets = [set(every.of(number).tolist()) for number in range(len(every))]
    expected = {
        row for row in range(200) if any(len(sets[row] & one) >= 0.8 * len(sets[row] | one) for one in sets[200:])
    }
    assert {match.row for match in leaked_texts(test, train)} == expected and 50 < len(expected) < 200


def test_nothing_to_compare_is_no_error() -> None:
    """No rows, no words."""
    assert groups([]).tolist() == []
    assert leaked_texts([], []) == leaked_texts(["a"], []) == leaked_texts(["..."], ["!!!"]) == []
    assert groups([b'{"messages": []}', b'{"messages": [{"role": "user", "content": "..."}]}']).tolist() == [0, 1]
