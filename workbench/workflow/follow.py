"""Following a job: its events from the beginning, folded into what a person wants to see."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.train import bring_up_to_date, find_profile, job_folder

if TYPE_CHECKING:
    from workbench.providers.event_log import Event
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
    trouble: str | None = None
    """Why the provider could not be asked just now; following goes on."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.job.ended


async def follow(context: Context, job_id: str, *, interval_s: float = 1.0) -> AsyncIterator[JobView]:
    """Views of a job, first what is on disk, then as it moves, until it ends. Survives a lost connection."""
    from workbench.providers.event_log import EventLog
    from workbench.providers.events import follow as follow_events

    profile = await find_profile(context, job_id)
    log = EventLog(job_folder(context, profile.name, job_id))
    recorded = log.job()
    if recorded is not None and recorded.ended:
        events = log.events()
        if events:
            yield view_of(recorded, events)
            return
    events = []
    async with await context.client(profile.name) as client:
        async for update in follow_events(client, profile, job_id, log, interval_s=interval_s):
            events.extend(update.new)
            yield view_of(update.job, events, update.trouble)


async def caught_up(context: Context, job_id: str) -> JobView:
    """One look: our log brought up to date, without waiting for anything more. Our log alone where nobody answers."""
    from workbench.providers.event_log import EventLog

    profile = await find_profile(context, job_id)
    log = EventLog(job_folder(context, profile.name, job_id))
    try:
        async with await context.client(profile.name) as client:
            return view_of(*await bring_up_to_date(context, client, profile, job_id))
    except WorkbenchError as error:
        recorded = log.job()
        if recorded is None:
            raise
        return view_of(recorded, log.events(), error.message)


def view_of(job: Job, events: Sequence[Event], trouble: str | None = None) -> JobView:
    """Fold a job and its events, oldest first, into a view."""
    from workbench.providers.series import SeriesFold

    folded = SeriesFold()
    folded.add(events)
    steps = [event for event in events if event.type == "metrics" and "step" in event.data]
    elapsed = eta = None
    step, total = folded.step, folded.total_steps
    if steps:
        started, latest = min(event.created_at for event in steps), max(event.created_at for event in steps)
        elapsed = max(0.0, ((job.finished_at or latest) if job.ended else time.time()) - started)
        first = min(int(event.data["step"]) for event in steps)
        if job.status == "running" and step is not None and total and step > first:
            eta = (latest - started) / (step - first) * (total - step)
    return JobView(
        job=job,
        events=tuple(events),
        series=folded.series(),
        step=step,
        total_steps=total,
        elapsed_s=elapsed,
        eta_s=eta,
        trouble=trouble,
    )
