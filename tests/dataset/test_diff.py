"""Comparing two versions: what was added, removed and changed, and what inside."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.diff import Diff, Pair, changes_of, diff
from workbench.dataset.edited import EditedSide
from workbench.dataset.formats import Format
from workbench.dataset.record_diff import PartChange, record_changes
from workbench.dataset.rows import open_document, open_rows

SENTENCE = "the order arrived late and was broken so please send another one soon thank you for all"
WORDS = SENTENCE.split(" ")


class FakeSide:
    """A version that is a list."""

    def __init__(self, rows: list[bytes]) -> None:
        self.rows = rows
        self.read = 0

    def __len__(self) -> int:
        return len(self.rows)

    def iter_raw(self) -> Iterator[bytes]:
        for raw in self.rows:
            self.read += 1
            yield raw

    def raw(self, index: int, /) -> bytes:
        self.read += 1
        return self.rows[index]


def chat(*texts: str, **extra: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]} | extra


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def records(count: int) -> list[bytes]:
    chance = random.Random(3)
    return [raw(chat(" ".join(chance.sample(WORDS, 8)), f"answer {number}")) for number in range(count)]


def test_what_was_done_is_what_is_found() -> None:
    """Deleted, inserted, edited in place: each told as such, the rest the same."""
    old = records(1000)
    new = list(old)
    new[500] = new[500].replace(b"answer", b"reply")
    del new[20]
    new.insert(300, raw({"text": "something else altogether, with no word of the others"}))
    made = diff(FakeSide(old), FakeSide(new))
    assert (made.same, made.added, made.removed) == (998, (300,), (20,))
    assert made.changed == (Pair(500, 500, "place"),)
    assert not made.reordered and not made.empty


def test_equal_files_have_no_difference() -> None:
    """Copies of a record inside the file included."""
    rows = [*records(10), *records(10)]
    made = diff(FakeSide(rows), FakeSide(list(rows)))
    assert made.empty and made.same == 20


def test_one_copy_less_is_one_removed() -> None:
    """Of three equal records one goes: told once."""
    row = records(1)[0]
    made = diff(FakeSide([row, row, row]), FakeSide([row, row]))
    assert (made.same, len(made.removed), made.added, made.changed) == (2, 1, (), ())


def test_another_order_is_told() -> None:
    """And no record counts as changed for it."""
    rows = records(50)
    made = diff(FakeSide(rows), FakeSide(rows[::-1]))
    assert made.reordered and made.same == 50 and not (made.added or made.removed or made.changed)


def test_records_are_known_again_by_spelling_id_and_likeness() -> None:
    """Wherever they went: compact spacing, an id that stayed, most of the words."""
    base = records(30)
    apart = raw(chat("alpha beta gamma delta epsilon zeta eta theta", "iota kappa lambda my"))
    named = raw(chat("one", "two", id=7))
    spaced = raw(chat("left right up down", "north south east west"))
    old = [spaced, apart, named, *base]
    compact = json.dumps(json.loads(spaced), separators=(",", ":")).encode()
    new = [*base, raw(chat("all", "new", id=7)), apart.replace(b"lambda", b"omega"), compact]
    made = diff(FakeSide(old), FakeSide(new))
    assert set(made.changed) == {Pair(0, 32, "spelling"), Pair(2, 30, "id"), Pair(1, 31, "alike")}
    assert not made.added and not made.removed
    assert changes_of(old[0], new[32], Format.CHAT) == []


def test_a_document_compares_itself_without_reading_what_is_the_same() -> None:
    """Row ids say what is the same: only the others are read."""
    old = records(1000)
    new = [*old[:10], old[10].replace(b"answer", b"reply"), *old[11:]]
    ids = np.arange(1000)
    edited = ids.copy()
    edited[10] = -1
    sides = FakeSide(old), FakeSide(new)
    made = diff(*sides, keys=(ids, edited))
    assert made.changed == (Pair(10, 10, "place"),) and made.same == 999
    assert [side.read for side in sides] == [1, 1]


def test_progress_reaches_over_both_sides() -> None:
    """Rows read and rows in all; what it raises stops the work."""
    seen: list[tuple[int, int]] = []
    diff(FakeSide(records(3)), FakeSide(records(4)), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 7), (3, 7)]


def test_what_changed_inside_is_told_message_by_message() -> None:
    """An inserted message does not change those behind it; other values are told with their place."""
    old = {"messages": [*chat("a", "b")["messages"], {"role": "user", "content": "c", "name": "Ann"}], "id": 1}
    new = {
        "messages": [{"role": "system", "content": "s"}, *chat("a", "B")["messages"], {"role": "user", "content": "c"}]
    }
    changes = record_changes(old, new, Format.CHAT)
    assert changes == [
        PartChange("messages[0].content", "system", None, "s"),
        PartChange("messages[2].content", "assistant", "b", "B"),
        PartChange("id", "", "1", None),
        PartChange("messages[2].name", "", '"Ann"', None),
    ]
    assert record_changes(new, old, Format.CHAT)[0] == PartChange("messages[0].content", "system", "s", None)


def test_pairs_of_answers_and_tools_are_compared_too() -> None:
    """Every format; a tool call's arguments are a text, a schema is a value."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    old = {"messages": [{"role": "assistant", "content": None, "tool_calls": [call]}], "tools": [1]}
    changed = json.loads(json.dumps(old).replace('"{}"', '"{1}"').replace('"tools": [1]', '"tools": [2]'))
    assert record_changes(old, changed, Format.CHAT)[0] == PartChange(
        "messages[0].tool_calls[0].function.arguments", "assistant", "{}", "{1}"
    )
    assert PartChange("tools", "", "[1]", "[2]") in record_changes(old, changed, Format.CHAT)
    pair = {"prompt": "p", "chosen": "a", "rejected": "b"}
    assert record_changes(pair, pair | {"rejected": "c"}, Format.TRL_PREFERENCE) == [
        PartChange("rejected", "assistant", "b", "c")
    ]
    assert changes_of(b"{broken", b"{", Format.CHAT) == [PartChange("", "", "{broken", "{")]


@settings(max_examples=100)
@given(data=st.data())
def test_nothing_is_lost_in_a_comparison(data: st.DataObject) -> None:
    """Every record of both sides is in it once, whatever was done."""
    pool = [*records(6), b"{broken", b"[]", b'{"id": 1}', b'{"id":1}', b'{"id": 1, "a": 2}']
    old = data.draw(st.lists(st.sampled_from(pool), max_size=12))
    new = data.draw(st.lists(st.sampled_from(pool), max_size=12))
    made = diff(FakeSide(old), FakeSide(new))
    assert made.same + len(made.removed) + len(made.changed) == len(old)
    assert made.same + len(made.added) + len(made.changed) == len(new)
    assert len({*made.removed, *(pair.old for pair in made.changed)}) == len(old) - made.same
    assert len({*made.added, *(pair.new for pair in made.changed)}) == len(new) - made.same
    assert made.empty == (old == new)


def test_a_document_knows_what_it_was_made_of(tmp_path: Path) -> None:
    """Edited, inserted, deleted and moved: told without reading a record, however much an edit changed."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(row + b"\n" for row in records(20)))
    document = open_document(path, tmp_path / "journals")
    document.index_rest()
    document.replace({3: raw({"text": "nothing in common"})}, title="edit")
    document.delete([5], title="delete")
    document.insert(0, [raw({"text": "new"})], title="insert")
    side = EditedSide(document)
    made = diff(document.rows, side)
    assert made == Diff(same=18, added=(0,), removed=(5,), changed=(Pair(3, 4, "origin"),), reordered=False)
    assert [side.raw(place) for place in range(len(side))] == list(side.iter_raw())
    document.move([document.id_at(10)], 2, title="move")
    assert diff(document.rows, EditedSide(document)).reordered
    with open_rows(path) as rows:  # another opening of the file: told by content
        assert {pair.new for pair in diff(rows, side).changed} <= {4}
    document.close()


def test_a_bulk_edit_of_every_record_is_a_change_of_each() -> None:
    """In place, also where some were dropped on the way; nothing is kept of what was read."""
    old = records(3000)
    new = [row.replace(b"answer", b"the answer is").replace(b"the ", b"THE ") for row in old]
    made = diff(FakeSide(old), FakeSide(new))
    assert len(made.changed) + made.same == 3000 and all(pair.old == pair.new for pair in made.changed)
    del new[100], new[2000]
    made = diff(FakeSide(old), FakeSide(new))
    assert len(made.removed) == 2 and not made.added
