"""Editing a dataset: whatever is done to it, it is a plain list of rows, and the file is what that list says."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workbench.dataset.rows import Document, open_document, open_rows
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
