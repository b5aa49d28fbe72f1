"""Following a job: its events from the beginning, folded into what a person wants to see."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.workflow.context import Context
from workbench.workflow.train import find_profile, job_folder, record_job, recorded_jobs

if TYPE_CHECKING:
    from workbench.providers.events import Event
    from workbench.providers.jobs import Job

Series = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class JobView:
    """A job, its events oldest first, and its metrics by name as (step, value)."""

    job: Job
    events: tuple[Event, ...] = ()
    series: Series = field(default_factory=dict)
    step: int | None = None
    total_steps: int | None = None
    elapsed_s: float | None = None
    """Since the first training step was seen; None before that."""
    eta_s: float | None = None
    """Estimated from the mean time a step; None where it cannot be told."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        from workbench.providers.jobs import TERMINAL

        return self.job.status in TERMINAL


async def follow(context: Context, job_id: str, *, interval_s: float = 1.0) -> AsyncIterator[JobView]:
    """Views of a job, first what is on disk, then as it moves, until it ends. Survives a lost connection."""
    from workbench.providers.events import EventLog
    from workbench.providers.events import follow as follow_events

    profile = await find_profile(context, job_id)
    log = EventLog(job_folder(context, profile.name, job_id))
    events = list(log.read())
    known = recorded_jobs(context).get(job_id)
    if known is not None:
        from workbench.providers.jobs import Job

        yield view_of(Job.model_validate(known.job), events)
    async with await context.client(profile.name) as client:
        async for update in follow_events(client, profile, job_id, log, interval_s=interval_s):
            events.extend(update.new)
            if known is None or known.job.get("status") != update.job.status:
                record_job(context, update.job)
                known = recorded_jobs(context).get(job_id)
            yield view_of(update.job, events)


def view_of(job: Job, events: list[Event]) -> JobView:
    """Fold a job and its events, oldest first, into a view."""
    from workbench.providers.jobs import TERMINAL
    from workbench.providers.series import fold

    folded = fold(events)
    steps = [event for event in events if event.type == "metrics" and "step" in event.data]
    elapsed = eta = None
    step, total = folded.step, folded.total_steps
    if steps:
        started = min(event.created_at for event in steps)
        until = (job.finished_at or max(event.created_at for event in steps)) if job.status in TERMINAL else time.time()
        elapsed = max(0.0, until - started)
        first = min(int(event.data["step"]) for event in steps)
        if job.status == "running" and step is not None and total and step > first:
            eta = (max(event.created_at for event in steps) - started) / (step - first) * (total - step)
    return JobView(
        job=job, events=tuple(events), series=folded.series, step=step, total_steps=total, elapsed_s=elapsed, eta_s=eta
    )
