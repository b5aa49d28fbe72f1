"""The quickstart started again, after the world went on without it."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import MODEL, records
from tests.workflow.test_loop import finishing  # noqa: F401 - a fixture
from workbench.errors import WorkbenchError
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.judge import judge
from workbench.workflow.measure import measure
from workbench.workflow.project import Project, open_project, update_project
from workbench.workflow.quickstart import QuickstartState, walk
from workbench.workflow.quoting import Quote

pytestmark = pytest.mark.usefixtures("finishing")


async def test_the_verdict_is_on_its_own_run(context: Context, project: Project) -> None:
    """Another run of the project meanwhile is another question."""
    first = await walk(context, project)
    other = await measure(context, project, [f"openai/{MODEL}"], limit=20)
    again = await walk(context, project)
    assert again.evaluation.run == again.decision.run == first.evaluation.run != other.run
    assert again.decision.verdict == first.decision.verdict


async def test_another_test_set_is_measured_anew(context: Context, project: Project) -> None:
    first = await walk(context, project)
    project.files["test"].write_text(records(5000, 90))
    again = await walk(context, project)
    assert again.evaluation.test_sha256 != first.evaluation.test_sha256
    assert again.evaluation.candidates[0].n == 90
    assert again.job.id == first.job.id


async def test_other_training_data_is_trained_on_anew(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    first = await walk(context, project)
    project.files["train"].write_text(records(0, 50))
    again = await walk(context, project)
    assert again.job.id != first.job.id and len(provider.jobs) == 2
    assert again.evaluation.candidate(f"openai/{again.job.fine_tuned_model}") is not None


async def test_a_job_that_the_provider_has_lost_is_trained_anew(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """The engine's folder was cleared away: the measured verdict stands, an unmeasured job does not."""
    first = await walk(context, project)
    provider._work.jobs.clear()
    assert (await walk(context, project)).job.id == first.job.id
    context.store.update(
        f"projects/{project.slug}/quickstart.toml",
        QuickstartState,
        lambda state: state.model_copy(update={"final_run": None}),
    )
    assert (await walk(context, project)).job.id != first.job.id


async def test_a_training_that_costs_money_is_agreed_to(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    def no(quote: Quote) -> None:
        assert quote.needs_yes
        raise WorkbenchError("training", "needs a yes", "add --yes", code="needs_yes", exit_code=2)

    with pytest.raises(WorkbenchError, match="needs a yes"):
        await walk(context, project, agree=no)
    assert provider.jobs == []


async def test_a_project_without_a_training_side_is_said(context: Context, project: Project) -> None:
    bare = update_project(context, project, task={"test": str(project.files["test"])})
    with pytest.raises(WorkbenchError, match="has no train set"):
        await walk(context, bare)


async def test_the_command_that_is_missing_names_the_model(context: Context, project: Project) -> None:
    """After a training that was not measured, the verdict's way out can be pasted."""
    result = await walk(context, project)
    await measure(context, project, [f"openai/{MODEL}"])
    decision = judge(context, project)
    assert any(f"openai/{result.job.fine_tuned_model}" in gap.command for gap in decision.missing)


async def test_a_verdict_survives_a_profile_that_was_removed(context: Context, project: Project) -> None:
    await walk(context, project)
    job = next(iter(recorded_jobs(context).values())).job
    (folder,) = (context.home / "jobs").glob("*/*")
    (folder / "job.json").write_text(job.model_copy(update={"profile": "gone"}).model_dump_json())
    assert judge(context, open_project(context, project.slug)).verdict
