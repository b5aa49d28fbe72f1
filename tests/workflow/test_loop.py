"""The loop through the workflow's functions, at a provider over HTTP: measured, trained, measured again, judged."""

from __future__ import annotations

import asyncio

import pytest

from tests.workflow.conftest import MODEL
from workbench.errors import WorkbenchError
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.follow import caught_up, follow
from workbench.workflow.guide import next_step
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.judge import judge, kind_of
from workbench.workflow.measure import measure
from workbench.workflow.project import Project, open_project, update_project
from workbench.workflow.quickstart import Notice, walk
from workbench.workflow.quoting import quote_job
from workbench.workflow.runs import list_runs, run_items
from workbench.workflow.train import create_job, job_action, lineage, list_jobs, show_job


async def finish_jobs(provider: FakeProvider) -> None:
    """Let every job end as soon as it is there."""
    while True:
        for job in provider.jobs:
            if job["status"] not in ("succeeded", "failed", "cancelled"):
                provider.finish(job["id"])
        await asyncio.sleep(0.01)


@pytest.fixture
async def finishing(provider: FakeProvider):
    task = asyncio.create_task(finish_jobs(provider))
    yield
    task.cancel()


def request_of(project: Project) -> JobRequest:
    return JobRequest(profile="openai", model=MODEL, training_file=project.files["train"], suffix="colours", seed=1)


async def test_the_quickstart_ends_in_a_verdict_and_every_phase_is_told(
    context: Context, project: Project, finishing: None
) -> None:
    """A tuned model that is right where the base is not is recommended."""
    notices: list[Notice] = []
    result = await walk(context, project, notices.append)
    assert result.decision.verdict == "fine-tune"
    assert result.decision.stage == "after-training"
    assert result.job.status == "succeeded"
    tuned = result.evaluation.candidate(f"openai/{result.job.fine_tuned_model}")
    assert tuned is not None and tuned.score == 1.0
    assert set(result.seconds) == {"check", "model", "baselines", "train", "tuned", "verdict"}
    assert {notice.phase for notice in notices} == set(result.seconds)
    assert open_project(context).slug == "colours"
    assert next_step(context, open_project(context)).startswith("Read the verdict")


async def test_a_quickstart_that_is_started_again_does_nothing_twice(
    context: Context, provider: FakeProvider, project: Project, finishing: None
) -> None:
    first = await walk(context, project)
    calls = len([one for one in provider.requests if one.path.endswith("/chat/completions")])
    again = await walk(context, project)
    assert len(provider.jobs) == 1
    assert len([one for one in provider.requests if one.path.endswith("/chat/completions")]) == calls
    assert again.evaluation.run == first.evaluation.run
    assert again.decision.verdict == first.decision.verdict


async def test_a_quickstart_interrupted_in_training_finds_its_job_again(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """Ctrl-C during the longest phase costs nothing."""
    started = asyncio.Event()

    def notify(notice: Notice) -> None:
        if notice.phase == "train" and provider.jobs:
            started.set()

    task = asyncio.create_task(walk(context, project, notify))
    await asyncio.wait_for(started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    provider.finish()
    result = await walk(context, project)
    assert len(provider.jobs) == 1
    assert result.job.id == provider.jobs[0]["id"]


async def test_a_quickstart_on_data_with_errors_stops_before_it_spends(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    project.files["train"].write_text('{"messages": "none"}\n')
    with pytest.raises(WorkbenchError, match="dataset check"):
        await walk(context, project)
    assert provider.requests == []


async def test_a_failed_job_is_said_and_the_next_start_makes_a_new_one(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    async def fail_first() -> None:
        while not provider.jobs:  # noqa: ASYNC110 - the fake provider tells nobody
            await asyncio.sleep(0.01)
        provider.end_with("failed", error={"code": "x", "message": "no room", "param": None})

    failing = asyncio.create_task(fail_first())
    with pytest.raises(WorkbenchError, match="no room"):
        await walk(context, project)
    await failing
    finishing = asyncio.create_task(finish_jobs(provider))
    assert (await walk(context, project)).job.status == "succeeded"
    finishing.cancel()
    assert len(provider.jobs) == 2


async def test_a_job_is_recorded_with_its_data_and_outlives_the_provider(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job = await create_job(context, request_of(project), project=project.slug)
    recorded = recorded_jobs(context)[job.id].record
    kept = context.home / "data" / (recorded.train_sha256 or "")
    assert kept.read_bytes() == project.files["train"].read_bytes()
    assert recorded.project == "colours"
    provider.finish(job.id)
    view = await caught_up(context, job.id)
    assert view.ended and view.series["train_loss"]
    provider.fail("/jobs", status=500, times=99)
    provider.fail(f"/jobs/{job.id}", status=500, times=99)
    listed = await list_jobs(context)
    assert [one.id for one in listed.jobs] == [job.id]
    assert [name for name, _ in listed.unreachable] == ["openai"]
    assert (await show_job(context, job.id)).status == "succeeded"
    assert (await lineage(context, job.id))["record"]["train_sha256"] == recorded.train_sha256


async def test_following_tells_the_history_first_and_ends_with_the_job(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job = await create_job(context, request_of(project), project=project.slug)
    provider.finish(job.id)
    views = [view async for view in follow(context, job.id, interval_s=0.01)]
    assert views[-1].ended and views[-1].step == views[-1].total_steps
    ids = [event.id for event in views[-1].events]
    assert len(ids) == len(set(ids))
    replayed = [view async for view in follow(context, job.id, interval_s=0.01)]
    assert [event.id for event in replayed[-1].events] == ids


async def test_cancelling_reaches_the_provider(context: Context, provider: FakeProvider, project: Project) -> None:
    job = await create_job(context, request_of(project))
    assert (await job_action(context, job.id, "cancel")).status == "cancelled"
    assert recorded_jobs(context)[job.id].job.status == "cancelled"


async def test_an_unknown_job_is_refused(context: Context, project: Project) -> None:
    with pytest.raises(WorkbenchError, match="not known"):
        await show_job(context, "ftjob-nobody")


async def test_a_hosted_quote_needs_a_yes_and_names_its_source(context: Context, project: Project) -> None:
    quote = await quote_job(context, request_of(project))
    assert quote.needs_yes
    assert quote.cost.value is not None and quote.cost.origin == "estimated" and quote.cost.as_of
    twice = await quote_job(context, request_of(project).model_copy(update={"settings": {"n_epochs": 2}}))
    once = await quote_job(context, request_of(project).model_copy(update={"settings": {"n_epochs": 1}}))
    assert twice.cost.value == pytest.approx(2 * (once.cost.value or 0))
    assert any("2027" in warning for warning in quote.warnings)


async def test_a_run_is_kept_item_by_item_with_its_test_set(context: Context, project: Project) -> None:
    result = await measure(context, project, [f"openai/{MODEL}"], limit=20)
    assert [run.run for run in list_runs(context, project)] == [result.run]
    rows = [row for row in run_items(context, project, result.run) if row.candidate == f"openai/{MODEL}"]
    assert len(rows) == 20 and all(row.output == "red" for row in rows)
    assert all(row.cost for row in rows), "a hosted call with a known price has a cost"
    assert (context.home / "data" / result.test_sha256).is_file()


async def test_the_goal_met_by_an_untuned_candidate_ends_in_dont(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    task = project.document.task.model_dump() | {"goal": 0.3}
    project = update_project(context, project, task=task)
    await measure(context, project, [f"openai/{MODEL}"])
    decision = judge(context, project)
    assert (decision.stage, decision.verdict) == ("before-training", "do-not-fine-tune")
    assert open_project(context, "colours").document.verdicts[-1].verdict == "do-not-fine-tune"
    judge(context, project)
    assert len(open_project(context, "colours").document.verdicts) == 1


async def test_a_project_without_a_test_set_cannot_be_measured(context: Context, project: Project) -> None:
    bare = update_project(context, project, task={"scorer": "exact"})
    with pytest.raises(WorkbenchError, match="no test set"):
        await measure(context, bare, [f"openai/{MODEL}"])


@pytest.mark.parametrize(
    ("candidate", "kind"),
    [
        ("trivial/majority", "trivial"),
        ("local/starter+few-shot:5", "untuned"),
        ("local/ft:starter:local:x:0a1b2c3d", "tuned"),
        ("azure/gpt-4.1-mini-2025-04-14.ft-0123456789abcdef", "tuned"),
    ],
)
def test_candidates_are_told_apart(candidate: str, kind: str) -> None:
    assert kind_of(candidate, {}) == kind


def test_the_guide_names_the_next_step(context: Context, project: Project) -> None:
    assert "measure" in next_step(context, project)
