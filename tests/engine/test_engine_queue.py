"""The queue's loop against a disk that fills up, and mistakes of ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from workbench.engine import events as events_module
from workbench.engine import jobs as jobs_module
from workbench.engine.durable import append_lines, write_json
from workbench.engine.files import FileStore
from workbench.engine.identity import ProcessIdentity
from workbench.engine.jobs import JobFailure, JobFolder, JobRecord, JobStore, SourceFile, Status
from workbench.engine.queue import Queue, QueueOptions


class FakeLauncher:
    """A trainer that runs for as long as `running` says."""

    def __init__(self) -> None:
        self.running = False
        self.started = 0

    def start(self, job_dir: Path, python: str) -> ProcessIdentity | None:
        self.running = True
        self.started += 1
        return None

    def alive(self, *_: Any) -> bool:
        return self.running

    def stop(self, *_: Any) -> None:
        self.running = False

    kill = stop


@pytest.fixture
def launcher() -> FakeLauncher:
    return FakeLauncher()


@pytest.fixture
def queue(tmp_path: Path, launcher: FakeLauncher) -> Queue:
    trainer = tmp_path / "trainer"
    trainer.mkdir()

    async def validate(job: JobFolder) -> None:
        return

    store = JobStore(tmp_path / "jobs")
    options = QueueOptions("python", tick_s=0.01)
    return Queue(store, FileStore(tmp_path / "files"), launcher, validate, lambda method: trainer, options)


def queued(queue: Queue, tmp_path: Path, number: int = 1) -> JobFolder:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    record = JobRecord(
        id=f"ftjob-{number}", created=float(number), model="starter", model_id="ft:starter:local::0", seed=0,
        method="sft", method_type="supervised", status=Status.QUEUED, prepared={"train": {}},
        training=SourceFile(id="file-1", filename="t", sha256="0", bytes=3),
    )  # fmt: skip
    return queue.jobs.create(record, {"train.jsonl": source})


def _full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_nothing_for_good(
    queue: Queue, launcher: FakeLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trainer is started that could not be noted; with room again, the job goes on by itself."""
    job = queued(queue, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(jobs_module, "write_json", _full)
        for _ in range(3):
            queue.tick()
        assert (job.record.status, launcher.started) == (Status.QUEUED, 0)
    queue.tick()
    assert (job.record.status, launcher.started) == (Status.RUNNING, 1)


def test_a_mistake_of_ours_fails_its_job_alone(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = queued(queue, tmp_path, 1), queued(queue, tmp_path, 2)
    launch = queue._launch

    def slip(job: JobFolder) -> None:
        if job is broken:
            raise KeyError("a secret of the engine")
        launch(job)

    monkeypatch.setattr(queue, "_launch", slip)
    queue.tick()
    assert broken.record.status is Status.FAILED
    assert broken.record.error is not None
    assert "secret" not in broken.record.error.message
    assert fine.record.status is Status.RUNNING


def test_a_trainer_that_died_on_a_full_disk_waits_for_room(
    queue: Queue, launcher: FakeLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not even say why it ended; resuming it at once would only kill it again."""
    job = queued(queue, tmp_path)
    queue.tick()
    launcher.running = False
    monkeypatch.setattr("workbench.engine.queue.shutil.disk_usage", lambda path: type("U", (), {"free": 0}))
    queue.tick()
    assert job.record.status is Status.PAUSED
    assert "disk is full" in job.events.all()[-1]["message"]


def test_two_may_train_at_once_where_that_is_asked_for(tmp_path: Path, queue: Queue, launcher: FakeLauncher) -> None:
    queue.options = QueueOptions("python", training_at_once=2)
    jobs = [queued(queue, tmp_path, number) for number in range(1, 4)]
    queue.tick()
    assert [job.record.status for job in jobs] == [Status.RUNNING, Status.RUNNING, Status.QUEUED]


def test_a_draining_queue_starts_nothing(tmp_path: Path, queue: Queue, launcher: FakeLauncher) -> None:
    job = queued(queue, tmp_path)
    queue.draining = True
    queue.tick()
    assert (job.record.status, launcher.started) == (Status.QUEUED, 0)


def test_events_that_a_full_disk_refused_are_told_later(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the trainer wrote is there: a full disk may delay it, and never lose it."""
    job = queued(queue, tmp_path)
    queue.tick()
    row = {"t": 1.0, "kind": "log", "step": 1, "total_steps": 2, "data": {"train_loss": 0.5}}
    append_lines(job.path / "progress.jsonl", [row])
    with monkeypatch.context() as patch:
        patch.setattr(events_module, "append_lines", _full)
        queue.tick()
    queue.tick()
    assert [event["data"].get("train_loss") for event in job.events.all()] == [None, 0.5]


def test_a_state_of_the_launch_before_never_speaks_for_the_next(
    queue: Queue, launcher: FakeLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed job whose engine is killed while it launches: why the trainer ended last time is no news."""
    job = queued(queue, tmp_path)
    write_json(job.path / "state.json", {"exit": "failed", "error": {"message": "m", "code": "disk_full"}})

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            queue.tick()
    queue.tick()
    assert (job.record.status, launcher.started) == (Status.RUNNING, 1)


def test_going_on_before_the_pause_was_done_is_no_death(queue: Queue, launcher: FakeLauncher, tmp_path: Path) -> None:
    job = queued(queue, tmp_path)
    for _ in range(5):
        queue.tick()
        assert job.record.status is Status.RUNNING
        queue.ask(job, "pause")
        queue.tick()
        write_json(job.path / "state.json", {"exit": "stopped"})
        queue.ask(job, "run")
        queue.tick()
    assert (job.record.status, job.record.deaths_without_progress) == (Status.QUEUED, 0)
    assert "unexpectedly" not in str(job.events.all())


def test_a_wish_to_go_on_that_a_kill_cut_short_ends_the_pausing(queue: Queue, tmp_path: Path) -> None:
    job = queued(queue, tmp_path)
    queue.tick()
    job.update(status=Status.PAUSING)  # control.json says run: the engine was killed between the two
    queue.tick()
    assert job.record.status is Status.RUNNING


def test_a_message_that_is_no_unicode_does_not_end_the_engine(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trainer may name a file whose name is not UTF-8; told again at each start it would end every engine."""
    job = queued(queue, tmp_path)

    def fail(job: JobFolder) -> None:
        raise JobFailure("caf\udce9.jsonl cannot be read", "trainer_failed")

    monkeypatch.setattr(queue, "_launch", fail)
    queue.tick()
    assert job.record.status is Status.FAILED
    assert "caf?.jsonl" in str(job.record.error) + str(job.events.all())


def test_a_paused_job_keeps_its_metrics_in_a_new_engine(queue: Queue, tmp_path: Path) -> None:
    job = queued(queue, tmp_path)
    job.update(status=Status.PAUSED)
    append_lines(job.path / "progress.jsonl", [{"kind": "log", "step": 5, "data": {"train_loss": 0.5}}])
    assert queue.progress(job).metrics == {5: {"train_loss": 0.5}}
