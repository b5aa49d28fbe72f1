"""Measuring a model as soon as its training has succeeded, for a person who asked for it and may have left.

Whoever takes the wish's lease does it, once: an app on any screen, or the command that waits for the job. A process
that is killed leaves the names of its runs, whose answers are on disk, and the next one goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.ledger import read_rows
from workbench.evaluate.results import RunResult, Side
from workbench.evaluate.runner import Progress
from workbench.workflow.after_quote import others
from workbench.workflow.context import Context
from workbench.workflow.job_records import job_folder
from workbench.workflow.measure import measure, on_side
from workbench.workflow.project import Project, open_project
from workbench.workflow.regress import measure_regression
from workbench.workflow.runs import is_of, list_runs, new_run_id, run_folder
from workbench.workflow.train import checkpoint_candidates, show_job
from workbench.workflow.wish import INTERRUPTED, Wish, change, drop, lease_of, wish_of

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.providers.lease import Lease

RENEWED_S = 10.0
"""Between two renewals of a lease on a file system without locks: a third of what lets it expire."""
TRIED_AGAIN_S = 15.0
"""After a trouble that may pass."""
LOOKED_AGAIN_S = 1.0
"""While another process is at it."""


def has_ended(context: Context, wish: Wish) -> bool:
    """Whether our record says that its job has ended."""
    from workbench.providers.event_log import EventLog

    job = EventLog(job_folder(context, wish.profile, wish.job)).job()
    return job is not None and job.ended


def _nothing(_: Any) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Watched:
    """Who hears of it."""

    moved: Callable[[Wish], None] = _nothing
    """The wish, whenever it is further."""
    progress: Callable[[Progress], None] = _nothing
    fetching: Callable[[Mapping[str, Any]], None] = _nothing


async def take_up(context: Context, wish: Wish, watched: Watched | None = None) -> Wish:
    """Do what was asked if its training has succeeded and nobody else is at it; returns how far it is.

    What a provider or a full disk refuses becomes the state `could-not` with the reason; what may pass, such as a
    network that is away, leaves it asked. Cancelling leaves it asked, and what was answered is kept.
    """
    lease = lease_of(context, wish)
    if not await asyncio.to_thread(lease.take):
        return wish_of(context, wish.profile, wish.job) or wish
    try:
        now = wish_of(context, wish.profile, wish.job)
        if now is None or not now.is_pending:
            return now or wish
        async with _renewed(lease):
            return await _Doing(context, now, lease, watched or Watched()).all_of_it()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if lease.held or task is None:
            raise
        task.uncancel()  # nobody asked us to stop: another process has taken the lease and goes on
        return wish_of(context, wish.profile, wish.job) or wish
    finally:
        lease.release()


async def see_through(context: Context, wish: Wish, watched: Watched | None = None) -> Wish:
    """Do it, or wait for whoever is at it, until it has ended; for a training that has."""
    while True:
        wish = await take_up(context, wish, watched)
        if not wish.is_pending:
            return wish
        await asyncio.sleep(TRIED_AGAIN_S if wish.state == "asked" else LOOKED_AGAIN_S)


@contextlib.asynccontextmanager
async def _renewed(lease: Lease) -> AsyncIterator[None]:
    """Keep the lease; whoever has lost it is cancelled."""
    task = asyncio.current_task()

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEWED_S)
            if not lease.take():
                break
        if task is not None:
            task.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


class _Doing:
    """One start of it."""

    def __init__(self, context: Context, wish: Wish, lease: Lease, watched: Watched) -> None:
        self.context = context
        self.wish = wish
        self.lease = lease
        self.watched = watched

    def keep(self, **changes: Any) -> Wish:
        """On disk first, then told."""
        self.wish = change(self.context, self.wish, **changes)
        self.watched.moved(self.wish)
        return self.wish

    async def all_of_it(self) -> Wish:
        """From the end of the training to the verdict."""
        try:
            job = await self.ended_job()
            if job is None:
                return self.wish
            if job.status != "succeeded":
                why = f" ({job.error.message})" if job.error and job.error.message else ""
                self.wish = drop(self.context, self.wish, f"the training {_ENDS.get(job.status, job.status)}{why}")
                self.watched.moved(self.wish)
                return self.wish
            return await self.measured(job)
        except asyncio.CancelledError:
            if self.wish.state == "running" and self.lease.held:
                self.keep(state="asked", part="", why=INTERRUPTED)
            raise
        except WorkbenchError as error:
            if getattr(error, "passing", False) or error.code == "workspace_locked":
                return self.keep(state="asked", part="", why=f"tried again later: {error.message}")
            return self.gave_up(error.message, error.hint)
        except Exception as error:
            # Without an end it would be taken up again at every look, and fail again.
            self.gave_up(f"it failed unexpectedly ({type(error).__name__})", "the trace is in the log")
            raise

    def gave_up(self, why: str, hint: str) -> Wish:
        """It ended badly."""
        return self.keep(state="could-not", part="", why=why, hint=hint, ended_at=int(time.time()))

    async def ended_job(self) -> Job | None:
        """The job, once it has ended: as it is recorded, else as its provider says."""
        from workbench.providers.event_log import EventLog

        recorded = EventLog(job_folder(self.context, self.wish.profile, self.wish.job)).job()
        if recorded is not None and recorded.ended:
            return recorded
        trouble: list[WorkbenchError] = []
        job = await show_job(self.context, self.wish.job, stale=trouble.append)
        if trouble and getattr(trouble[0], "status", None) == 404:
            raise trouble[0]
        return job if job.ended else None

    async def measured(self, job: Job) -> Wish:
        """Checkpoints, test set, general ability, verdict."""
        from workbench.workflow.judge import judge

        if not job.fine_tuned_model:
            return self.gave_up("its provider names no tuned model", f"see `ftwb job show {job.id}`")
        project = open_project(self.context, self.wish.project)
        self.keep(state="running", why="", hint="", notes=[], day=self.wish.day or date.today().isoformat())
        tuned = f"{job.profile}/{job.fine_tuned_model}"
        chosen = await self.best_checkpoint(project, tuned) if self.wish.checkpoints else tuned
        run = await self.on_the_test_set(project, job, chosen)
        await self.general_ability(project, run)
        decision = await asyncio.to_thread(
            judge, self.context, open_project(self.context, self.wish.project), run_id=run.run
        )
        return self.keep(state="done", part="", chosen=chosen, verdict=decision.verdict, ended_at=int(time.time()))

    async def best_checkpoint(self, project: Project, tuned: str) -> str:
        """Chosen on the validation side; the model itself where a checkpoint is not better."""
        saved = await checkpoint_candidates(self.context, self.wish.job)
        if saved == [tuned]:
            self.keep(notes=[*self.wish.notes, "the job has kept no checkpoints"])
            return tuned
        wish = self.keep(part="the checkpoints", validation_run=self.wish.validation_run or new_run_id())
        name = str(wish.validation_run)
        run = self.finished(project, name, "validation")
        if run is None:
            named = list(dict.fromkeys([tuned, *saved]))
            run = await measure(self.context, project, named, side="validation", **self.how(project, name))
        return run.best.candidate if run.best is not None else tuned

    async def on_the_test_set(self, project: Project, job: Job, chosen: str) -> RunResult:
        """The chosen one beside all others, on the same items. It alone of its job: nobody chooses by this side."""
        wish = self.keep(part="the test set", run=self.wish.run or new_run_id())
        name = str(wish.run)
        run = self.finished(project, name, "test")
        if run is None:
            beside = await asyncio.to_thread(
                others, self.context, project, f"{job.profile}/{job.model}", apart_from=job.id
            )
            if beside.left_out:
                said = f"{', '.join(beside.left_out)} left out: not configured any more"
                self.keep(notes=[*self.wish.notes, said])
            named = await self.still_there([text for text in beside.candidates if not _is_of(text, job)])
            run = await measure(self.context, project, [*named, chosen], **self.how(project, name))
        return run

    async def general_ability(self, project: Project, run: RunResult) -> None:
        """The same questions to the tuned models and their bases; the run on the test set names it."""
        if run.regression is not None:
            return
        wish = self.keep(part="general ability", regression_run=self.wish.regression_run or new_run_id())
        how = self.how(project, str(wish.regression_run))
        await measure_regression(
            self.context,
            project,
            run,
            questions=wish.questions,
            max_cost=how["task"].max_cost,
            run_id=how["run_id"],
            day=how["day"],
            progress=self.watched.progress,
            fetching=self.watched.fetching,
        )

    def finished(self, project: Project, name: str, side: Side) -> RunResult | None:
        """A run of an earlier start that came to its end, if the task is still the one that it measured."""
        run = next((run for run in list_runs(self.context, project, side) if run.run == name), None)
        return run if run is not None and is_of(run, on_side(project, project.task, side)) else None

    def how(self, project: Project, name: str) -> dict[str, Any]:
        """What the runs have in common; the ceiling is what the earlier ones, killed ones too, left of it."""
        task, wish = project.task, self.wish
        if wish.max_cost is not None:
            task = task.model_copy(update={"max_cost": max(0.0, wish.max_cost - self.spent(project))})
        return {
            "task": task,
            "limit": wish.limit,
            "run_id": name,
            "day": date.fromisoformat(wish.day) if wish.day else None,
            "progress": self.watched.progress,
            "fetching": self.watched.fetching,
        }

    def spent(self, project: Project) -> float:
        """US dollars of every answer that its runs have paid for."""
        names = (self.wish.validation_run, self.wish.run, self.wish.regression_run)
        rows = [row for name in names if name for row in read_rows(run_folder(self.context, project, name))]
        return sum((0.0 if row.cached else row.cost or 0.0) + (row.judge_cost or 0.0) for row in rows)

    async def still_there(self, candidates: list[str]) -> list[str]:
        """Without the tuned models that their provider has no more; says which."""
        from workbench.providers.models import list_models
        from workbench.workflow.reproduce import tuned_candidates

        known: dict[str, set[str]] = {}
        gone: list[str] = []
        for text in tuned_candidates(self.context, candidates):
            candidate = parse_candidate(text)
            if candidate.profile not in known:
                async with await self.context.client(candidate.profile) as client:
                    models = await list_models(client, self.context.profile(candidate.profile))
                known[candidate.profile] = {model.id for model in models}
            if candidate.model.split(":ckpt-step-")[0] not in known[candidate.profile]:
                gone.append(text)
        if gone:
            self.keep(notes=[*self.wish.notes, *(f"{text} is gone and was left out" for text in gone)])
        return [text for text in candidates if text not in gone]


_ENDS: Mapping[str, str] = {"failed": "failed", "cancelled": "was cancelled"}


def _is_of(text: str, job: Job) -> bool:
    """Whether a candidate is the job's model or a checkpoint of it."""
    candidate = parse_candidate(text)
    model = candidate.model.split(":ckpt-step-")[0]
    return candidate.profile == job.profile and model == job.fine_tuned_model
