"""General ability before and after tuning."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.workflow.conftest import MODEL
from workbench.dataset.rules import Severity
from workbench.errors import WorkbenchError
from workbench.evaluate.task import load_items
from workbench.providers.request import JobRequest
from workbench.resources import samples_dir
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.context import Context
from workbench.workflow.judge import judge
from workbench.workflow.measure import measure
from workbench.workflow.prepare import check_dataset
from workbench.workflow.project import Project
from workbench.workflow.regress import measure_regression, regression_candidates, regression_task
from workbench.workflow.runs import list_runs, openings
from workbench.workflow.train import create_job, show_job

ITEMS = samples_dir() / "regression" / "items.jsonl"
ANSWERS = {item.question: item.reference for item in load_items(ITEMS)}


async def tuned(context: Context, provider: FakeProvider, project: Project) -> str:
    request = JobRequest(profile="openai", model=MODEL, training_file=project.files["train"])
    job = await create_job(context, request, project=project.slug)
    provider.finish(job.id)
    return f"openai/{(await show_job(context, job.id)).fine_tuned_model}"


def test_the_bundled_questions_are_clean_and_balanced() -> None:
    """64 of them, a quarter of each kind, each with words to look for, none twice."""
    assert check_dataset(ITEMS).findings == [] or all(
        finding.severity is not Severity.ERROR for finding in check_dataset(ITEMS).findings
    )
    kinds = Counter(json.loads(line)["metadata"]["kind"] for line in ITEMS.read_text().splitlines())
    assert kinds == {"facts": 16, "arithmetic": 16, "instructions": 16, "language": 16}
    assert len(ANSWERS) == 64
    items = load_items(ITEMS)
    assert all(item.group is None for item in items), "independent of each other"


async def test_a_tuned_model_brings_its_base_and_techniques_are_left_out(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    model = await tuned(context, provider, project)
    named = regression_candidates(context, [f"{model}+few-shot:2", "trivial/majority", f"openai/{MODEL}+rag:3", model])
    assert named == [f"openai/{MODEL}", model]
    with pytest.raises(WorkbenchError, match="none of the candidates was made by a job") as caught:
        regression_candidates(context, [f"openai/{MODEL}"])
    assert caught.value.code == "no_tuned"


async def test_a_loss_is_measured_as_a_run_of_its_own_and_said_in_the_verdict(
    context: Context, provider: FakeProvider, project: Project
) -> None:
    """It decides nothing, it is no opening of the test set, and nobody is judged by it."""
    model = await tuned(context, provider, project)
    own = provider.replies
    assert callable(own)

    def reply(body) -> str:
        asked = body["messages"][-1]["content"]
        if asked not in ANSWERS:
            return own(body)
        assert len(body["messages"]) == 1, "without the project's system prompt and examples"
        return "red" if body["model"].startswith("ft:") else f"It is {ANSWERS[asked]}."

    provider.replies = reply
    run = await measure(context, project, [f"openai/{MODEL}", model], limit=60)
    general = await measure_regression(context, project, run)
    assert (general.side, general.scorer, general.items, general.opened) == ("regression", "contains", 64, None)
    assert {row.candidate: row.score for row in general.candidates} == {f"openai/{MODEL}": 1.0, model: 0.0}
    assert list_runs(context, project, "test")[0].regression == general.run
    assert openings(context, run.test_sha256) == 1 and openings(context, general.test_sha256) == 0
    decision = judge(context, project)
    said = {reason.code: reason.text for reason in decision.reasons}
    assert decision.verdict == "fine-tune" and decision.run == run.run
    assert f"General ability, {model} against openai/{MODEL}: -1.000" in said["regression_worse"]
    with pytest.raises(WorkbenchError, match="is about general ability"):
        judge(context, project, run_id=general.run)


def test_the_task_is_the_one_that_its_readme_tells() -> None:
    task = regression_task()
    readme = " ".join((ITEMS.parent / "README.md").read_text().split())
    assert f"Scorer: `{task.scorer}`" in readme
    assert f"{task.max_tokens} tokens at most, temperature {task.temperature:g}" in readme
