"""General ability before and after: the same plain questions to a tuned model and to the base it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import RunResult
from workbench.evaluate.runner import Progress
from workbench.evaluate.task import TaskSpec
from workbench.resources import samples_dir
from workbench.workflow.context import Context
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.measure import RunQuote, measure, quote_run
from workbench.workflow.project import Project
from workbench.workflow.reproduce import job_of
from workbench.workflow.runs import run_folder


def regression_task(seed: int = 0, questions: str | None = None) -> TaskSpec:
    """The bundled questions (see the README beside them), or a file of the person's own, scored in the same way."""
    if questions is not None:
        return TaskSpec(test=str(Path(questions).absolute()), scorer="contains", seed=seed)
    test = samples_dir() / "regression" / "items.jsonl"
    return TaskSpec(test=str(test), scorer="contains", max_tokens=48, seed=seed)


def regression_candidates(context: Context, candidates: Sequence[str]) -> list[str]:
    """The models of the candidates without their techniques, bases first; a tuned one brings its base along.

    Raises where there is nothing to compare: no tuned model that a recorded job made.
    """
    jobs = recorded_jobs(context)
    bases: list[str] = []
    tuned: list[str] = []
    for candidate in map(parse_candidate, candidates):
        if candidate.is_trivial:
            continue
        made = job_of(context, candidate, jobs)
        (bases if made is None else tuned).append(replace(candidate, techniques=()).text)
        if made is not None:
            bases.append(f"{made.job.profile}/{made.job.model}")
    if not tuned:
        why = "compares a tuned model with its base, and none of the candidates was made by a job of this workspace"
        raise WorkbenchError("--regression", why, "name the tuned model too", code="no_tuned", exit_code=2)
    return list(dict.fromkeys([*bases, *tuned]))


async def quote_regression(
    context: Context, project: Project, candidates: Sequence[str], questions: str | None = None
) -> RunQuote:
    """What `measure_regression` can cost."""
    wanted = regression_candidates(context, candidates)
    return await quote_run(context, project, wanted, task=regression_task(questions=questions), side="regression")


async def measure_regression(
    context: Context,
    project: Project,
    of: RunResult,
    *,
    questions: str | None = None,
    max_cost: float | None = None,
    run_id: str | None = None,
    day: date | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> RunResult:
    """Measure the models of a run on the questions, as a run of its own that the other one names.

    `run_id` and `day` as in `measure`.
    """
    wanted = regression_candidates(
        context, [row.candidate for row in of.candidates if row.candidate not in of.siblings]
    )
    task = regression_task(questions=questions).model_copy(update={"max_cost": max_cost})
    result = await measure(
        context,
        project,
        wanted,
        task=task,
        run_id=run_id,
        side="regression",
        day=day,
        progress=progress,
        fetching=fetching,
    )
    document = str((run_folder(context, project, of.run) / "run.toml").relative_to(context.home))
    context.store.update(document, RunResult, lambda run: run.model_copy(update={"regression": result.run}))
    return result
