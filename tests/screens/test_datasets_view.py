"""What is shown of a document, and that edits move nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.formats import Format
from workbench.dataset.query import parse_query
from workbench.dataset.rows import Document, open_document
from workbench.screens.datasets.choosing import choose
from workbench.screens.datasets.open_file import OpenFile
from workbench.screens.datasets.row_set import RowSet
from workbench.screens.datasets.view import Sort, View, Wanted


def raw(text: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text}]}).encode()


@pytest.fixture
def document(tmp_path: Path):
    """Ten records: `number 0` to `number 9`."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(raw(f"number {number}") + b"\n" for number in range(10)))
    opened = open_document(path, tmp_path / "journals")
    yield opened
    opened.close()


def shown(view: View) -> list[int]:
    return [view.row_at(position) for position in range(len(view))]


def test_rows_that_were_shown_stay_shown_and_new_ones_join_them(document: Document) -> None:
    """Under a filter: a replaced row keeps its place, a deleted one goes, an inserted one comes."""
    view = View(document)
    view.wanted = Wanted(query=parse_query("number"))
    view.show(np.array([1, 3, 5, 7]))
    change = document.replace({3: raw("three")}, title="edit")
    view.follow(change, 0)
    [new] = change.replaced.values()
    assert shown(view) == [1, new, 5, 7]
    view.follow(document.delete([5], title="delete"), 0)
    assert shown(view) == [1, new, 7]
    change = document.insert(2, [raw("inserted")], title="insert")
    view.follow(change, 0)
    assert shown(view) == [1, change.inserted[0], new, 7]
    for _ in range(3):
        view.follow(document.undo(), 0)
    assert shown(view) == [1, 3, 5, 7]


def test_in_a_sorted_list_new_rows_stand_where_the_person_is(document: Document) -> None:
    view = View(document)
    view.wanted = Wanted(sort=Sort("size", True))
    view.show(np.arange(9, -1, -1))
    change = document.insert(5, [raw("copy")], title="duplicate")
    view.follow(change, 3)
    assert shown(view) == [9, 8, 7, change.inserted[0], 6, 5, 4, 3, 2, 1, 0]


def test_marks_follow_their_rows(document: Document) -> None:
    view = View(document)
    view.mark(range(2, 5))
    view.mark(range(3, 4), False)
    assert view.marked == 2
    change = document.replace({2: raw("two")}, title="edit")
    view.follow(change, 0)
    [new] = change.replaced.values()
    assert view.is_marked(new)
    assert not view.is_marked(2)
    assert view.chosen(9).tolist() == [new, 4]
    view.follow(document.delete([4], title="delete"), 0)
    assert view.chosen(9).tolist() == [new]
    view.unmark()
    assert view.chosen(0).tolist() == [0]


def test_after_a_save_the_same_records_are_shown_under_their_new_numbers(document: Document) -> None:
    view = View(document)
    view.wanted = Wanted(query=parse_query("number"))
    view.show(np.array([8, 3, 5]))
    for change in (document.delete([0, 5], title="delete"), document.replace({3: raw("three")}, title="edit")):
        view.follow(change, 0)
    texts = [document.raw(row) for row in shown(view)]
    view.rebase(document.save().ids)
    assert [document.raw(row) for row in shown(view)] == texts
    assert all(row >= 0 for row in shown(view))


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["replace", "delete", "insert", "move", "undo", "redo"]), st.integers(0, 9), st.integers(1, 90)
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=60)
@given(st.sets(st.integers(0, 9)), EDITS)
def test_a_filtered_view_is_always_a_part_of_the_document_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, first: set[int], edits: list[tuple[str, int, int]]
) -> None:
    """Whatever is done: no row twice, none that is gone, none that was shown lost."""
    folder = tmp_path_factory.mktemp("view")
    path = folder / "data.jsonl"
    path.write_bytes(b"".join(raw(f"number {number}") + b"\n" for number in range(10)))
    with open_document(path, folder / "journals") as document:
        view = View(document)
        view.wanted = Wanted(query=parse_query("number"))
        view.show(np.array(sorted(first), dtype=np.int64))
        for kind, at, count in edits:
            ids = document.ids()
            rows = ids[at : at + count]
            expected = set(shown(view))
            match kind:
                case "undo" | "redo":
                    change = document.undo() if kind == "undo" else document.redo()
                case "insert":
                    change = document.insert(min(at, len(ids)), [raw("new")] * min(count, 80), title="insert")
                case "replace":
                    change = document.replace({int(row): raw(f"other {count}") for row in rows}, title="replace")
                case "move":
                    change = document.move(rows.tolist(), 0, title="move")
                case _:
                    change = document.delete(rows, title="delete")
            if change is None:
                continue
            view.follow(change, 0)
            expected = {change.replaced.get(row, row) for row in expected} - set(change.deleted) | set(change.inserted)
            assert shown(view) == [row for row in document.ids().tolist() if row in expected]


# Choosing -----------------------------------------------------------------------------------------------------------


def chosen(file: OpenFile, wanted: Wanted) -> list[int]:
    *_, last = choose(file, wanted, lambda: False)
    assert last.done
    return last.rows.tolist()


def test_filter_sort_and_sample_see_edited_rows(document: Document) -> None:
    file = OpenFile(document, "", Format.CHAT)
    change = document.replace({2: raw("a much longer one, number two")}, title="edit")
    [new] = change.replaced.values()
    document.delete([7], title="delete")
    assert chosen(file, Wanted(query=parse_query("number"))) == [0, 1, new, 3, 4, 5, 6, 8, 9]
    assert chosen(file, Wanted(query=parse_query("longer or has:edited"))) == [new]
    assert chosen(file, Wanted(query=parse_query("line:3-4"))) == [new, 3]
    assert chosen(file, Wanted(sort=Sort("size", True)))[0] == new
    assert chosen(file, Wanted(sort=Sort("line", True))) == [9, 8, 6, 5, 4, 3, new, 1, 0]
    drawn = chosen(file, Wanted(query=parse_query("-longer"), sample=3, seed=1))
    assert len(drawn) == 3
    assert drawn == sorted(drawn)
    assert new not in drawn
    assert chosen(file, Wanted(sample=3, seed=1)) == chosen(file, Wanted(sample=3, seed=1))
    assert len({tuple(chosen(file, Wanted(sample=3, seed=seed))) for seed in range(9)}) > 1


def test_what_nobody_counted_yet_stands_last_whichever_way_it_is_sorted(document: Document) -> None:
    file = OpenFile(document, "", Format.CHAT)
    for descending in (True, False):
        assert chosen(file, Wanted(sort=Sort("tokens", descending))) == list(range(10))


def test_labels_are_sorted_as_words_and_long_answers_stand_last(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    answers = ["refund", "x" * 200, "Address", "", "refund"]
    lines = [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]} for text in answers
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_document(path, tmp_path / "journals") as document:
        file = OpenFile(document, "", Format.CHAT)
        assert chosen(file, Wanted(sort=Sort("label"))) == [2, 0, 4, 1, 3]
        assert chosen(file, Wanted(sort=Sort("label", True))) == [0, 4, 2, 1, 3]


def test_a_cancelled_choice_ends(document: Document) -> None:
    file = OpenFile(document, "", Format.CHAT)
    assert list(choose(file, Wanted(query=parse_query("number")), lambda: True)) == []


@given(st.lists(st.tuples(st.sets(st.integers(-3000, 3000), max_size=5), st.booleans()), max_size=8))
def test_a_row_set_is_a_set(changes: list[tuple[set[int], bool]]) -> None:
    """Of rows on both sides of 0, whatever its size was before."""
    rows, expected = RowSet(), set()
    for some, inside in changes:
        rows.put(sorted(some), inside)
        expected = expected | some if inside else expected - some
        assert len(rows) == len(expected)
    asked = np.arange(-3001, 3001)
    assert asked[rows.among(asked)].tolist() == sorted(expected)
    assert all((row in rows) == (row in expected) for row in (-3000, -1, 0, 1, 2999))
