"""Our copy of a job: whole, true to its bytes, and never taken for what it is not."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL
from workbench.errors import WorkbenchError
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow import prepare
from workbench.workflow.context import Context
from workbench.workflow.follow import caught_up, follow
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.project import Project
from workbench.workflow.quoting import quote_job
from workbench.workflow.train import create_job, job_action, show_job


def request_of(project: Project) -> JobRequest:
    return JobRequest(profile="openai", model=MODEL, training_file=project.files["train"], suffix="colours", seed=1)


@pytest.mark.parametrize("look", ["show", "cancel"])
async def test_a_job_found_ended_has_its_whole_history(
    context: Context, provider: FakeProvider, project: Project, look: str
) -> None:
    """Detached in the middle, shown or cancelled later: the events in between are not lost to `follow`."""
    job = await create_job(context, request_of(project))
    provider.advance(job.id, times=3)
    await caught_up(context, job.id)
    if look == "show":
        provider.finish(job.id)
        assert (await show_job(context, job.id)).status == "succeeded"
    else:
        provider.advance(job.id)
        await job_action(context, job.id, "cancel")
    views = [view async for view in follow(context, job.id, interval_s=0.01)]
    told = [event.message for event in views[-1].events]
    assert told == [event["message"] for event in provider._work.events[job.id]]


async def test_an_ended_job_whose_events_cannot_be_read_now_is_not_kept_as_whole(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job = await create_job(context, request_of(project))
    provider.advance(job.id, times=3)
    await caught_up(context, job.id)
    provider.finish(job.id)
    provider.fail("/events", status=400, times=1)
    assert (await show_job(context, job.id)).status == "succeeded"
    views = [view async for view in follow(context, job.id, interval_s=0.01)]
    assert views[-1].series["train_loss"]


async def test_a_job_that_cannot_be_recorded_is_named(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """Whoever thinks that it was not created pays twice."""
    context.home.joinpath("jobs").write_text("no folder")
    with pytest.raises(WorkbenchError, match="was created and runs") as caught:
        await create_job(context, request_of(project))
    assert provider.jobs[0]["id"] in caught.value.what


async def test_what_a_profile_does_not_take_is_refused_before_the_price(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    with pytest.raises(WorkbenchError, match="has no method 'orpo'"):
        await quote_job(context, request_of(project).model_copy(update={"method": "orpo"}))


async def test_a_relative_file_is_recorded_by_its_whole_path(
    context: Context, provider: FakeProvider, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.files["train"].parent)
    job = await create_job(context, request_of(project).model_copy(update={"training_file": Path("train.jsonl")}))
    assert recorded_jobs(context)[job.id].record.train_path == str(project.files["train"])


def test_kept_bytes_have_the_name_of_what_was_kept(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody writes the file between the look and the copy."""
    file = tmp_path / "train.jsonl"
    file.write_text("first\n")
    copy = prepare._copied

    def written_meanwhile(source: io.BufferedReader, folder: Path) -> str:
        with file.open("a") as more:
            more.write("second\n")
        return copy(source, folder)

    monkeypatch.setattr(prepare, "_copied", written_meanwhile)
    sha256 = keep_bytes(context, file)
    kept = (context.home / "data" / sha256).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == sha256 and kept == b"first\nsecond\n"


def test_a_copy_that_fails_leaves_nothing(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("first\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepare.shutil, "copyfileobj", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        keep_bytes(context, file)
    assert list((context.home / "data").iterdir()) == []
