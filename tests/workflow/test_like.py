"""A job like an earlier one begins with everything of it, and says what of it is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.conftest import MODEL, records
from workbench.errors import WorkbenchError
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.like import Pattern, pattern_of
from workbench.workflow.project import Project
from workbench.workflow.train import create_job

SETTINGS = {"n_epochs": 2, "batch_size": "auto"}


async def made(context: Context, project: Project, **changes: object) -> str:
    request = JobRequest(
        profile="openai", model=MODEL, training_file=project.files["train"],
        validation_file=project.files["validation"], suffix="colours", seed=7, settings=SETTINGS,
    )  # fmt: skip
    return (await create_job(context, request.model_copy(update=changes))).id


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled", "succeeded"])
async def test_a_job_of_any_state_is_a_pattern(
    context: Context, provider: FakeProvider, project: Project, state: str
) -> None:
    """What was asked for, not what the provider has filled in since."""
    job_id = await made(context, project)
    provider.finish() if state == "succeeded" else provider.end_with(state)
    provider.jobs[-1]["hyperparameters"]["batch_size"] = 16
    request = (await pattern_of(context, job_id)).request()
    assert (request.profile, request.model, request.method) == ("openai", MODEL, "sft")
    assert (request.suffix, request.seed, request.settings) == ("colours", 7, SETTINGS)
    assert request.training_file == project.files["train"]
    assert request.validation_file == project.files["validation"]


async def test_a_file_that_was_changed_since_is_taken_from_what_was_kept(context: Context, project: Project) -> None:
    job_id = await made(context, project)
    before = project.files["train"].read_bytes()
    project.files["train"].write_text(records(500, 3))
    request = (await pattern_of(context, job_id)).request()
    assert request.training_file.parent == context.home / "data"
    assert request.training_file.read_bytes() == before


async def test_changes_are_laid_over_it(context: Context, project: Project) -> None:
    """A setting replaces one, `unset` takes one away; what is not named stays."""
    pattern = await pattern_of(context, await made(context, project))
    request = pattern.request(model="other", settings={"n_epochs": 5}, unset=["batch_size"], seed=8, method=None)
    assert (request.model, request.method, request.seed) == ("other", "sft", 8)
    assert request.settings == {"n_epochs": 5}
    assert pattern.settings == SETTINGS, "the pattern itself stays"


async def test_another_training_file_brings_no_validation_side_of_the_job(
    context: Context, project: Project, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(records(900, 12))
    pattern = await pattern_of(context, await made(context, project))
    assert pattern.request(training_file=other).validation_file is None
    assert pattern.request(training_file=other, validation_file=other).validation_file == other


async def test_a_job_of_somebody_else_has_no_data_here(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """It is on the provider's list alone; with a file of one's own it is a pattern like any other."""
    provider._files.add("theirs.jsonl", b"{}", "fine-tune")
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}
    theirs = provider._work.create({"model": MODEL, "training_file": "file-x", "method": method, "seed": 3})
    pattern = await pattern_of(context, theirs["id"])
    assert (pattern.method, pattern.settings, pattern.seed) == ("dpo", {"beta": 0.2}, 3)
    with pytest.raises(WorkbenchError, match="is not kept in this workspace; give it with --train"):
        pattern.request()
    assert pattern.request(training_file=project.files["train"]).method == "dpo"


def test_a_setting_that_is_not_there_cannot_be_left_out() -> None:
    with pytest.raises(WorkbenchError, match="'beta': is not among the job's settings; it has n_epochs"):
        Pattern("openai", MODEL, settings={"n_epochs": 2}, training_file=Path("x")).request(unset=["beta"])


async def test_a_job_that_nobody_knows_is_said(context: Context) -> None:
    with pytest.raises(WorkbenchError, match="is not known to any profile"):
        await pattern_of(context, "ftjob-nobody")
