"""An attached run is a job like others: listed, followed, kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.providers.jobs import Job
from workbench.workflow.attach import attach, detach
from workbench.workflow.context import Context
from workbench.workflow.follow import caught_up, follow
from workbench.workflow.job_records import job_folder, keep_job, recorded_jobs
from workbench.workflow.train import job_action, list_jobs, show_job


@pytest.fixture
def bare(tmp_path) -> Context:
    """A workspace that nobody configured."""
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={})


def report(path: Path, **values: float) -> None:
    """A trainer prints a line."""
    with path.open("a") as file:
        file.write(json.dumps(values) + "\n")


async def test_a_run_is_followed_while_it_is_written(bare, tmp_path) -> None:
    """Each report arrives once; the end is seen; a second look shows the history without the files."""
    path = tmp_path / "train.log"
    report(path, step=1, loss=2.0, total_steps=4)
    job = (await attach(bare, path)).job
    assert (job.profile, job.status) == ("attached", "running")
    seen = []
    async with asyncio.timeout(20):
        async for view in follow(bare, job.id, interval_s=0.01):
            step = view.step or 0
            seen.append(step)
            if step < 4:
                report(path, step=step + 1, loss=2.0 - step / 4, total_steps=4)
            elif not view.ended:
                report(path, train_runtime=5.0)
    assert view.job.status == "succeeded"
    assert view.series["train_loss"] == [(1, 2.0), (2, 1.75), (3, 1.5), (4, 1.25)]
    assert sorted(seen) == seen
    path.unlink()
    again = await caught_up(bare, job.id)
    assert again.series["train_loss"] == view.series["train_loss"]
    assert "cannot be read" in again.trouble


async def test_it_is_listed_and_the_same_path_is_the_same_run(bare, tmp_path) -> None:
    """Beside the jobs, under the profile `attached`; attaching again doubles nothing."""
    path = tmp_path / "train.log"
    report(path, step=1, loss=2.0)
    first = await attach(bare, path)
    second = await attach(bare, tmp_path / "." / "train.log")
    assert first.job.id == second.job.id
    assert len(second.events) == 1
    assert [job.id for job in (await list_jobs(bare)).jobs] == [first.job.id]
    assert (await show_job(bare, first.job.id)).metadata["path"] == str(path.resolve())


async def test_it_is_not_ours_to_cancel(bare, tmp_path) -> None:
    """One sentence instead of a call to a provider that does not exist."""
    path = tmp_path / "train.log"
    report(path, step=1, loss=2.0)
    job = (await attach(bare, path)).job
    with pytest.raises(WorkbenchError, match="was not started by ftwb"):
        await job_action(bare, job.id, "cancel")


async def test_a_run_is_forgotten_and_its_files_stay(bare, tmp_path) -> None:
    """Our record only, all of it; whoever follows it elsewhere stops, and does not bring it back."""
    path = tmp_path / "train.log"
    report(path, step=1, loss=2.0)
    before = path.read_bytes()
    job = (await attach(bare, path)).job
    following = follow(bare, job.id, interval_s=0.01)
    await anext(following)
    assert detach(bare, job.id).metadata["path"] == str(path)
    report(path, step=2, loss=1.0)
    async with asyncio.timeout(20):
        async for _ in following:
            pass
    assert (await list_jobs(bare)).jobs == ()
    assert not [found for found in (bare.home / "jobs").rglob("*") if found.is_file() and found.suffix]
    assert path.read_bytes().startswith(before)
    with pytest.raises(WorkbenchError, match="is not attached"):
        detach(bare, job.id)
    again = await attach(bare, path)
    assert again.series["train_loss"] == [(1, 2.0), (2, 1.0)]


def test_a_job_is_not_forgotten(bare) -> None:
    """Its provider has it: it would come back with the next list."""
    keep_job(bare, Job(id="ftjob-1", profile="openai", model="m", status="succeeded"))
    with pytest.raises(WorkbenchError, match="is a job, not an attached run"):
        detach(bare, "ftjob-1")
    assert list(recorded_jobs(bare)) == ["ftjob-1"]


def test_a_removal_that_was_killed_is_finished_by_the_next(bare, tmp_path) -> None:
    """Half of one is in no list."""
    for name in ("first", "second"):
        report(tmp_path / f"{name}.log", step=1, loss=2.0)
    first, second = (asyncio.run(attach(bare, tmp_path / f"{name}.log")).job.id for name in ("first", "second"))
    folder = job_folder(bare, "attached", first)
    folder.rename(bare.home / "jobs" / ".removed-killed")
    assert list(recorded_jobs(bare)) == [second]
    detach(bare, second)
    assert [path.name for path in (bare.home / "jobs").iterdir()] == ["attached"]


async def test_a_log_without_numbers_is_refused(bare, tmp_path) -> None:
    """And leaves nothing in the list."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    with pytest.raises(WorkbenchError, match="has no line with numbers"):
        await attach(bare, path)
    assert (await list_jobs(bare)).jobs == ()


def test_the_command_attaches_and_shows_events(tmp_path, capsys) -> None:
    """`job attach` prints the job; `job events` its reports."""
    path = tmp_path / "results.csv"
    path.write_text("step,train_loss\n1,2.0\n2,1.0\n")
    where = ["--workspace", str(tmp_path / "home"), "--json"]
    assert main(["job", "attach", str(path), *where]) == 0
    job = json.loads(capsys.readouterr().out)
    assert (job["profile"], job["status"]) == ("attached", "succeeded")
    assert main(["job", "events", job["id"], *where]) == 0
    events = json.loads(capsys.readouterr().out)["events"]
    assert [event["data"]["train_loss"] for event in events] == [2.0, 1.0]
    assert main(["job", "detach", job["id"], *where]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": job["id"], "path": str(path), "detached": True}
    assert path.exists()
    assert main(["job", "detach", job["id"], *where]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_attached"
    assert main(["job", "attach", str(tmp_path / "nowhere"), *where]) == 1
    assert "cannot be read" in json.loads(capsys.readouterr().out)["error"]["message"]
