"""Who is measured when a training has succeeded, and what that can cost, asked before there is a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.catalog.encodings import base_name
from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import RunResult
from workbench.providers.profiles import missing
from workbench.workflow.context import Context
from workbench.workflow.job_records import recorded_jobs
from workbench.workflow.measure import RunQuote, quote_run
from workbench.workflow.project import Project
from workbench.workflow.regress import regression_task
from workbench.workflow.runs import is_of, list_runs
from workbench.workflow.wish import Wish

CHECKPOINTS = 3
"""Reckoned with where they are measured: OpenAI keeps those of the last three epochs."""


@dataclass(frozen=True, slots=True)
class Others:
    """Whom a new model is measured beside."""

    candidates: tuple[str, ...]
    left_out: tuple[str, ...]
    """Of the newest run, but their profile is not there or not complete any more."""


def others(context: Context, project: Project, base: str, *, apart_from: str | None = None) -> Others:
    """The project's untuned candidates, the base, those of the newest run of this task, and the tuned model before it,
    where there is one.

    Answers that are there already are not asked for again, so that nobody of an earlier comparison is missed in the
    new one. `apart_from` is the job of the new model.
    """
    from workbench.workflow.reproduce import job_of

    jobs = recorded_jobs(context)
    before = _newest_run(context, project)
    measured = [row.candidate for row in before.candidates if row.candidate not in before.siblings] if before else []
    left_out = tuple(text for text in measured if not _is_trivial(text) and not _is_complete(context, text))
    everybody = dict.fromkeys([*project.document.candidates, base, *measured])
    found = [text for text in everybody if not _is_trivial(text) and text not in left_out]
    if not any(job_of(context, parse_candidate(text), jobs) for text in found):
        earlier = [
            one.job
            for one in jobs.values()
            if one.record.project == project.slug
            and one.record.again is None
            and one.job.status == "succeeded"
            and one.job.replay is None  # what a recording says decides nothing
            and one.job.fine_tuned_model
            and one.job.id != apart_from
            and answers_by_name(context, one.job.profile)
        ]
        newest = max(earlier, key=lambda job: job.created_at or 0, default=None)
        if newest is not None:
            found.append(f"{newest.profile}/{newest.fine_tuned_model}")
    return Others(tuple(found), left_out)


def _is_trivial(text: str) -> bool:
    return parse_candidate(text).is_trivial


def _is_complete(context: Context, text: str) -> bool:
    profile = context.profiles().get(parse_candidate(text).profile)
    return profile is not None and not missing(profile, context.environ)


def _newest_run(context: Context, project: Project) -> RunResult | None:
    if not project.task.test:
        return None
    return next((run for run in list_runs(context, project, "test") if is_of(run, project.task)), None)


def answers_by_name(context: Context, profile: str) -> bool:
    """Whether a model that a profile has tuned answers as it is; Azure's have to be deployed first."""
    known = context.profiles().get(profile)
    return known is not None and known.kind != "azure"


async def quote_after(
    context: Context, project: Project, wish: Wish, *, profile: str, model: str, tuned: str | None = None
) -> RunQuote:
    """What measuring the model that a training of `model` makes can cost at most; raises what makes it impossible.

    `tuned` is its name, where it is there already. Starts no engine.
    """
    place = context.profile(profile)
    if not answers_by_name(context, profile):
        why = f"a model tuned at {profile} answers only when it is deployed, which costs by the hour"
        hint = "leave it out, then `ftwb deployment create` and `ftwb evaluate`"
        raise WorkbenchError("measuring after the training", why, hint, code="not_supported", exit_code=2)
    if wish.checkpoints and not place.capabilities.checkpoints:
        why, hint = f"{profile} keeps none", "leave them out"
        raise WorkbenchError("measuring the checkpoints", why, hint, code="not_supported", exit_code=2)
    base, new = f"{profile}/{model}", f"{profile}/{tuned or f'ft:{base_name(model)}:not-yet::trained'}"
    everybody = [*others(context, project, base).candidates, new]
    quote = await quote_run(context, project, everybody, limit=wish.limit)
    if wish.checkpoints:
        saved = [new, *(f"{new}:ckpt-step-{number}" for number in range(CHECKPOINTS))]
        quote = quote.plus(await quote_run(context, project, saved, limit=wish.limit, side="validation"))
    task = regression_task(questions=wish.questions)
    plain = _without_techniques(context, everybody)
    return quote.plus(await quote_run(context, project, plain, task=task, side="regression"))


def _without_techniques(context: Context, candidates: Sequence[str]) -> list[str]:
    """Who is asked the questions of general ability, as `regression_candidates` has it of models that are there."""
    from workbench.workflow.reproduce import job_of

    jobs, wanted = recorded_jobs(context), []
    for candidate in map(parse_candidate, candidates):
        if (made := job_of(context, candidate, jobs)) is not None:
            wanted.append(f"{made.job.profile}/{made.job.model}")
        wanted.append(replace(candidate, techniques=()).text)
    return list(dict.fromkeys(wanted))


def agreed_ceiling(quote: RunQuote, max_cost: float | None) -> float | None:
    """The ceiling that a yes to a quote agrees to: the one that was given, else the quote itself.

    Raises where it can cost money and no price is known: nobody is there to stop it.
    """
    if not quote.needs_yes:
        return max_cost
    if quote.cost.value is None:
        hint = "set the price with `ftwb config set prices.PROFILE/MODEL.input USD` and `.output`, or measure by hand"
        why = f"{quote.cost.source}, so that no ceiling of the cost can be kept while nobody looks"
        raise WorkbenchError("measuring after the training", why, hint, code="no_price", exit_code=2)
    return quote.cost.value if max_cost is None else max_cost
