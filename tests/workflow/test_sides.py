"""Choosing on the validation side, and how often the test set was opened."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import MODEL, asked_number, colour_of
from workbench.errors import WorkbenchError
from workbench.evaluate.task import content_hash
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.judge import judge
from workbench.workflow.measure import measure, quote_run
from workbench.workflow.project import Project, new_project, update_project
from workbench.workflow.runs import list_runs, openings, run_items
from workbench.workflow.train import checkpoint_candidates, create_job, show_job

BASE = f"openai/{MODEL}"


@pytest.fixture
def small(project: Project, context: Context) -> Project:
    """Too few training records for the label classifier, whose import takes seconds."""
    path = project.files["train"]
    path.write_text("".join(path.read_text().splitlines(True)[:8]))
    return update_project(context, project, candidates=[BASE])


async def test_a_run_on_the_validation_side_leaves_the_test_set_closed(context: Context, small: Project) -> None:
    result = await measure(context, small, [BASE, f"{BASE}+few-shot:2"], side="validation")
    validation, test = (content_hash(small.files[side]) for side in ("validation", "test"))
    assert (result.side, result.test_sha256, result.items, result.opened) == ("validation", validation, 10, None)
    asked = {row.messages[-1]["content"] for row in run_items(context, small, result.run)}
    assert all("Item 10" in question for question in asked), "the items of the validation side"
    assert (openings(context, test), openings(context, validation)) == (0, 0)
    assert list_runs(context, small, "test") == [] and len(list_runs(context, small)) == 1


async def test_nobody_is_judged_by_a_run_that_chose(context: Context, small: Project) -> None:
    """Also where it is the newest."""
    judged = await measure(context, small, [BASE], limit=3)
    chosen = await measure(context, small, [BASE], side="validation")
    assert judge(context, small).run == judged.run
    with pytest.raises(WorkbenchError, match="is on the validation side") as caught:
        judge(context, small, run_id=chosen.run)
    assert caught.value.code == "not_a_test_run"


async def test_the_best_of_the_validation_side_is_named_with_those_that_tie(
    context: Context, provider: FakeProvider, small: Project
) -> None:
    """Trivial candidates are no choice; ten items cannot tell two and three right answers apart."""
    provider.replies = lambda body: colour_of(asked_number(body)) if len(body["messages"]) > 1 else "red"
    result = await measure(context, small, [BASE, f"{BASE}+few-shot:2", f"{BASE}+few-shot:3"], side="validation")
    assert result.best is not None
    assert (result.best.candidate, result.best.score) == (f"{BASE}+few-shot:2", 1.0), "of equals the first"
    assert f"{BASE}+few-shot:3" in result.best.tied_with
    assert (await measure(context, small, [BASE], limit=2)).best is None


async def test_a_project_without_a_validation_side_says_so(context: Context, small: Project) -> None:
    bare = update_project(context, small, task=small.task.model_dump(exclude={"validation"}, exclude_none=True))
    with pytest.raises(WorkbenchError, match="no validation side") as caught:
        await measure(context, bare, [BASE], side="validation")
    assert caught.value.code == "no_validation_set"


async def test_every_opening_of_a_test_set_counts_once(
    context: Context, provider: FakeProvider, small: Project
) -> None:
    """Also one that did not end, one by another project, one with other candidates; not one that only went on."""
    test = content_hash(small.files["test"])
    assert (await measure(context, small, [BASE], limit=2, run_id="run-a")).opened == 1
    assert (await measure(context, small, [BASE], limit=4, run_id="run-a")).opened == 1
    provider.fail("/chat/completions", status=400, times=2, body={"error": {"message": "no", "type": "x"}})
    with pytest.raises(WorkbenchError, match="all 2 calls"):
        await measure(context, small, [f"{BASE}+few-shot:1"], limit=2)
    other = update_project(context, new_project(context, "other"), task=small.task.model_dump(exclude_none=True))
    assert (await measure(context, other, [BASE], limit=2)).opened == 3
    assert openings(context, test) == 3


async def test_checkpoints_of_a_job_are_candidates(context: Context, provider: FakeProvider, small: Project) -> None:
    """The first step first, the finished model last; the choice among them is made on the validation side."""
    request = JobRequest(profile="openai", model=MODEL, training_file=small.files["train"])
    job = await create_job(context, request, project=small.slug)
    with pytest.raises(WorkbenchError, match="no checkpoint yet"):
        await checkpoint_candidates(context, job.id)
    provider.finish(job.id)
    named = await checkpoint_candidates(context, job.id)
    assert [name.rpartition(":ckpt-step-")[2] for name in named[:3]] == ["1", "2", "3"]
    assert named[3] == f"openai/{(await show_job(context, job.id)).fine_tuned_model}"
    for name in named[:3]:
        provider.add_model(name.removeprefix("openai/"))
    provider.replies = lambda body: colour_of(asked_number(body)) if "step-2" in body["model"] else "red"
    result = await measure(context, small, named, side="validation")
    assert result.best is not None and result.best.candidate == named[1]
    assert (await quote_run(context, small, named, side="validation")).needs_yes is False
