"""Measuring: every candidate on the same items by the same scorer, recorded as a run of the project."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalog.figure import Figure
from workbench.errors import WorkbenchError
from workbench.evaluate.asking import CONCURRENCY
from workbench.evaluate.bench import outlook, set_up
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.choice import best_of
from workbench.evaluate.judge import judge_of
from workbench.evaluate.prompting import PromptMaker
from workbench.evaluate.results import RunResult, Side
from workbench.evaluate.retrieval import read_passages
from workbench.evaluate.runner import Progress, run
from workbench.evaluate.scorers import bind_scorer
from workbench.evaluate.task import TaskSpec, content_hash, load_items
from workbench.workflow.answering import answerers_of, embedders_of, embedding_place, recorded_candidates
from workbench.workflow.context import Context
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.project import Project
from workbench.workflow.runs import new_run_id, open_test_set, run_folder

if TYPE_CHECKING:
    from workbench.workflow.reproduce import Siblings


async def measure(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    *,
    task: TaskSpec | None = None,
    limit: int | None = None,
    repeat: int = 1,
    run_id: str | None = None,
    siblings: Sequence[Siblings] = (),
    side: Side = "test",
    day: date | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    fetching: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> RunResult:
    """Measure candidates on the task's test set, the trivial ones added, and record the run.

    On the side `validation` it is a run to choose by: it names the best, nobody is judged by it, and the test set stays
    closed.

    A `run_id` that exists already is resumed: items that were answered are not asked again. A hosted model is known by
    its name and the day, today's unless `day` names that of an earlier start. What can be refused is
    refused before an engine is started, or `starter` fetched, which `fetching` hears of. `siblings` (see
    `reproduce.train_seeds`) are measured along to show the variation between training seeds.
    """
    spec, wanted = await _wanted(context, project, candidates, task, limit, siblings, side)
    await asyncio.to_thread(keep_bytes, context, Path(str(spec.test)))
    name = run_id or new_run_id()
    run_dir = run_folder(context, project, name)
    opened = None
    async with AsyncExitStack() as stack:
        answerers = await answerers_of(context, stack, _asked(spec, wanted), fetching, day)
        if side == "test":
            sha256 = await asyncio.to_thread(content_hash, str(spec.test))
            opened = await asyncio.to_thread(open_test_set, context, project, name, sha256)
        result = await run(
            spec,
            wanted,
            answerers,
            run_dir=run_dir,
            cache_dir=context.cache / "answers",
            concurrency={
                one.profile: context.profile(one.profile).concurrency or CONCURRENCY for one in _asked(spec, wanted)
            },
            limit=limit,
            repeat=repeat,
            seeds=[family.seeds for family in siblings],
            embedders=await embedders_of(context, stack, wanted, spec.rag),
            recorded=recorded_candidates(context, _asked(spec, wanted), spec.rag),
            progress=progress,
        )
    result = result.model_copy(
        update={"side": side, "opened": opened, "best": best_of(result) if side == "validation" else None}
    )
    context.store.update(f"projects/{project.slug}/runs/{name}/run.toml", RunResult, lambda _: result)
    return result


@dataclass(frozen=True)
class RunQuote:
    """What a run would ask of providers, and what that can cost."""

    calls: int
    """Those that no earlier run has an answer to; calls to one's own machine are not counted."""
    cost: Figure
    """At most: every prompt reckoned high, every answer as long as it may be."""
    needs_yes: bool
    """True where it can cost money."""

    def plus(self, other: RunQuote) -> RunQuote:
        """Both runs together; what has no price makes the sum have none."""
        if not (self.needs_yes and other.needs_yes):
            return self if self.needs_yes else other
        figure = self.cost if self.cost.value is None else other.cost
        if self.cost.value is not None and other.cost.value is not None:
            source = f"{self.cost.source}; {other.cost.source}"
            figure = Figure.estimated(self.cost.value + other.cost.value, "USD", source)
        return RunQuote(self.calls + other.calls, figure, True)


async def quote_run(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    *,
    task: TaskSpec | None = None,
    limit: int | None = None,
    repeat: int = 1,
    run_id: str | None = None,
    siblings: Sequence[Siblings] = (),
    side: Side = "test",
) -> RunQuote:
    """The price of a run before it starts. Asks providers for their models only, and starts no engine."""
    spec, wanted = await _wanted(context, project, candidates, task, limit, siblings, side)
    asked = [context.profile(one.profile) for one in _asked(spec, wanted)]
    hosted = [
        one
        for one, profile in zip(_asked(spec, wanted), asked, strict=True)
        if profile.kind != "local" and not profile.replay
    ]
    if not hosted:
        free = "a recording: nothing is asked of a provider" if any(profile.replay for profile in asked) else ""
        return RunQuote(0, Figure.not_measured("USD", free or "your own machine: no provider's price"), False)
    bench = await set_up(spec, wanted, limit)
    async with AsyncExitStack() as stack:
        answerers = await answerers_of(context, stack, hosted, lambda _: None)
        run_dir = run_folder(context, project, run_id or "none yet")
        embedders = await embedders_of(context, stack, wanted, spec.rag)
        found = await outlook(
            bench, answerers, embedders, run_dir=run_dir, cache_dir=context.cache / "answers", repeat=repeat
        )
    if found.cost is None:
        figure = Figure.not_measured("USD", f"no price is known for {', '.join(found.unpriced)}")
    else:
        source = f"at most: {found.calls:,} calls, prompts reckoned high, answers of {spec.max_tokens:,} tokens"
        if found.embedded:
            source += f"; {found.embedded:,} texts to embed, as far as that has a price"
        figure = Figure.estimated(found.cost, "USD", source)
    return RunQuote(found.calls, figure, found.calls + found.embedded > 0)


async def _wanted(
    context: Context,
    project: Project,
    candidates: Sequence[str],
    task: TaskSpec | None,
    limit: int | None,
    siblings: Sequence[Siblings],
    side: Side,
) -> tuple[TaskSpec, list[Candidate]]:
    """The task and the candidates of a run, refused early where something is wrong with them."""
    spec = on_side(project, task or project.task, side)
    if not spec.test:
        raise WorkbenchError(
            f"project {project.slug!r}",
            "has no test set",
            "give one with --test FILE, or set it in project.toml",
            code="no_test_set",
        )
    apart = [text for family in siblings for text in family.seeds]
    wanted = [parse_candidate(text) for text in dict.fromkeys([*candidates, *apart])]
    await asyncio.to_thread(_refuse_early, context, spec, wanted, limit)
    return spec, wanted


def _asked(spec: TaskSpec, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Everybody whose model is called: the candidates that have one, and the judge where one scores."""
    calling = [one for one in candidates if not one.is_trivial]
    judge = judge_of(spec)
    return calling if judge is None else [*calling, judge]


def on_side(project: Project, task: TaskSpec, side: Side) -> TaskSpec:
    """The task with its validation file in the place of the test set, where that is the side."""
    if side != "validation":
        return task
    if not task.validation:
        raise WorkbenchError(
            f"project {project.slug!r}",
            "has no validation side",
            "give one with --validation FILE, or split the data with `ftwb dataset split`",
            code="no_validation_set",
        )
    return task.model_copy(update={"test": task.validation, "test_sha256": None})


def _refuse_early(context: Context, spec: TaskSpec, candidates: Sequence[Candidate], limit: int | None) -> None:
    """Raise what `run` would raise once an engine runs: a bad file, scorer or technique, a profile that is no use."""
    if not candidates and not spec.train:
        raise WorkbenchError(
            "the run", "has nothing to measure", "name a model with --candidate", code="no_candidate", exit_code=2
        )
    for side in ("test", "train", "docs"):
        try:
            (getattr(spec, side) or "").encode()
        except UnicodeEncodeError:
            place, hint = repr(getattr(spec, side)), "rename it: a run records the names of its files"
            raise WorkbenchError(place, "is a name that is not valid Unicode", hint, code="not_unicode") from None
    for candidate in _asked(spec, candidates):
        context.complete_profile(candidate.profile)
    bind_scorer(
        spec.scorer, spec.scorer_args, [item.reference for item in load_items(spec.test or "", spec.system, limit)]
    )
    if any(candidate.techniques for candidate in candidates):
        train = load_items(spec.train) if spec.train else []
        maker = PromptMaker(train=train, passages=read_passages(spec.docs) if spec.docs else (), prompts=spec.prompts)
        for candidate in candidates:
            if candidate.is_dense:
                embedding_place(context, candidate, spec.rag)
        for candidate in candidates:
            maker.check(candidate)
