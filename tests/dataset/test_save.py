"""Saving: untouched rows byte for byte, the file's ways kept, somebody else's change noticed, a full disk survived."""

from __future__ import annotations

import errno
import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.dataset.rows import Document, open_document, open_rows
from workbench.dataset.rows import rewrite as rewrite_module
from workbench.dataset.rows import saving as saving_module
from workbench.dataset.rows.layout import index_after
from workbench.errors import WorkbenchError


def record(number: int, text: str = "") -> bytes:
    return json.dumps({"number": number, "text": text}).encode()


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return lines(tmp_path / "data" / "data.jsonl", 10)


def lines(path: Path, count: int) -> Path:
    path.write_bytes(b"".join(record(number) + b"\n" for number in range(count)))
    return path


def saved(source: Path, journals: Path, edit: Callable[[Document], object]) -> bytes:
    with open_document(source, journals) as document:
        edit(document)
        document.save()
        with open_rows(source) as rows:  # what the document knows without reading is what a reading finds
            assert list(rows.iter_raw()) == [document.raw(row) for row in document.ids().tolist()]
            assert [rows.line(row) for row in range(len(rows))] == [document.line(row) for row in range(len(rows))]
            assert rows.encoding == document.encoding and rows.size == document.rows.size
    return source.read_bytes()


# --- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [b"\n", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"\xef\xbb\xbf", b""])
def test_the_ways_of_a_file_are_kept(tmp_path: Path, journals: Path, bom: bytes, end: bytes, last: bytes) -> None:
    """Byte order mark, line ends, a missing last one: also when the last row goes, comes or moves."""
    path = tmp_path / "data.jsonl"
    last = end if last else b""
    rows = [b'{"a" : 1}', b"broken {", b'  {"b":\t2}  ', b'{"c": "\xff"}']

    def check(edit: Callable[[Document], object], expected: list[bytes]) -> None:
        path.write_bytes(bom + end.join(rows) + last)
        assert saved(path, journals, edit) == bom + end.join(expected) + last

    check(lambda document: document.replace({0: b"{}"}, title=""), [b"{}", *rows[1:]])
    check(lambda document: document.replace({3: b"{}"}, title=""), [*rows[:3], b"{}"])
    check(lambda document: document.delete([3], title=""), rows[:3])
    check(lambda document: document.move([3], 0, title=""), [rows[3], *rows[:3]])
    check(lambda document: document.insert(4, [b"{}"], title=""), [*rows, b"{}"])
    check(lambda document: document.insert(0, [b"{}"], title=""), [b"{}", *rows])
    check(lambda document: document.reorder([3, 2, 1, 0], title=""), rows[::-1])
    check(lambda document: None, rows)


def test_blank_lines_and_mixed_line_ends_stay_where_they_are(tmp_path: Path, journals: Path) -> None:
    """What lies behind a row belongs to it: it moves with it, and stays when the row is edited."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'\n\n{"a": 1}\r\n\n \n{"b": 2}\n{"c": 3}\r\n\r\n')
    assert saved(path, journals, lambda document: document.replace({0: b"{}", 2: b"[]"}, title="")) == (
        b'\n\n{}\r\n\n \n{"b": 2}\n[]\r\n\r\n'
    )
    assert saved(path, journals, lambda document: document.move([0], 3, title="")) == (
        b'\n\n{"b": 2}\n[]\r\n\r\n{}\r\n\n \n'
    )


def test_where_rows_are_is_known_without_reading_the_file_again(
    tmp_path: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blank lines before, between and behind rows, through edits of all kinds and a restart; `saved` compares."""
    path = tmp_path / "data.jsonl"
    chance = random.Random(7)
    rows = [record(number) + b"\n" + chance.choice([b"", b"", b"\n", b" \t\n\r\n"]) for number in range(300)]
    path.write_bytes(b"\n \n" + b"".join(rows))

    def edit(document: Document) -> None:
        for number in range(120):
            position = chance.randrange(len(document))
            row = document.id_at(position)
            kind = chance.choice(["replace", "twice", "insert", "delete", "move"])
            if kind in ("replace", "twice"):
                document.replace({row: record(1000 + number)}, title="")
                if kind == "twice":
                    document.replace({document.id_at(position): record(2000 + number)}, title="")
            elif kind == "insert":
                document.insert(position, [record(3000 + number)], title="")
            elif kind == "delete":
                document.delete([row], title="")
            else:
                document.move([row], chance.randrange(len(document)), title="")

    def no_reading(*_: object) -> None:
        raise AssertionError("the new file is looked through")

    with open_document(path, journals) as document:
        edit(document)
    monkeypatch.setattr("workbench.dataset.rows.open.LineIndex.extend", no_reading)
    assert b"\n \t\n\r\n" in saved(path, journals, edit)


def test_too_many_rows_to_be_asked_for_their_blank_lines_are_looked_through(
    tmp_path: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the file once is quicker then; a last line without its end is asked for nothing either."""
    monkeypatch.setattr("workbench.dataset.rows.layout._ASKED", 2)
    path = tmp_path / "data.jsonl"
    for last in (b"\n", b""):
        path.write_bytes(b"1\n\n2\n\n3\n\n4" + last)
        with open_document(path, journals) as document:
            document.replace({0: b"5", 1: b"6", 2: b"7"}, title="")
            assert index_after(document.rows, document.overlay, document.pieces) is None
            document.undo()
        assert saved(path, journals, lambda document: document.replace({0: b"5", 1: b"6", 2: b"7"}, title="")) == (
            b"5\n\n6\n\n7\n\n4" + last
        )


def test_an_array_is_put_together_again(tmp_path: Path, journals: Path) -> None:
    """Pretty-printed elements, untouched ones with all their spacing; what follows the array stays."""
    path = tmp_path / "data.json"
    path.write_bytes(b'[\n  {"a":   1},\n  {\n    "b": 2\n  },\n  {"c": 3}\n]\n\n')
    assert saved(path, journals, lambda document: document.replace({2: b'{"c": 4}'}, title="")) == (
        b'[\n  {"a":   1},\n  {\n    "b": 2\n  },\n  {"c": 4}\n]\n\n'
    )
    assert saved(path, journals, lambda document: document.move([1], 0, title="")) == (
        b'[\n  {\n    "b": 2\n  },\n  {"a":   1},\n  {"c": 4}\n]\n\n'
    )
    assert saved(path, journals, lambda document: document.delete([1, 2], title="")) == (
        b'[\n  {\n    "b": 2\n  }\n]\n\n'
    )
    assert saved(path, journals, lambda document: document.insert(1, [b"{}", b"[]"], title="")) == (
        b'[\n  {\n    "b": 2\n  },\n  {},\n  []\n]\n\n'
    )
    with open_document(path, journals) as document, pytest.raises(WorkbenchError, match="not JSON"):
        document.insert(0, [b'{"a": 1}, 2'], title="")  # it would be two elements


def test_large_files_are_copied_in_spans(tmp_path: Path, journals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of all sizes, by the kernel and without it, in whatever portions it likes: the same bytes."""
    path = tmp_path / "data.jsonl"
    rows = [record(number, "x" * (number * 7919 % 3000)) for number in range(4000)]
    chance = random.Random(1)

    def edit(document: Document) -> None:
        document.index_rest()
        for _ in range(60):
            position = chance.randrange(len(document))
            row = document.id_at(position)
            raw = document.raw(row)[:-1] + b" }"
            document.replace({row: raw}, title="")
            expected[position] = raw
        document.delete(document.ids()[1000:1100:2], title="")
        del expected[1000:1100:2]

    copy = os.copy_file_range
    monkeypatch.setattr(rewrite_module, "_LARGE", 50_000)
    for kernel in (
        copy,
        lambda src, dst, count, at: copy(src, dst, min(count, 70_001), at),
        lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "")),
    ):
        monkeypatch.setattr(os, "copy_file_range", kernel)
        expected = list(rows)
        path.write_bytes(b"\n".join(rows))
        assert saved(path, journals, edit) == b"\n".join(expected)
    monkeypatch.setattr(rewrite_module, "_LARGE", 1 << 30)
    monkeypatch.setattr(rewrite_module, "_BUFFER", 10_000)
    expected = list(rows)
    path.write_bytes(b"\n".join(rows))
    assert saved(path, journals, edit) == b"\n".join(expected)
    monkeypatch.setattr(os, "writev", lambda fd, parts: os.write(fd, b"".join(parts)[:1000]))
    expected = list(rows)
    path.write_bytes(b"\n".join(rows))
    assert saved(path, journals, edit) == b"\n".join(expected)


def test_the_row_each_saved_row_was_is_told(source: Path, journals: Path) -> None:
    """So that what is known about rows is carried over; ids start anew, and nothing can be undone."""
    with open_document(source, journals) as document:
        assert document.save().ids is None
        generation = document.generation
        document.delete([0, 1, 2, 3, 4, 5, 6], title="")
        new = document.insert(1, [record(70)], title="").inserted[0]
        result = document.save()
        assert result.ids is not None and result.ids.tolist() == [7, new, 8, 9]
        assert (result.rows, result.edits, result.size) == (4, 2, source.stat().st_size)
        assert document.ids().tolist() == [0, 1, 2, 3] and document.generation == generation + 1
        assert document.undo() is None and document.unsaved == 0 and document.changed_on_disk() is None
        document.replace({1: record(71)}, title="")  # editing goes on
        document.save()
    assert source.read_bytes() == b"\n".join([record(7), record(71), record(8), record(9), b""])


# --- what a file has besides its bytes -------------------------------------------------------------------------------


def test_the_old_file_is_there_as_long_as_somebody_has_it(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a thread gives it back: whoever was the last does not wait for it."""
    closed: dict[int, str] = {}
    gone = threading.Event()
    close = os.close

    def watched(fd: int) -> None:
        closed[fd] = threading.current_thread().name
        close(fd)
        if fd == old:
            gone.set()

    with open_document(source, journals) as document:
        first, old = document.raw(0), document.rows.fd
        document.delete([0], title="")
        monkeypatch.setattr(os, "close", watched)
        saved = document.save()
        assert saved.before is not None and saved.now is document.rows
        assert saved.before.raw(0) == first and old not in closed
        del saved
        assert gone.wait(10) and closed[old] != threading.current_thread().name


def test_permissions_owner_attributes_and_links_are_kept(source: Path, journals: Path) -> None:
    """A private file stays private, a link stays a link."""
    link = source.parent / "link.jsonl"
    link.symlink_to(source.name)
    source.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(source, 12345, 23456)
    os.setxattr(source, "user.note", b"mine")
    before = source.stat()
    saved(link, journals, lambda document: document.delete([0], title=""))
    after = source.stat()
    assert link.is_symlink() and len(source.read_bytes().splitlines()) == 9
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(source, "user.note") == b"mine"
    assert {path.name for path in source.parent.iterdir()} == {"data.jsonl", "link.jsonl"}


def test_a_write_protected_file_is_not_replaced(source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner meant it; a copy can be saved."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with open_document(source, journals) as document:
        document.delete([0], title="")
        with pytest.raises(WorkbenchError, match="write-protected"):
            document.save()
        document.save(source.parent / "copy.jsonl")
        assert document.unsaved == 1
    assert len(source.read_bytes().splitlines()) == 10


def test_a_copy_leaves_the_document_as_it_is(source: Path, journals: Path, tmp_path: Path) -> None:
    """Edits stay unsaved; a copy onto the source itself, by any name, is a save."""
    copy = tmp_path / "copy.jsonl"
    with open_document(source, journals) as document:
        document.delete([0], title="")
        result = document.save(copy)
        assert result.path == copy and document.unsaved == 1 and document.undoable == ""
        assert copy.read_bytes() == b"".join(record(number) + b"\n" for number in range(1, 10))
        link = tmp_path / "link"
        link.symlink_to(source)
        document.save(link)
        assert document.unsaved == 0 and source.read_bytes() == copy.read_bytes()
        for target, words in [(tmp_path, "is a directory"), (tmp_path / "no" / "file", "folder does not exist")]:
            with pytest.raises(WorkbenchError, match=words):
                document.save(target)


def test_nothing_left_is_not_saved(source: Path, journals: Path) -> None:
    """An empty file could not be opened again."""
    with open_document(source, journals) as document:
        document.delete(document.ids(), title="")
        with pytest.raises(WorkbenchError, match="no records left"):
            document.save()
    assert len(source.read_bytes().splitlines()) == 10


# --- what goes wrong -------------------------------------------------------------------------------------------------


def as_before(source: Path, document: Document, before: bytes) -> None:
    """The old file and the edits, and nothing else lies about."""
    assert source.read_bytes() == before and list(source.parent.iterdir()) == [source]
    assert document.unsaved == 1 and document.undo() is not None
    document.redo()
    document.flush()


def test_a_full_disk_is_met_before_anything_is_written(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says how much is missing."""
    before = source.read_bytes()
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(rewrite_module.shutil, "disk_usage", lambda path: usage)
    with open_document(source, journals) as document:
        document.delete([0], title="")
        with pytest.raises(WorkbenchError, match="no space left") as caught:
            document.save()
        assert caught.value.code == "disk_full" and "100 are free" in caught.value.why
        as_before(source, document, before)


@pytest.mark.parametrize("call", ["reserve", "writev", "fsync", "replace", "fchmod"])
def test_a_disk_that_fails_on_the_way_leaves_everything_as_it_was(
    source: Path, journals: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While room is taken, while writing, while waiting for the disk, at the rename."""
    before = source.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with open_document(source, journals) as document:
        document.delete([0], title="")
        document.flush()
        with monkeypatch.context() as patch:
            patch.setattr({"replace": Path, "reserve": rewrite_module}.get(call, os), call, fail)
            with pytest.raises(WorkbenchError, match="no space left"):
                document.save()
        as_before(source, document, before)
        document.save()
    assert source.read_bytes() == before.split(b"\n", 1)[1]


def test_a_save_can_be_cancelled(tmp_path: Path, journals: Path) -> None:
    """What `progress` raises ends it; it had been told how far it is."""
    source = lines(tmp_path / "data.jsonl", 200_000)
    before = source.read_bytes()
    told: list[tuple[int, int]] = []

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        raise Stopped

    with open_document(source, journals) as document:
        document.index_rest()
        document.delete([0], title="")
        with pytest.raises(Stopped):
            document.save(progress=stop)
        assert told and told[0][1] == len(before) - len(record(0)) - 1
        assert source.read_bytes() == before and document.unsaved == 1
        told.clear()
        document.save(progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (source.stat().st_size, source.stat().st_size)


def test_a_wrong_file_never_takes_the_place_of_a_right_one(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is compared with what should be there before it replaces anything."""
    before = source.read_bytes()
    layout = saving_module.layout
    monkeypatch.setattr(saving_module, "layout", lambda *parts: list(layout(*parts))[:-1])
    with open_document(source, journals) as document:
        document.delete([5], title="")
        with pytest.raises(WorkbenchError, match="would not hold what it should"):
            document.save()
        as_before(source, document, before)


def test_what_killed_saves_left_is_swept_when_the_file_is_opened(source: Path, journals: Path) -> None:
    """But not what another process is writing, and nothing that only looks like it."""
    with open_document(source, journals):
        beside = rewrite_module.Beside(source)
        left = beside.path.with_name(f".{source.name}.ftwb-0badcafe.tmp")
        left.write_bytes(b"half a file")
        other = source.with_name(f".{source.name}.tmp")
        other.write_bytes(b"")
    with open_document(source, journals):
        assert not left.exists() and beside.path.exists() and other.exists()
    beside.close()


# --- somebody else ---------------------------------------------------------------------------------------------------


def rewrite(path: Path) -> None:
    path.write_bytes(b"".join(record(number) + b"\n" for number in range(100, 120)))


def replace(path: Path) -> None:
    other = path.with_name("other")
    rewrite(other)
    other.replace(path)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(record(10) + b"\n")


@pytest.mark.parametrize(
    ("change", "kind", "lost"),
    [
        (rewrite, "rewritten", True),
        (replace, "rewritten", False),
        (append, "appended", False),
        (Path.unlink, "gone", False),
    ],
)
def test_what_something_else_did_is_noticed_before_it_is_overwritten(
    source: Path, journals: Path, change: Callable[[Path], None], kind: str, lost: bool
) -> None:
    """Refused unless told otherwise; refused in any case where the old rows cannot be read any more."""
    with open_document(source, journals) as document:
        assert document.changed_on_disk() is None
        document.delete([0], title="")
        change(source)
        outside = document.changed_on_disk()
        assert outside is not None and (outside.kind, outside.lost) == (kind, lost)
        before = source.read_bytes() if source.exists() else None
        with pytest.raises(WorkbenchError) as caught:
            document.save()
        assert caught.value.code == "changed_on_disk" and caught.value.why == outside.why
        assert (source.read_bytes() if source.exists() else None) == before
        if lost:
            for attempt in (lambda: document.save(force=True), lambda: document.save(source.with_name("copy"))):
                with pytest.raises(WorkbenchError, match="something else"):
                    attempt()
            return
        document.save(source.with_name("copy"))
        document.save(force=True)
        assert source.read_bytes() == source.with_name("copy").read_bytes()
        assert document.changed_on_disk() is None
        with open_rows(source) as rows:
            assert [rows.decode(row)["number"] for row in range(len(rows))] == list(range(1, 10))  # type: ignore[index]


def test_a_file_that_was_only_touched_is_not_changed(tmp_path: Path, journals: Path) -> None:
    """A small one is compared; a large one may be different inside, so a person decides."""
    small, large = lines(tmp_path / "small.jsonl", 10), lines(tmp_path / "large.jsonl", 20_000)
    with open_document(small, journals) as document:
        os.utime(small, ns=(1, 1))
        assert document.changed_on_disk() is None
        document.delete([0], title="")
        document.save()
    with open_document(large, journals) as document:
        os.utime(large, ns=(1, 1))
        outside = document.changed_on_disk()
        assert outside is not None and outside.kind == "touched"
        document.delete([0], title="")
        with pytest.raises(WorkbenchError, match="may be different inside"):
            document.save()
        document.save(force=True)


def test_edits_are_refused_while_the_file_is_being_saved(source: Path, journals: Path) -> None:
    """In one sentence, from any thread; rows can be read all the while."""
    with open_document(source, journals) as document:
        document.delete([0], title="")
        inside, refused = threading.Event(), threading.Event()

        def wait(done: int, total: int) -> None:
            inside.set()
            assert refused.wait(10)

        saving = threading.Thread(target=document.save, kwargs={"progress": wait})
        saving.start()
        assert inside.wait(10)
        with pytest.raises(WorkbenchError, match=r"busy \(saving\)") as caught:
            document.delete([1], title="")
        assert caught.value.code == "busy" and document.raw(document.id_at(0)) == record(1)
        refused.set()
        saving.join()
        document.delete([1], title="")
