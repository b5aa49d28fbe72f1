"""The whole loop on a bundled sample: check, baselines, training, the tuned model, a paired comparison, a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from workbench.errors import WorkbenchError
from workbench.evaluate.task import content_hash, digest
from workbench.workflow.answering import ensure_model
from workbench.workflow.context import Context
from workbench.workflow.follow import follow
from workbench.workflow.judge import judge
from workbench.workflow.measure import measure
from workbench.workflow.prepare import check_dataset
from workbench.workflow.project import Project, remember_project, sample_project
from workbench.workflow.quoting import quote_job
from workbench.workflow.runs import list_runs, new_run_id
from workbench.workflow.train import create_job, job_action, show_job

if TYPE_CHECKING:
    from workbench.decide.verdict import Decision
    from workbench.evaluate.results import RunResult
    from workbench.providers.jobs import Job
    from workbench.providers.request import JobRequest
    from workbench.workflow.follow import Series
    from workbench.workflow.quoting import Quote


ITEMS = 100
"""Of the test set, the first so many are measured: minutes on two cores, and enough for an interval of some points. The
whole set is `ftwb evaluate`'s."""


class QuickstartState(BaseModel):
    """`projects/<slug>/quickstart.toml`: how far it has come, so that it can go on."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    baseline_run: str | None = None
    job: str | None = None
    asked: str | None = None
    """Hash of what the job was asked for: data and settings. Another wish is another job."""
    final_run: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    """Wall seconds spent in each phase, over all starts."""


@dataclass(frozen=True)
class Notice:
    """What is going on, for a progress line."""

    phase: str
    text: str
    fraction: float | None = None
    """Done of the phase, 0 to 1; None where it cannot be told."""


@dataclass(frozen=True)
class QuickstartResult:
    """The verdict and all that it rests on."""

    decision: Decision
    job: Job
    evaluation: RunResult
    seconds: dict[str, float]


@dataclass
class _Loop:
    """One walk through the phases."""

    context: Context
    project: Project
    notify: Callable[[Notice], None]
    agree: Callable[[Quote], None]

    @property
    def _relative(self) -> str:
        return f"projects/{self.project.slug}/quickstart.toml"

    @property
    def state(self) -> QuickstartState:
        return self.context.store.read(self._relative, QuickstartState)

    def remember(self, **changes: Any) -> None:
        self.context.store.update(self._relative, QuickstartState, lambda state: state.model_copy(update=changes))

    @contextmanager
    def phase(self, name: str, text: str) -> Iterator[None]:
        """Announce a phase and add its wall time to the state, also when it is interrupted."""
        self.notify(Notice(name, text))
        started = time.monotonic()
        try:
            yield
        finally:
            spent = self.state.seconds
            self.remember(seconds=spent | {name: round(spent.get(name, 0.0) + time.monotonic() - started, 1)})

    def check(self) -> None:
        for side in ("train", "test"):
            if side not in self.project.files:
                place, hint = f"project {self.project.slug!r}", "set it in its project.toml"
                raise WorkbenchError(place, f"has no {side} set", hint, code=f"no_{side}_set")
        for side, path in self.project.files.items():
            report = check_dataset(path)
            if report.errors:
                raise WorkbenchError(
                    f"{side} set of {self.project.slug}",
                    f"has {report.errors} errors",
                    f"see `ftwb dataset check {path}`",
                )

    async def model(self) -> None:
        await ensure_model(
            self.context, self.project.document.training.model, lambda line: self.notify(pull_notice("model", line))
        )

    async def measure(self, phase: str, key: str, candidates: list[str]) -> RunResult:
        run_id = getattr(self.state, key) or new_run_id()
        for done in list_runs(self.context, self.project):
            if done.run == run_id:
                if self._is_of(done, candidates):
                    return done
                run_id = new_run_id()  # it measured something else: the answers that still hold are in the cache
                break
        self.remember(**{key: run_id})
        return await measure(
            self.context,
            self.project,
            candidates,
            limit=ITEMS,
            run_id=run_id,
            progress=lambda p: self.notify(
                Notice(phase, f"{p.candidate}: {p.done} of {p.total} items", p.done / p.total if p.total else None)
            ),
        )

    def _is_of(self, run: RunResult, candidates: list[str]) -> bool:
        """Whether a run is of these candidates on the task as it is now."""
        task = self.project.task
        same_test = task.test is not None and run.test_sha256 == content_hash(task.test)
        same_task = run.task.model_dump(exclude={"goal"}) == task.model_dump(exclude={"goal"})
        return same_test and same_task and set(candidates) <= {row.candidate for row in run.candidates}

    async def train(self) -> Job:
        request = self._request()
        files = [path for path in (request.training_file, request.validation_file) if path is not None]
        settings = request.model_dump(mode="json", exclude={"training_file", "validation_file"})
        asked = digest([settings, [content_hash(path) for path in files]])
        job = await self._earlier_job(asked)
        if job is None:
            if self.context.profile(request.profile).kind != "local":
                self.agree(await quote_job(self.context, request))
            job = await create_job(self.context, request, project=self.project.slug)
            self.remember(job=job.id, asked=asked, final_run=None)
        elif job.status in ("pausing", "paused"):
            job = await job_action(self.context, job.id, "resume")
        if not job.ended:
            async for view in follow(self.context, job.id):
                job = view.job
                self.notify(training_notice(view.job.status, view.step, view.total_steps, view.series, view.eta_s))
        if job.status != "succeeded" or not job.fine_tuned_model:
            why = f" ({job.error.message})" if job.error and job.error.message else ""
            hint = f"see `ftwb job events {job.id}`; started again, the quickstart trains anew"
            raise WorkbenchError(f"job {job.id}", f"ended {job.status}{why}", hint, code="job_failed")
        return job

    def _request(self) -> JobRequest:
        from workbench.providers.request import JobRequest

        training, files = self.project.document.training, self.project.files
        return JobRequest(
            profile=training.profile,
            model=training.model,
            training_file=files["train"],
            validation_file=files.get("validation"),
            method=training.method,
            suffix=training.suffix or self.project.slug,
            seed=training.seed,
            settings=training.settings,
        )

    async def _earlier_job(self, asked: str) -> Job | None:
        """The job of an earlier start, if it is still wanted, ended well or goes on, and its provider still has it."""
        state = self.state
        if state.job is None or state.asked != asked:
            return None
        trouble: list[WorkbenchError] = []
        try:
            job = await show_job(self.context, state.job, stale=trouble.append)
        except WorkbenchError as error:
            if error.code != "unknown_job":
                raise
            return None
        lost = any(getattr(error, "status", None) == 404 for error in trouble)
        if lost and all(run.run != state.final_run for run in list_runs(self.context, self.project)):
            return None  # a job that its provider has lost has no model to measure
        return None if job.status in ("failed", "cancelled") else job


async def quickstart(
    context: Context,
    sample: str = "recipes",
    notify: Callable[[Notice], None] = lambda _: None,
    agree: Callable[[Quote], None] = lambda _: None,
) -> QuickstartResult:
    """Walk the loop on a bundled sample; started again, it goes on where it was."""
    return await walk(context, sample_project(context, sample), notify, agree)


async def walk(
    context: Context,
    project: Project,
    notify: Callable[[Notice], None] = lambda _: None,
    agree: Callable[[Quote], None] = lambda _: None,
) -> QuickstartResult:
    """Walk the loop on a project. `agree` raises where a training that can cost money is not wanted."""
    remember_project(context, project)
    loop = _Loop(context, project, notify, agree)
    training = project.document.training
    with loop.phase("check", "checking the data"):
        loop.check()
    with loop.phase("model", f"fetching the base model {training.model}"):
        await loop.model()
    untuned = list(project.document.candidates)
    with loop.phase("baselines", "measuring the untuned baselines"):
        await loop.measure("baselines", "baseline_run", untuned)
    with loop.phase("train", "training"):
        job = await loop.train()
    with loop.phase("tuned", "measuring the tuned model on the same items"):
        evaluation = await loop.measure("tuned", "final_run", [*untuned, f"{job.profile}/{job.fine_tuned_model}"])
    with loop.phase("verdict", "weighing"):
        decision = judge(context, project, run_id=evaluation.run)
    return QuickstartResult(decision=decision, job=job, evaluation=evaluation, seconds=loop.state.seconds)


def pull_notice(phase: str, line: Any) -> Notice:
    """A progress line of a model pull."""
    done, total = line.get("done"), line.get("total")
    fraction = done / total if done is not None and total else None
    return Notice(phase, f"base model: {line.get('phase', '')}", fraction)


def training_notice(status: str, step: int | None, total: int | None, series: Series, eta_s: float | None) -> Notice:
    """A progress line of a training job."""
    if step is None or not total:
        return Notice("train", status.replace("_", " "))
    loss = series.get("train_loss")
    parts = [f"step {step} of {total}"]
    if loss:
        parts.append(f"loss {loss[-1][1]:.3f}")
    if eta_s is not None:
        parts.append(f"about {eta_s / 60:.0f} min left" if eta_s >= 90 else f"about {eta_s:.0f} s left")
    return Notice("train", ", ".join(parts), step / total)
