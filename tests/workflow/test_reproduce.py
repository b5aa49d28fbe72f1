"""Training again from the kept bytes, and the variation between training seeds."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.workflow.conftest import MODEL, asked_number, colour_of
from workbench.errors import WorkbenchError
from workbench.providers.jobs import Job
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.judge import judge
from workbench.workflow.measure import measure
from workbench.workflow.project import Project
from workbench.workflow.reproduce import AGAIN, recorded, reproduce_job, request_again, train_seeds, tuned_candidates
from workbench.workflow.runs import list_runs
from workbench.workflow.train import create_job, show_job

HYPER = {"n_epochs": 2}


@pytest.fixture
async def finishing(provider: FakeProvider) -> AsyncIterator[None]:
    async def finish() -> None:
        while True:
            for job in provider.jobs:
                if job["status"] not in ("succeeded", "failed", "cancelled"):
                    provider.finish(job["id"])
            await asyncio.sleep(0.01)

    task = asyncio.create_task(finish())
    yield
    task.cancel()


@pytest.fixture
def tuned_by_seed(provider: FakeProvider) -> Iterator[None]:
    """The model of the first job is right everywhere, each later one is wrong on ten items more than the one before."""

    def reply(body: dict) -> str:
        number = asked_number(body)
        models = [job["fine_tuned_model"] for job in provider.jobs]
        if body["model"] not in models:
            return "red"
        wrong = number % 12 < models.index(body["model"])
        return "no idea" if wrong else colour_of(number)

    provider.replies = reply
    yield


async def trained(context: Context, provider: FakeProvider, project: Project) -> Job:
    request = JobRequest(
        profile="openai", model=MODEL, training_file=project.files["train"],
        validation_file=project.files["validation"], suffix="colours", seed=7, settings=HYPER,
    )  # fmt: skip
    job = await create_job(context, request, project=project.slug)
    provider.finish(job.id)
    return await show_job(context, job.id)


async def test_a_job_is_trained_again_from_the_bytes_it_was_trained_on(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """Also after its files have moved on; data, settings and seed are those of then."""
    before = {side: project.files[side].read_bytes() for side in ("train", "validation")}
    job = await trained(context, provider, project)
    project.files["train"].write_text("")
    project.files["validation"].unlink()
    again = await reproduce_job(context, job.id)
    sent = provider.jobs[-1]
    assert provider.uploads[sent["training_file"]] == before["train"]
    assert provider.uploads[sent["validation_file"]] == before["validation"]
    assert (sent["seed"], sent["model"], sent["user_provided_suffix"]) == (7, MODEL, "colours")
    assert sent["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    assert sent["metadata"][AGAIN] == job.id
    record, first = (recorded_jobs(context)[one].record for one in (again.id, job.id))
    assert (record.train_sha256, record.train_path) == (first.train_sha256, first.train_path)
    assert (record.again, record.project) == (job.id, "colours")
    assert (await reproduce_job(context, job.id, seed=11)).seed == 11


async def test_what_was_asked_for_is_asked_again_and_not_what_was_filled_in(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """A provider echoes defaults that it would refuse beside what was set; of an older record they are all there is."""
    job = await trained(context, provider, project)
    sent = provider.jobs[0]["method"]["supervised"]["hyperparameters"]
    sent |= {"batch_size": 8, "learning_rate_multiplier": "auto"}
    await show_job(context, job.id)
    made = recorded(context, job.id)
    assert made.job.settings["batch_size"] == 8
    assert request_again(context, made).settings == {"n_epochs": 2}
    older = dataclasses.replace(made, record=made.record.model_copy(update={"settings": None}))
    assert request_again(context, older).settings == {"n_epochs": 2, "batch_size": 8}


async def test_a_job_whose_bytes_are_gone_or_changed_is_not_trained_on_others(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job = await trained(context, provider, project)
    kept = context.home / "data" / str(recorded_jobs(context)[job.id].record.train_sha256)
    kept.write_text("something else")
    with pytest.raises(WorkbenchError, match="exact bytes of its training data are not kept") as caught:
        await reproduce_job(context, job.id)
    assert caught.value.code == "data_not_kept"
    with pytest.raises(WorkbenchError, match="is not recorded here"):
        await reproduce_job(context, "ftjob-nobody")
    assert len(provider.jobs) == 1


async def test_seeds_are_trained_once_and_the_same_ones_are_found_again(
    context: Context, provider: FakeProvider, project: Project, finishing: None
) -> None:
    job = await trained(context, provider, project)
    tuned = f"openai/{job.fine_tuned_model}"
    asked: list[int] = []
    family = await train_seeds(context, tuned, 3, agree=lambda _quote, count: asked.append(count))
    assert list(family.seeds.values()) == [7, 8, 9]
    assert next(iter(family.seeds)) == tuned
    assert asked == [2]
    assert [one["seed"] for one in provider.jobs] == [7, 8, 9]
    assert await train_seeds(context, tuned, 3, agree=lambda _quote, count: asked.append(count)) == family
    assert len(provider.jobs) == 3 and asked == [2]
    twin = [*family.seeds][1]
    other = await train_seeds(context, twin, 2)
    assert other.seeds == {twin: 8, tuned: 7}, "a sibling has the same family"


async def test_a_training_that_only_its_provider_knows_of_is_found_by_its_metadata(
    context: Context, provider: FakeProvider, project: Project, finishing: None
) -> None:
    """Killed between the call that creates and our record of it."""
    job = await trained(context, provider, project)
    lost = await reproduce_job(context, job.id, seed=8)
    folder = context.home / "jobs" / "openai" / lost.id
    for path in folder.iterdir():
        path.unlink()
    family = await train_seeds(context, f"openai/{job.fine_tuned_model}", 2)
    assert len(provider.jobs) == 2
    assert [*family.seeds.values()] == [7, 8]
    assert recorded_jobs(context)[lost.id].record.again == job.id


async def test_a_seed_that_failed_is_said_and_trained_anew_when_asked_again(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    job = await trained(context, provider, project)
    tuned = f"openai/{job.fine_tuned_model}"
    lost = await reproduce_job(context, job.id, seed=8)
    provider.end_with("failed", lost.id, {"code": "x", "message": "no room", "param": None})
    with pytest.raises(WorkbenchError, match="needs a yes"):
        await train_seeds(context, tuned, 2, agree=_refuse)
    assert len(provider.jobs) == 2


def _refuse(quote: object, count: int) -> None:
    raise WorkbenchError("train", "needs a yes", "add --yes")


async def test_an_unknown_model_cannot_be_trained_with_other_seeds(context: Context, provider: FakeProvider) -> None:
    with pytest.raises(WorkbenchError, match="no job that is recorded here made it"):
        await train_seeds(context, f"openai/{MODEL}", 3)


async def test_the_spread_between_seeds_is_recorded_and_nobody_is_fished(
    context: Context, provider: FakeProvider, project: Project, finishing: None, tuned_by_seed: None
) -> None:
    """The named candidate is judged although a sibling scored higher; the verdict says how far the seeds lie apart."""
    first = await trained(context, provider, project)
    root = f"openai/{first.fine_tuned_model}"
    family = await train_seeds(context, root, 3)
    named = [*family.seeds][1]
    judged = await train_seeds(context, named, 3)
    assert tuned_candidates(context, [named, f"openai/{MODEL}"]) == [named]
    project.files["train"].write_text("".join(project.files["train"].read_text().splitlines(True)[:8]))
    result = await measure(context, project, [f"openai/{MODEL}", named], siblings=[judged], limit=60)
    (spread,) = result.seeds
    assert spread.candidate == named and set(spread.siblings) == set(family.seeds) - {named}
    assert spread.scores == [result.candidate(text).score for text in judged.seeds]
    assert spread.high == 1.0 and spread.mean == pytest.approx(11 / 12) and spread.sd == pytest.approx(1 / 12)
    assert list_runs(context, project)[0].seeds == result.seeds, "it is recorded"
    decision = judge(context, project)
    kinds = {row.candidate: row.kind for row in decision.candidates}
    assert kinds[named] == "tuned" and all(kinds[text] == "seed" for text in spread.siblings)
    codes = {reason.code: reason.text for reason in decision.reasons}
    assert decision.verdict == "fine-tune" and named in codes["tuned_better"]
    assert "seeds_not_measured" not in codes
    assert "3 trainings: mean 0.917, standard deviation 0.083, 0.833 to 1.000; 3 of 3" in codes["seeds_measured"]


async def test_repetitions_named_by_hand_are_not_chosen_among(
    context: Context, provider: FakeProvider, project: Project, finishing: None, tuned_by_seed: None
) -> None:
    """Whoever lists three seeds as candidates gets the first one judged."""
    first = await trained(context, provider, project)
    family = await train_seeds(context, f"openai/{first.fine_tuned_model}", 2)
    worse, better = reversed([*family.seeds])
    await measure(context, project, [f"openai/{MODEL}", worse, better], limit=6)
    kinds = {row.candidate: row.kind for row in judge(context, project).candidates}
    assert (kinds[worse], kinds[better]) == ("tuned", "seed")
