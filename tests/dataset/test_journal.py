"""Unsaved edits: there after a restart, kept aside when they do not fit, refused in words when they cannot be kept."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from workbench.dataset.rows import Document, changes, open_document
from workbench.dataset.rows import journal as journal_module
from workbench.dataset.rows import resume as resume_module
from workbench.dataset.rows.journal import Journal
from workbench.errors import WorkbenchError


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


def numbers(document: Document) -> list[int]:
    return [json.loads(document.raw(row))["number"] for row in document.ids().tolist()]


def journal_of(journals: Path) -> Path:
    return next(path for path in journals.glob("*.db") if "aside" not in path.name)


def in_journal(journals: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(journal_of(journals))) as database, database:
        return database.execute(statement).fetchall()


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_edits_reach_the_disk_without_being_asked(source: Path, journals: Path) -> None:
    """A group of them within a quarter of a second, written by a thread that nobody waits for."""
    with open_document(source, journals) as document:
        done = threading.Event()
        flush = document.journal.flush

        def flushed() -> None:
            flush()
            done.set()

        document.journal.flush = flushed  # type: ignore[method-assign]
        document.delete([3], title="delete")
        assert done.wait(10)
        with pytest.raises(sqlite3.OperationalError, match="locked"):  # ours alone while the file is open
            sqlite3.connect(journal_of(journals), timeout=0).execute("SELECT * FROM meta").fetchall()
    stored = journal_module.read_journal(journal_of(journals))
    assert stored is not None and stored.head == 1 and stored.edits[0].title == "delete"


def test_looking_at_a_file_leaves_nothing_behind(source: Path, journals: Path) -> None:
    """No journal, no lock, nothing beside the file."""
    open_document(source, journals).close()
    assert list(journals.iterdir()) == [] and set(source.parent.iterdir()) == {journals, source}
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
        document.save()
    assert list(journals.iterdir()) == []


def test_undone_edits_can_be_made_again_after_a_restart(source: Path, journals: Path) -> None:
    """Titles and steps come back too."""
    with open_document(source, journals) as document:
        document.delete([0], title="one", step={"kind": "drop", "at": 0})
        document.insert(0, [record(99)], title="two", step={"kind": "insert"})
        document.undo()
    with open_document(source, journals) as document:
        assert (document.undoable, document.redoable, document.unsaved) == ("one", "two", 1)
        assert document.steps() == [{"kind": "drop", "at": 0}]
        assert document.notice is not None and document.notice.startswith("1 unsaved edit from last time")
        document.redo()
        assert numbers(document) == [99, *range(1, 10)]
        assert [step["kind"] for step in document.steps()] == ["drop", "insert"]


def test_a_checkpoint_stands_for_the_edits_before_it(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not made again, and can still be undone one by one."""
    monkeypatch.setattr("workbench.dataset.rows.document._CHECKPOINT", 20)
    with open_document(source, journals) as document:
        for number in range(50):
            document.replace({document.id_at(number % 10): record(100 + number)}, title=f"edit {number}")
        expected = numbers(document)
    stored = journal_module.read_journal(journal_of(journals))
    assert stored is not None and stored.checkpoint is not None and stored.checkpoint.seq >= 40
    made: list[str] = []
    original = changes.do
    monkeypatch.setattr(changes, "do", lambda what, pieces: made.append(what.title) or original(what, pieces))
    with open_document(source, journals) as document:
        assert len(made) <= 10 and numbers(document) == expected
        for _ in range(50):
            document.undo()
        assert numbers(document) == list(range(10))
        document.flush()
    with open_document(source, journals) as document:  # the checkpoint lies ahead of the edits in force
        assert document.unsaved == 0 and numbers(document) == list(range(10))
        for _ in range(50):
            document.redo()
        assert numbers(document) == expected


def test_a_bulk_edit_is_one_small_entry(tmp_path: Path, journals: Path) -> None:
    """Half the rows of a file of 100,000: one undo step, a few bytes a row at most, back at once when opened again."""
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"".join(record(number) + b"\n" for number in range(100_000)))
    with open_document(path, journals) as document:
        document.index_rest()
        document.delete(document.ids()[::2], title="drop every other")
        assert document.unsaved == 1
    assert sum(file.stat().st_size for file in journals.iterdir()) < 100_000
    with open_document(path, journals) as document:
        assert len(document) == 50_000 and numbers(document)[:3] == [1, 3, 5]
        document.undo()
        assert len(document) == 100_000


def test_edits_that_end_with_the_program_are_kept(source: Path, journals: Path) -> None:
    """A program that ends without closing the document writes what still waits."""
    code = (
        "import sys; from pathlib import Path; from workbench.dataset.rows import open_document\n"
        "document = open_document(Path(sys.argv[1]), Path(sys.argv[2])); document.delete([0, 1], title='delete')\n"
    )
    subprocess.run([sys.executable, "-c", code, source, journals], check=True, timeout=60)
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(2, 10))


def test_on_a_shared_disk_the_journal_needs_no_shared_memory(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAL is for local disks; what is written is the same."""
    monkeypatch.setattr(resume_module, "on_shared_disk", lambda folder: True)
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
        document.flush()
        assert not list(journals.glob("*-wal"))
    monkeypatch.undo()
    with open_document(source, journals) as document:
        document.delete([1], title="delete")
        document.flush()
        assert list(journals.glob("*-wal")) and numbers(document) == list(range(2, 10))


@pytest.mark.parametrize(
    ("mounts", "shared"),
    [([("/", "ext4")], False), ([("/", "ext4"), ("/home", "nfs4")], True), ([("/home", "fuse.sshfs")], True)],
)
def test_a_shared_disk_is_known_by_its_file_system(
    mounts: list[tuple[str, str]], shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mount that holds the folder decides."""
    import psutil

    disks = [type("Disk", (), {"mountpoint": place, "fstype": kind})() for place, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: disks)
    assert resume_module.on_shared_disk(Path("/home/me/journals")) is shared
    assert resume_module.on_shared_disk(Path("/homework")) is False


# --- what cannot be kept ---------------------------------------------------------------------------------------------


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """What a full disk is like: no file of this process may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_edit_that_finds_no_room_is_refused_and_nothing_is_lost(source: Path, journals: Path) -> None:
    """It says so at once; when there is room again, editing goes on."""
    with open_document(source, journals) as document:
        document.replace({0: record(100)}, title="kept")
        document.flush()
        with no_file_above(4096), pytest.raises(WorkbenchError, match="no space is left") as caught:
            document.replace({1: record(101, "x" * 10_000)}, title="too large")
        assert caught.value.code == "disk_full"
        assert numbers(document) == [100, *range(1, 10)] and document.unsaved == 1
        document.replace({2: record(102)}, title="again")
        document.flush()
    with open_document(source, journals) as document:
        assert numbers(document) == [100, 1, 102, *range(3, 10)]


def test_a_journal_on_a_full_disk_says_so_and_catches_up(source: Path, journals: Path) -> None:
    """The rows fit but the database does not: `flush` and the next edit raise, the edits wait, saving is a way out."""
    with open_document(source, journals) as document:
        with no_file_above(2048):
            document.delete([0], title="waits")
            with pytest.raises(WorkbenchError, match=r"no space is left|cannot be kept"):
                document.flush()
            with pytest.raises(WorkbenchError, match=r"no space is left|cannot be kept"):
                document.delete([1], title="refused")
            assert numbers(document) == list(range(1, 10))
        document.delete([1], title="made")
        document.flush()
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(2, 10)) and document.unsaved == 2


def test_saving_works_where_the_journal_cannot_be_written(source: Path, journals: Path) -> None:
    """It is the way out of a full journal disk; what is edited afterwards is journaled against the new file."""
    with open_document(source, journals) as document:
        document.delete([9], title="first")
        document.flush()

        def refuse(self: Journal, write: object) -> None:
            raise WorkbenchError("journal", "no space is left", code="disk_full")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Journal, "_now", refuse)
            document.save()
        assert source.read_bytes() == b"".join(record(number) + b"\n" for number in range(9))
        document.delete([0], title="second")
    with open_document(source, journals) as document:
        assert document.unsaved == 1 and numbers(document) == list(range(1, 9))


def test_where_no_journal_can_be_kept_the_file_is_read_only(source: Path, tmp_path: Path) -> None:
    """A folder that cannot be made: one sentence, and the rows are shown."""
    (tmp_path / "file").write_text("")
    with open_document(source, tmp_path / "file" / "journals") as document:
        assert document.read_only is not None and "cannot be kept" in document.read_only
        assert numbers(document) == list(range(10))
        with pytest.raises(WorkbenchError, match="read-only") as caught:
            document.delete([0], title="delete")
        assert caught.value.code == "read_only"
        document.save(tmp_path / "copy.jsonl")
    assert (tmp_path / "copy.jsonl").read_bytes() == source.read_bytes()


# --- one editor at a time --------------------------------------------------------------------------------------------


def test_a_second_opener_reads_and_is_told_who_edits(source: Path, journals: Path, tmp_path: Path) -> None:
    """By any name of the file; it leaves the first one's journal alone, and may edit when that one has closed."""
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    first = open_document(source, journals)
    first.delete([0], title="delete")
    first.flush()
    with open_document(link, journals) as second:
        assert second.read_only is not None and "is being edited here already" in second.read_only
        assert numbers(second) == list(range(10))
        with pytest.raises(WorkbenchError, match="read-only"):
            second.save(force=True)
    first.close()
    with open_document(link, journals) as third:
        assert third.read_only is None and numbers(third) == list(range(1, 10))


def test_another_process_is_named(source: Path, journals: Path) -> None:
    """Its number, so that a person can find it."""
    code = (
        "import sys; from pathlib import Path; from workbench.dataset.rows import open_document\n"
        "document = open_document(Path(sys.argv[1]), Path(sys.argv[2])); print('open', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, source, journals], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with open_document(source, journals) as document:
            assert document.read_only is not None and f"process {other.pid}" in document.read_only
        other.kill()
    with open_document(source, journals) as document:  # a lock dies with its process
        assert document.read_only is None


def test_a_host_that_shares_the_disk_is_believed(source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel's locks may end at one host, the name in the lock file counts, and the way out is named."""
    with open_document(source, journals):
        lock = next(journals.glob("*.lock"))
    lock.write_text(json.dumps({"host": "elsewhere", "pid": 7}))
    with open_document(source, journals) as document:
        assert document.read_only is None  # a local disk: left behind by another container
    lock.write_text(json.dumps({"host": "elsewhere", "pid": 7}))
    monkeypatch.setattr(resume_module, "on_shared_disk", lambda folder: True)
    with open_document(source, journals) as document:
        assert document.read_only is not None
        assert "process 7 on elsewhere" in document.read_only and f"remove {lock}" in document.read_only


# --- edits that do not fit -------------------------------------------------------------------------------------------


def test_edits_of_a_file_that_was_changed_are_put_aside_and_come_back_with_it(source: Path, journals: Path) -> None:
    """Never applied to other rows, never thrown away."""
    before, times = source.read_bytes(), source.stat()
    with open_document(source, journals) as document:
        document.replace({3: record(300)}, title="edit")
    source.write_bytes(b"".join(record(number) + b"\n" for number in range(50, 55)))
    with open_document(source, journals) as document:
        assert document.unsaved == 0 and numbers(document) == list(range(50, 55))
        assert document.notice is not None and "1 unsaved edit" in document.notice
        aside = next(journals.glob("*.aside-*.db"))
        assert str(aside) in document.notice
    source.write_bytes(before)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    with open_document(source, journals) as document:
        assert document.notice is not None and "are back" in document.notice
        assert numbers(document) == [0, 1, 2, 300, *range(4, 10)]
    assert not list(journals.glob("*.aside-*"))


def test_edits_of_a_file_that_has_grown_go_on(source: Path, journals: Path) -> None:
    """The new rows stand at the end, behind sorted, deleted and inserted ones too."""
    with open_document(source, journals) as document:
        document.reorder(document.ids()[::-1], title="turn round")
        document.delete([9], title="delete")
        document.insert(len(document), [record(77)], title="insert")
    with source.open("ab") as file:
        file.write(record(10) + b"\n" + record(11) + b"\n")
    with open_document(source, journals) as document:
        assert document.notice is not None and "has grown" in document.notice
        assert numbers(document) == [8, 7, 6, 5, 4, 3, 2, 1, 0, 77, 10, 11]
        for _ in range(3):
            document.undo()
        assert numbers(document) == list(range(12))
        for _ in range(3):
            document.redo()
        document.save()
    assert [json.loads(line)["number"] for line in source.read_bytes().splitlines()] == [
        8, 7, 6, 5, 4, 3, 2, 1, 0, 77, 10, 11
    ]  # fmt: skip


@pytest.mark.parametrize("damage", [b"no database at all, but text that is long enough to be looked at" * 20, b""])
def test_a_damaged_journal_is_put_aside(source: Path, journals: Path, damage: bytes) -> None:
    """The file opens; the person is told where the journal went."""
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
    journal_of(journals).write_bytes(damage)
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(10)) and document.read_only is None
        if damage:
            assert document.notice is not None and "is damaged" in document.notice
            assert list(journals.glob("*.aside-*.db"))


def test_a_journal_with_nonsense_in_it_is_put_aside(source: Path, journals: Path) -> None:
    """Places that the file does not have."""
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
    in_journal(journals, "UPDATE edit SET positions = x'00f401000000000000'")
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(10))
        assert document.notice is not None and "is damaged" in document.notice


def test_a_journal_without_its_rows_is_put_aside(source: Path, journals: Path) -> None:
    """Somebody removed the file that holds what was written."""
    with open_document(source, journals) as document:
        document.replace({0: record(100)}, title="edit")
    next(journals.glob("*.rows")).unlink()
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(10))
        assert document.notice is not None and "is damaged" in document.notice


def test_a_newer_journal_is_left_alone(source: Path, journals: Path) -> None:
    """Read-only, with the reason."""
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
    in_journal(journals, "UPDATE meta SET value = '99' WHERE key = 'schema'")
    with open_document(source, journals) as document:
        assert document.read_only is not None and "newer ftwb" in document.read_only
    assert in_journal(journals, "SELECT count(*) FROM edit") == [(1,)]


def test_a_journal_that_somebody_looks_into_is_not_taken_for_damaged(
    source: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read-only until that one is done."""
    with open_document(source, journals) as document:
        document.delete([0], title="delete")
    monkeypatch.setattr(journal_module, "_PATIENCE_S", 0)
    with closing(sqlite3.connect(journal_of(journals))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with open_document(source, journals) as document:
            assert document.read_only is not None and "locked" in document.read_only
    with open_document(source, journals) as document:
        assert numbers(document) == list(range(1, 10))
