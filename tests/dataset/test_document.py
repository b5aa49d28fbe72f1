"""Editing a dataset: whatever is done to it, it is a plain list of rows, and the file is what that list says."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workbench.dataset.rows import DecodeError, Document, open_document, open_rows
from workbench.errors import WorkbenchError

BOM = b"\xef\xbb\xbf"


def record(number: int, text: str = "") -> bytes:
    return json.dumps({"number": number, "text": text}).encode()


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(record(number) + b"\n" for number in range(10)))
    return path


@pytest.fixture
def document(source: Path, journals: Path) -> Iterator[Document]:
    with open_document(source, journals) as opened:
        yield opened


def contents(document: Document) -> list[bytes]:
    return [document.raw(row) for row in document.ids().tolist()]


def numbers(document: Document) -> list[object]:
    return [json.loads(raw)["number"] for raw in contents(document)]


# --- any sequence of edits against a plain list ----------------------------------------------------------------------

texts = st.sampled_from(["", "a", "é", "longer " * 30, '"quoted"'])
where = st.floats(0, 1)


class Lists(RuleBasedStateMachine):
    """A document beside the list of bytes that it must be; undo is a list of lists."""

    array = False
    """Whether the file is one JSON array."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ftwb-document-"))
        self.path = self.folder / "data.jsonl"
        self.fresh = 1000

    def teardown(self) -> None:
        self.document.close()
        shutil.rmtree(self.folder)

    @initialize(count=st.integers(1, 300), bom=st.booleans(), end=st.sampled_from([b"\n", b"\r\n"]), last=st.booleans())
    def write(self, count: int, bom: bool, end: bytes, last: bool) -> None:
        self.end, self.bom, self.last = end, bom, last
        self.history = [[record(number) for number in range(count)]]
        self.now = 0
        self.path.write_bytes(self.file_of(self.rows))
        self.open()

    def open(self) -> None:
        self.document = open_document(self.path, self.folder / "journals")
        self.document.index_rest()
        self.saved_at = self.document.unsaved

    @property
    def rows(self) -> list[bytes]:
        return self.history[self.now]

    def file_of(self, rows: list[bytes]) -> bytes:
        if self.array:
            return (BOM if self.bom else b"") + b"[" + self.end + (b"," + self.end).join(rows) + self.end + b"]"
        return (BOM if self.bom else b"") + self.end.join(rows) + (self.end if self.last else b"")

    def make(self, rows: list[bytes]) -> None:
        if rows != self.rows:
            del self.history[self.now + 1 :]
            self.history.append(rows)
            self.now += 1

    def new_record(self, text: str) -> bytes:
        self.fresh += 1
        return record(self.fresh, text)

    def chosen(self, first: float, share: float) -> list[int]:
        begin = int(first * (len(self.rows) - 1))
        return list(range(begin, min(len(self.rows), begin + 1 + int(share * len(self.rows)))))

    @rule(at=where, text=texts)
    @precondition(lambda self: self.rows)
    def edit(self, at: float, text: str) -> None:
        position = int(at * (len(self.rows) - 1))
        raw = self.new_record(text)
        row = self.document.id_at(position)
        change = self.document.replace({row: raw}, title="edit")
        assert change.position == position and change.replaced[row] == self.document.id_at(position)
        self.make([*self.rows[:position], raw, *self.rows[position + 1 :]])

    @rule(first=where, share=where, text=texts)
    @precondition(lambda self: self.rows)
    def edit_many(self, first: float, share: float, text: str) -> None:
        rows = list(self.rows)
        new = {}
        for position in self.chosen(first, share)[::2]:
            rows[position] = new[self.document.id_at(position)] = self.new_record(text)
        self.document.replace(new, title="edit many")
        self.make(rows)

    @rule(at=where, count=st.sampled_from([1, 1, 2, 70]), text=texts)
    def insert(self, at: float, count: int, text: str) -> None:
        position = round(at * len(self.rows))
        raws = [self.new_record(text) for _ in range(count)]
        change = self.document.insert(position, raws, title="insert")
        assert [self.document.raw(row) for row in change.inserted] == raws
        self.make([*self.rows[:position], *raws, *self.rows[position:]])

    @rule(first=where, share=st.sampled_from([0, 0, 0.01, 0.4]), step=st.integers(1, 3))
    @precondition(lambda self: self.rows)
    def delete(self, first: float, share: float, step: int) -> None:
        gone = self.chosen(first, share)[::step]
        change = self.document.delete([self.document.id_at(position) for position in gone], title="delete")
        assert len(change.deleted) == len(gone)
        self.make([raw for position, raw in enumerate(self.rows) if position not in set(gone)])

    @rule(first=where, share=st.sampled_from([0, 0.02, 0.4]), to=where, step=st.integers(1, 3))
    @precondition(lambda self: self.rows)
    def move(self, first: float, share: float, to: float, step: int) -> None:
        places, target = self.chosen(first, share)[::step], round(to * len(self.rows))
        self.document.move([self.document.id_at(position) for position in places], target, title="move")
        moved = set(places)
        before = [raw for position, raw in enumerate(self.rows[:target]) if position not in moved]
        behind = [raw for position, raw in enumerate(self.rows[target:], target) if position not in moved]
        self.make([*before, *(self.rows[position] for position in places), *behind])

    @rule(random=st.randoms(use_true_random=False))
    def shuffle(self, random: object) -> None:
        order = list(range(len(self.rows)))
        random.shuffle(order)  # type: ignore[attr-defined]
        ids = self.document.ids()
        self.document.reorder(ids[order], title="shuffle")
        self.make([self.rows[position] for position in order])

    @rule()
    def undo(self) -> None:
        change = self.document.undo()
        assert (change is None) == (self.now == 0)
        self.now = max(0, self.now - 1)

    @rule()
    def redo(self) -> None:
        change = self.document.redo()
        assert (change is None) == (self.now == len(self.history) - 1)
        self.now = min(len(self.history) - 1, self.now + 1)

    @rule()
    @precondition(lambda self: self.rows)
    def save(self) -> None:
        ids = self.document.ids()
        saved = self.document.save()
        assert saved.rows == len(self.rows)
        if saved.ids is not None:
            assert saved.ids.tolist() == ids.tolist()
        assert self.path.read_bytes() == self.file_of(self.rows)
        self.history, self.now = [self.rows], 0

    @rule()
    def reopen(self) -> None:
        self.document.close()
        before = self.path.read_bytes()
        self.open()
        assert self.path.read_bytes() == before

    @rule()
    @precondition(lambda self: self.rows)
    def save_a_copy(self) -> None:
        copy = self.folder / "copy.jsonl"
        self.document.save(copy)
        assert copy.read_bytes() == self.file_of(self.rows)

    @invariant()
    def is_the_list(self) -> None:
        if hasattr(self, "document"):
            assert len(self.document) == len(self.rows) and self.document.unsaved == self.now
            assert contents(self.document) == self.rows
            for position in (0, len(self.rows) // 2, len(self.rows) - 1):
                if 0 <= position < len(self.rows):
                    row = self.document.id_at(position)
                    assert self.document.raw(row) == self.rows[position]
                    assert self.document.position_of(row) == position


class ListsInArrays(Lists):
    """The same of a file that is one JSON array."""

    array = True


TestAnyEdits = Lists.TestCase
TestAnyEdits.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestAnyEditsOfAnArray = ListsInArrays.TestCase
TestAnyEditsOfAnArray.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


# --- while the file is still being indexed ---------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More rows than are known at once."""
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"".join(record(number, "x" * 100) + b"\n" for number in range(30_000)))
    return path


def test_editing_need_not_wait_for_the_index(large: Path, journals: Path) -> None:
    """What is done to the first rows is the same once all are known, and after a restart."""
    with open_document(large, journals) as document:
        known = len(document)
        assert not document.complete and known < 5000 and abs(document.estimated - 30_000) < 1000
        document.delete([0, known - 1], title="")
        document.insert(len(document), [record(-1)], title="")
        document.move([1], len(document), title="")
        document.undo()
        document.index_rest()
        expected = [*range(1, known - 1), -1, *range(known, 30_000)]
        assert document.complete and document.estimated == len(document) == 30_000 - 1
        assert numbers(document) == expected
        assert document.redo() is not None
    with open_document(large, journals) as document:
        assert document.complete
        document.undo()
        assert numbers(document) == expected
        document.save()
    with open_rows(large) as rows:
        assert [json.loads(raw)["number"] for raw in rows.iter_raw()] == expected


def test_rows_are_read_and_edited_while_a_thread_indexes(large: Path, journals: Path) -> None:
    """No row is ever another one's, and none is missing in the end."""
    with open_document(large, journals) as document:
        thread = threading.Thread(target=document.index_rest)
        thread.start()
        edited = {}
        going = True
        while going:
            going = thread.is_alive()
            position = len(document) - 1
            row = document.id_at(position)
            if row >= 0:
                assert json.loads(document.raw(row))["number"] == position == row
                edited[position] = document.replace({row: record(row, "new")}, title="").replaced[row]
        assert 29_999 in edited
        assert numbers(document) == list(range(30_000))
        assert all(document.id_at(number) == row for number, row in edited.items())


# --- one by one ------------------------------------------------------------------------------------------------------


def test_a_row_knows_where_it_came_from(document: Document) -> None:
    """Lines are those of the file; a row that was edited, even twice, keeps its origin; a broken one its line."""
    first = document.replace({4: b"{broken"}, title="").replaced[4]
    assert (document.line(4), document.line(first), document.origin(first), document.origin(4)) == (5, None, 4, 4)
    with pytest.raises(DecodeError, match="line 5, column 2"):
        document.value(first)
    second = document.replace({first: b'{"fine": 1}'}, title="").replaced[first]
    assert document.origin(second) == 4 and document.value(second) == {"fine": 1}
    new = document.insert(0, [b"{}"], title="").inserted[0]
    assert document.origin(new) is None and document.line(new) is None and document.position_of(second) == 5
    assert document.position_of(4) is None and document.raw(4) == record(4)


def test_origins_survive_a_restart(source: Path, journals: Path) -> None:
    """They are worked out again from the edits."""
    with open_document(source, journals) as document:
        document.replace({3: b"{}", 5: b"[]"}, title="")
        document.insert(0, [b'{"new": 1}'], title="")
        document.replace({document.id_at(4): b'{"again": 1}'}, title="")
    with open_document(source, journals) as document:
        assert [document.origin(document.id_at(position)) for position in range(7)] == [None, 0, 1, 2, 3, 4, 5]
        assert document.raw(document.id_at(4)) == b'{"again": 1}'


def test_an_edit_that_changes_nothing_is_no_step(document: Document) -> None:
    """There is nothing to undo, and what could be made again can still be."""
    document.delete([9], title="delete")
    document.undo()
    for change in (
        document.replace({0: record(0)}, title="same"),
        document.replace({}, title="none"),
        document.insert(3, [], title="none"),
        document.delete([], title="none"),
        document.move([2, 3], 2, title="there already"),
        document.move([2, 3], 4, title="there already"),
        document.reorder(document.ids(), title="sorted already"),
    ):
        assert not change.replaced and not change.inserted and not change.deleted
    assert document.unsaved == 0 and document.redoable == "delete"


def test_only_the_rows_that_change_are_rewritten(document: Document) -> None:
    """A bulk fix that leaves most rows as they are costs nothing for those."""
    change = document.replace({row: record(row if row != 5 else 500) for row in range(10)}, title="fix")
    assert list(change.replaced) == [5] and len(document.overlay) == 1
    assert [document.id_at(4), document.id_at(6)] == [4, 6]


def test_a_bulk_edit_makes_its_rows_as_they_are_asked_for(large: Path, journals: Path) -> None:
    """Each value once, in the order of the rows, with other threads free to read; others' edits are refused."""
    asked: list[int] = []

    class Fixed(Mapping[int, bytes]):
        def __len__(self) -> int:
            return 30_000

        def __iter__(self) -> Iterator[int]:
            return iter(range(29_999, -1, -1))

        def __getitem__(self, row: int) -> bytes:
            asked.append(row)
            if len(asked) == 10:
                assert document.raw(document.id_at(29_999)) == record(29_999, "x" * 100)
                with pytest.raises(WorkbenchError, match=r"busy \(fix all\)"):
                    document.undo()
            return record(row, "fixed")

    with open_document(large, journals) as document:
        document.index_rest()
        change = document.replace(Fixed(), title="fix all")
        assert asked == list(range(30_000)) and document.unsaved == 1
        assert len(change.replaced) == 30_000 and change.replaced[7] == document.id_at(7)
        assert document.undo() is not None and document.raw(7) == record(7, "x" * 100)


def test_what_is_raised_in_a_bulk_edit_leaves_everything_as_it_was(document: Document) -> None:
    """Cancelling it, for one."""

    class Cancelled(dict[int, bytes]):
        def __getitem__(self, row: int) -> bytes:
            if row == 5:
                raise InterruptedError
            return b"{}"

    with pytest.raises(InterruptedError):
        document.replace(Cancelled.fromkeys(range(10)), title="cancelled")  # type: ignore[arg-type]
    assert document.unsaved == 0 and numbers(document) == list(range(10)) and len(document.overlay) == 0
    document.replace({0: record(100)}, title="")
    assert numbers(document)[0] == 100


@pytest.mark.parametrize(("raw", "words"), [(b'{"a":\n1}', "line break"), (b"", "is blank"), (b" \t", "is blank")])
def test_what_is_not_one_line_is_refused(document: Document, raw: bytes, words: str) -> None:
    """It would be two rows, or none, when the file is opened again."""
    with pytest.raises(WorkbenchError, match=words):
        document.replace({0: raw}, title="")
    with pytest.raises(WorkbenchError, match=words):
        document.insert(0, [b"{}", raw], title="")
    assert document.unsaved == 0 and len(document) == 10


def test_a_row_that_is_gone_cannot_be_edited(document: Document) -> None:
    """One sentence; a bulk edit that names one does nothing."""
    document.delete([3], title="")
    for attempt in (
        lambda: document.replace({3: b"{}"}, title=""),
        lambda: document.delete([3], title=""),
        lambda: document.move([2, 3], 0, title=""),
        lambda: document.delete([*range(10), *range(-100, -1)], title=""),
        lambda: document.reorder([0, 1, 2], title=""),
        lambda: document.raw(-7),
    ):
        with pytest.raises(WorkbenchError) as caught:
            attempt()
        assert caught.value.code == "stale_row"
    assert document.unsaved == 1
    for position in (-1, 10):
        with pytest.raises(IndexError):
            document.insert(position, [b"{}"], title="")


def test_numbers_of_any_kind_name_rows(document: Document) -> None:
    """Arrays of columns and plain lists alike."""
    document.delete(np.array([1, 2]), title="")
    document.move(np.array([8]), 0, title="")
    document.reorder(document.ids()[::-1].tolist(), title="")
    assert numbers(document) == [9, 7, 6, 5, 4, 3, 0, 8]
