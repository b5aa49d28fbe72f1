"""Files that survive a kill, and what is read from them."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.engine import durable
from workbench.engine.durable import LineTail, append_lines, complete_lines, write_atomic, write_json
from workbench.engine.events import EventLog, NewEvent
from workbench.engine.files import FileStore
from workbench.engine.jobs import JobFolder, JobRecord, JobStore, SourceFile
from workbench.engine.progress import Progress

OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=12) | st.none()), max_size=8)


@given(OBJECTS, st.data())
def test_whatever_is_cut_off_only_whole_lines_are_read(
    tmp_path_factory: pytest.TempPathFactory, items: list[dict[str, Any]], data: st.DataObject
) -> None:
    """A kill can cut a file at any byte: what was written whole is read, the torn rest is not."""
    content = b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)
    cut = data.draw(st.integers(0, len(content)))
    whole = content[:cut].count(b"\n")
    assert complete_lines(content[:cut]) == items[:whole]


@given(OBJECTS, st.lists(st.integers(1, 40), max_size=20))
def test_a_tail_reads_everything_once_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, items: list[dict[str, Any]], pieces: list[int]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "lines.jsonl"
    tail = LineTail(path)
    assert tail.read() == [], "a file that is not there yet has no lines"
    content = b"".join(json.dumps(item).encode() + b"\n" for item in items)
    found, start = [], 0
    for size in [*pieces, len(content)]:
        with path.open("ab") as file:
            file.write(content[start : start + size])
        start += size
        found += tail.read()
    assert found == items


@given(OBJECTS, OBJECTS, st.binary(max_size=30).filter(lambda torn: b"\n" not in torn))
def test_appending_cuts_off_what_a_kill_left_torn(
    tmp_path_factory: pytest.TempPathFactory, before: list[dict[str, Any]], after: list[dict[str, Any]], torn: bytes
) -> None:
    path = tmp_path_factory.mktemp("append") / "lines.jsonl"
    append_lines(path, before)
    with path.open("ab") as file:
        file.write(torn)
    append_lines(path, after)
    assert LineTail(path).read() == before + after


def test_a_line_longer_than_a_block_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_lines(path, [{"a": "x" * 10_000}, {"b": "y" * 10_000}])
    with path.open("ab") as file:
        file.write(b"z" * 9_000)
    append_lines(path, [{"c": 1}])
    assert [list(item) for item in LineTail(path).read()] == [["a"], ["b"], ["c"]]


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "job.json"
    write_json(path, {"old": 1})
    monkeypatch.setattr(durable.os, "fsync", _full)
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["job.json"], "no temporary file is left"


def test_a_full_disk_leaves_no_half_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, "ftjob-1")
    log.append([NewEvent("a", "first")])
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", _full)
        with pytest.raises(OSError, match="No space left"):
            log.append([NewEvent("b", "second")])
    assert path.read_bytes() == whole
    log.append([NewEvent("b", "second")])
    assert [event["message"] for event in log.all()] == ["first", "second"]


def record(job_id: str = "ftjob-1", **more: Any) -> JobRecord:
    source = SourceFile(id="file-1", filename="t.jsonl", sha256="0" * 64, bytes=3)
    return JobRecord(
        id=job_id, created=1.0, model="starter", model_id="ft:starter:local::00000000", seed=0, method="sft",
        method_type="supervised", training=source, **more,
    )  # fmt: skip


def test_a_full_disk_changes_neither_disk_nor_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    job = JobStore(tmp_path / "jobs").create(record(), {"train.jsonl": source})
    monkeypatch.setattr(durable.os, "fsync", _full)
    with pytest.raises(OSError, match="No space left"):
        job.update(seed=9)
    assert job.record.seed == 0
    assert JobStore(tmp_path / "jobs").get("ftjob-1").record.seed == 0


def test_a_job_that_could_not_be_created_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    store = JobStore(tmp_path / "jobs")
    monkeypatch.setattr(durable.os, "fsync", _full)
    with pytest.raises(OSError, match="No space left"):
        store.create(record(), {"train.jsonl": source})
    assert list(store) == []
    assert list((tmp_path / "jobs").iterdir()) == []


def test_what_a_killed_creation_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "jobs" / ".new-ftjob-2" / "data").mkdir(parents=True)
    (tmp_path / "jobs" / "ftjob-3").mkdir()
    (tmp_path / "jobs" / "ftjob-3" / "job.json").write_text("{not json")
    store = JobStore(tmp_path / "jobs")
    assert list(store) == []
    assert not (tmp_path / "jobs" / ".new-ftjob-2").exists()
    assert list(store.broken) == ["ftjob-3"]
    assert (tmp_path / "jobs" / "ftjob-3" / "job.json").exists(), "what cannot be read is left alone"


def test_unknown_keys_of_a_newer_engine_survive(tmp_path: Path) -> None:
    folder = tmp_path / "ftjob-1"
    folder.mkdir()
    write_json(folder / "job.json", record().model_dump(mode="json") | {"from_the_future": {"a": 1}})
    job = JobFolder(folder, JobRecord.model_validate(json.loads((folder / "job.json").read_text())))
    job.update(seed=5)
    assert json.loads((folder / "job.json").read_text())["from_the_future"] == {"a": 1}


def test_new_files_belong_to_the_user_alone(tmp_path: Path) -> None:
    write_atomic(tmp_path / "key", b"secret")
    append_lines(tmp_path / "lines", [{}])
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


async def test_an_upload_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    async def chunks() -> Any:
        yield b"abc"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        await store.receive(chunks(), filename="a", purpose="fine-tune")
    assert os.listdir(tmp_path) == []  # noqa: PTH208  in a coroutine
    assert store.all() == []


def test_a_sweep_removes_only_what_no_upload_acknowledged(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    kept = store.add(b"abc", file_id="file-kept", filename="a", purpose="fine-tune")
    (tmp_path / ".new-1").write_bytes(b"x")
    (tmp_path / "file-torn").write_bytes(b"x")
    again = FileStore(tmp_path)
    again.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file-kept", "file-kept.json"]
    assert again.path(kept.id).read_bytes() == b"abc"


def test_a_file_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path)
    file = store.add(b"abc", file_id="file-1", filename="a", purpose="fine-tune")
    store._records["file-1"] = file.model_copy(update={"expires": file.created - 1})
    assert store.get("file-1") is None
    assert list(tmp_path.iterdir()) == []


LINES = st.lists(
    st.tuples(st.sampled_from(["log", "eval", "checkpoint", "started"]), st.integers(1, 6), st.floats(0, 9)),
    max_size=30,
)


@given(LINES, st.integers(0, 30))
def test_folding_again_after_a_kill_gives_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int, float]], killed_after: int
) -> None:
    """The engine folds what it saw, is killed, and the next folds the whole file: no event twice, none missing."""
    folder = tmp_path_factory.mktemp("job")
    rows = [
        {"t": 1.0, "kind": kind, "step": step, "total_steps": 6, "data": {"train_loss": value, "valid_loss": value}}
        for kind, step, value in lines
    ]
    append_lines(folder / "progress.jsonl", rows[:killed_after])
    EventLog(folder / "events.jsonl", "j").append(Progress(folder / "progress.jsonl").read())
    append_lines(folder / "progress.jsonl", rows[killed_after:])
    EventLog(folder / "events.jsonl", "j").append(Progress(folder / "progress.jsonl").read())
    straight = EventLog(folder / "straight.jsonl", "j")
    straight.append(Progress(folder / "progress.jsonl").read())
    told = EventLog(folder / "events.jsonl", "j").all()
    assert told == straight.all()
    assert len(told) == len({(kind, step) for kind, step, _ in lines if kind != "started"})


def test_numbers_that_are_not_json_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(
        '{"t": 1, "kind": "log", "step": 1, "total_steps": 2, "data": {"train_loss": NaN, "grad_norm": 1}}\n'
    )
    (event,) = Progress(path).read()
    assert event.data == {"step": 1, "total_steps": 2, "grad_norm": 1}
    assert (event.message, event.level) == ("Step 1/2: training loss=nan", "warn")


def test_a_validation_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(
        '{"kind": "eval", "step": 1, "total_steps": 2, "data": {"valid_loss": Infinity}}\n'
        '{"kind": "eval", "step": 2, "total_steps": 2, "data": {"full_valid_loss": NaN}}\n'
    )
    events = Progress(path).read()
    assert [event.key for event in events] == ["eval:1", "full_eval:2"]
    assert events[0].message == "Step 1/2: validation loss=inf"
    assert events[1].message == "Step 2/2: full validation loss=nan"


def test_lines_of_a_strange_trainer_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text('{}\n[1]\n{"kind": "log", "step": "x", "data": 5}\n{"kind": 7}\nno json\n')
    assert len(Progress(path).read()) == 1
