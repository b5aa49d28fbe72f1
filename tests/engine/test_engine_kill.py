"""kill -9 at any moment: nothing that was acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable

import httpx2
import openai
import psutil
import pytest

from tests.engine.engine_process import EngineProcess, until
from tests.engine.engine_training import create, upload
from tests.engine.openai_spec import check


def comparable(engine: EngineProcess, job_id: str) -> list[tuple[int, float]]:
    """What a person sees of a training: each step with its loss."""
    lines = engine.events_text(job_id).splitlines()
    data = [json.loads(line)["data"] for line in lines]
    return [(item["step"], item["train_loss"]) for item in data if "train_loss" in item]


UNINTERRUPTED = [(step, 1 / step) for step in range(1, 11)]


def test_a_killed_trainer_goes_on_from_its_checkpoint(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 8, "checkpoint_every": 3})
    engine.wait_step(job.id, 7)
    (engine.job_dir(job.id) / "go").touch()
    engine.trainer(job.id).kill()
    engine.wait(job.id, "succeeded")
    assert comparable(engine, job.id) == UNINTERRUPTED
    assert engine.record(job.id)["launches"][-1]["from_step"] in (6, 9)
    repeated = [json.loads(line)["step"] for line in (engine.job_dir(job.id) / "progress.jsonl").open()]
    assert len(repeated) > len(set(repeated)), "the trainer did repeat steps"


def test_a_killed_engine_leaves_the_trainer_and_the_next_adopts_it(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    trainer = engine.trainer(job.id)
    engine.kill()
    assert trainer.is_running()
    engine.start()
    assert engine.sdk().fine_tuning.jobs.retrieve(job.id).status == "running"
    (engine.job_dir(job.id) / "go").touch()
    engine.wait(job.id, "succeeded")
    assert len(engine.record(job.id)["launches"]) == 1, "the same trainer went on"
    assert comparable(engine, job.id) == UNINTERRUPTED


def test_a_job_that_ended_without_an_engine_is_closed_by_the_next(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    engine.kill()
    (engine.job_dir(job.id) / "go").touch()
    until(lambda: json.loads((engine.job_dir(job.id) / "state.json").read_text())["exit"], "the trainer's end")
    assert engine.status(job.id) == "running"
    engine.start()
    engine.wait(job.id, "succeeded")
    assert comparable(engine, job.id) == UNINTERRUPTED
    assert len(engine.record(job.id)["launches"]) == 1


def test_both_killed(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 8, "checkpoint_every": 2})
    engine.wait_step(job.id, 7)
    trainer = engine.trainer(job.id)
    engine.kill()
    trainer.kill()
    (engine.job_dir(job.id) / "go").touch()
    engine.start()
    engine.wait(job.id, "succeeded")
    assert comparable(engine, job.id) == UNINTERRUPTED
    assert len(engine.record(job.id)["launches"]) == 2


def test_a_pid_that_was_reused_is_not_taken_for_the_trainer(engine: EngineProcess) -> None:
    """After a reboot the recorded pid may be anybody's."""
    job = create(engine, settings={"hold_at": 5, "checkpoint_every": 2})
    engine.wait_step(job.id, 4)
    trainer = engine.trainer(job.id)
    engine.kill()
    trainer.kill()
    path = engine.job_dir(job.id) / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": os.getpid()}))
    (engine.job_dir(job.id) / "go").touch()
    engine.start()
    engine.wait(job.id, "succeeded")


def test_a_clock_that_was_set_does_not_kill_a_trainer(engine: EngineProcess) -> None:
    """Start times are wall time: after a jump the noted ones fit nobody, and the trainer is still the trainer."""
    job = create(engine, settings={"hold_at": 5, "checkpoint_every": 2})
    engine.wait_step(job.id, 4)
    trainer = engine.trainer(job.id)
    engine.kill()
    for path in (engine.job_dir(job.id) / "state.json", engine.job_dir(job.id) / "job.json"):
        document = json.loads(path.read_text())
        for place in (document, *document.get("launches", [])):
            if "start" in place:
                place["start"] -= 3600
        path.write_text(json.dumps(document))
    engine.start()
    with engine.http() as http:
        assert http.post(f"/v1/fine_tuning/jobs/{job.id}/pause").json()["status"] in ("pausing", "paused")
    engine.wait(job.id, "paused")
    assert not trainer.is_running() or trainer.status() == "zombie"
    assert len(engine.record(job.id)["launches"]) == 1
    assert "unexpectedly" not in engine.events_text(job.id)


def test_a_pause_that_was_asked_for_survives_the_engine(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    os.kill(engine.trainer(job.id).pid, signal.SIGSTOP)  # so that the engine dies before the trainer stops
    with engine.http() as http:
        assert http.post(f"/v1/fine_tuning/jobs/{job.id}/pause").json()["status"] == "pausing"
    engine.kill()
    os.kill(engine.trainer(job.id).pid, signal.SIGCONT)
    engine.start()
    engine.wait(job.id, "paused")


def test_an_acknowledged_job_survives_an_engine_killed_at_once(engine: EngineProcess) -> None:
    file_id = upload(engine)
    jobs = [create(engine, training_file=file_id, settings={"steps": 3}).id for _ in range(3)]
    engine.kill()
    engine.start()
    for job in jobs:
        engine.wait(job, "succeeded")
    listed = [job.id for job in engine.sdk().fine_tuning.jobs.list()]
    assert listed == list(reversed(jobs))
    assert engine.sdk().files.retrieve(file_id).id == file_id


def test_torn_last_lines_are_dropped(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    engine.kill()
    for name in ("events.jsonl", "progress.jsonl"):
        with (engine.job_dir(job.id) / name).open("a") as file:
            file.write('{"t": 1, "kind": "lo')
    (engine.job_dir(job.id) / "go").touch()
    engine.start()
    engine.wait(job.id, "succeeded")
    found = [json.loads(line) for line in engine.events_text(job.id).splitlines()]
    assert len({event["id"] for event in found}) == len(found)
    assert engine.steps(job.id)[:4] == [1, 2, 3, 4]


def test_a_stop_leaves_trainers_running(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    socket = engine.socket
    assert engine.stop() == 0
    assert engine.trainer(job.id).is_running()
    assert not socket.exists()
    assert engine.lock() == {}
    engine.start()
    (engine.job_dir(job.id) / "go").touch()
    engine.wait(job.id, "succeeded")


@pytest.mark.parametrize(("jobs", "status"), [("keep", "running"), ("pause", "paused"), ("cancel", "cancelled")])
def test_shutdown_does_with_jobs_as_it_is_told(engine: EngineProcess, jobs: str, status: str) -> None:
    job = create(engine, settings={"hold_at": 5})
    engine.wait_step(job.id, 4)
    with engine.http() as http:
        assert http.post("/ftwb/v1/shutdown", json={"jobs": jobs}).json() == {}
    assert engine.process.wait(30) == 0
    assert engine.status(job.id) == status
    assert engine.lock() == {}


def test_an_idle_engine_exits() -> None:
    engine = EngineProcess()
    try:
        engine.start("--idle-s", "0.5")
        job = create(engine, settings={"hold_at": 5})
        engine.wait_step(job.id, 4)
        (engine.job_dir(job.id) / "go").touch()
        assert engine.process.wait(30) == 0
        assert engine.status(job.id) == "succeeded", "it waited for the job"
        assert "nothing to do" in engine.log()
    finally:
        engine.remove()


def test_a_second_engine_says_who_is_there(engine: EngineProcess) -> None:
    first = engine.process
    second = engine.spawn()
    out = second.communicate(timeout=30)[0].decode()
    engine.process = first
    assert second.returncode == 1
    assert out == f"ftwb engine: the engine: already runs here (pid {first.pid}); it answers at {engine.socket}\n"
    assert engine.answers()


def test_two_engines_that_start_at_once_become_one() -> None:
    engine = EngineProcess()
    try:
        started = [engine.spawn() for _ in range(4)]
        until(lambda: sum(process.poll() is not None for process in started) == 3, "three to give way")
        (engine.process,) = (process for process in started if process.poll() is None)
        until(engine.answers)
        for process in started:
            if process is not engine.process:
                assert process.wait() == 1
                process.stdout.close()
    finally:
        engine.remove()


@pytest.mark.parametrize("age_s", [0.0, 7200.0])
def test_another_hosts_engine_is_never_taken_over_unasked(engine: EngineProcess, age_s: float) -> None:
    engine.stop()
    lock = {
        "host": "elsewhere", "boot_id": "b", "pid": 1, "start": 1.0, "heartbeat": time.time() - age_s,
        "socket": "/x", "version": "0", "protocol": 1,
    }  # fmt: skip
    (engine.folder / "lock").write_text(json.dumps(lock))
    refused = engine.spawn()
    assert refused.wait(30) == 1
    assert "elsewhere" in refused.stdout.read().decode()
    assert engine.lock()["host"] == "elsewhere"
    if age_s:
        engine.start("--take-over")
        assert engine.lock()["host"] == os.uname().nodename
    else:
        assert engine.spawn("--take-over").wait(30) == 1


def test_a_socket_that_vanished_is_bound_again(engine: EngineProcess) -> None:
    path = engine.socket
    path.unlink()
    until(path.exists, "the socket")
    until(engine.answers)


def test_an_engine_whose_lock_was_taken_stops_serving(engine: EngineProcess) -> None:
    """Two engines on one workspace must never both write."""
    lock = engine.lock()
    (engine.folder / "lock").write_text(json.dumps(lock | {"pid": 1, "start": 1.0, "host": "elsewhere"}))
    assert engine.process.wait(30) == 0
    assert engine.lock()["host"] == "elsewhere", "the other's lock is left alone"


def test_a_runtime_folder_that_is_open_to_others_is_refused() -> None:
    engine = EngineProcess()
    try:
        (engine.runtime / "ftwb").mkdir(mode=0o755)
        (engine.runtime / "ftwb").chmod(0o755)
        refused = engine.spawn()
        assert refused.wait(30) == 1
        assert "is open to other users; chmod 700" in refused.stdout.read().decode()
    finally:
        engine.remove()


def test_a_socket_path_that_is_too_long_is_said() -> None:
    engine = EngineProcess()
    try:
        long = engine.base / ("x" * 90)
        long.mkdir()
        engine.environ["XDG_RUNTIME_DIR"] = str(long)
        refused = engine.spawn()
        assert refused.wait(30) == 1
        said = refused.stdout.read().decode()
        assert "is too long for a socket" in said and "107 fit" in said
    finally:
        engine.remove()


def test_a_read_only_workspace_is_said_in_a_sentence() -> None:
    engine = EngineProcess()
    try:
        (engine.home / "engine").write_text("a file where the folder should be")
        refused = engine.spawn()
        assert refused.wait(30) == 1
        said = refused.stdout.read().decode()
        assert said.startswith("ftwb engine: ") and "Traceback" not in said
    finally:
        engine.remove()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_at_random() -> None:
    """Engine or trainer, at any moment: the job ends well, every step is told once, with the same numbers."""
    dice = random.Random(20261122)
    engine = EngineProcess()
    try:
        engine.start()
        for _ in range(4):
            job = create(engine, settings={"steps": 40, "step_s": 0.03, "checkpoint_every": 1})
            for _ in range(8):
                until(_after(dice.uniform(0.0, 0.4)))
                if engine.over(job.id):
                    break
                if dice.random() < 0.5:
                    engine.kill()
                    engine.start()
                else:
                    path = engine.job_dir(job.id) / "state.json"
                    if path.exists():
                        try:
                            psutil.Process(json.loads(path.read_text())["pid"]).kill()
                        except psutil.NoSuchProcess:
                            continue
            engine.wait(job.id, "succeeded", "failed", deadline_s=120)
            assert engine.status(job.id) == "succeeded", engine.record(job.id)["error"]
            assert comparable(engine, job.id) == [(step, 1 / step) for step in range(1, 41)]
            with engine.http() as http:
                events = http.get(f"/v1/fine_tuning/jobs/{job.id}/events?limit=1000").json()
            check("ListFineTuningJobEventsResponse", events)
            told = [event["message"] for event in events["data"]]
            assert told.count("The job has successfully completed") == 1
            assert told.count(f"Created fine-tuning job: {job.id}") == 1
    finally:
        engine.remove()


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_a_client_that_asks_a_dead_engine_gets_a_connection_error(engine: EngineProcess) -> None:
    sdk = engine.sdk()
    engine.kill()
    with pytest.raises(openai.APIConnectionError):
        sdk.models.list()
    with pytest.raises(httpx2.HTTPError), engine.http() as http:
        http.get("/ftwb/v1/status")
