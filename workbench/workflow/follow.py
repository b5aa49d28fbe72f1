"""Following a job: its events from the beginning, folded into what a person wants to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.job_records import job_folder
from workbench.workflow.train import ATTACHED, bring_up_to_date, find_profile

if TYPE_CHECKING:
    from workbench.providers.event_log import Event, EventLog
    from workbench.providers.events import Outage
    from workbench.providers.jobs import Job

Series = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True)
class JobView:
    """A job, its events oldest first, and its metrics by name as (step, value)."""

    job: Job
    events: Sequence[Event] = ()
    series: Series = field(default_factory=dict)
    step: int | None = None
    total_steps: int | None = None
    elapsed_s: float | None = None
    """Since the first training step was seen; None before that."""
    eta_s: float | None = None
    """Estimated from the mean time a step; None where it cannot be told."""
    times: Sequence[tuple[int, float]] = ()
    """(step, unix seconds), for charts over time."""
    trouble: str | None = None
    """Why the provider could not be asked just now; following goes on."""
    outage: Outage | None = None
    """The same for a status line, with its next try."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.job.ended


class Folding:
    """A job's history as it grows: each view costs what is new since the one before."""

    def __init__(self, log: EventLog | None = None) -> None:
        """The events that are added are those that `log` gives, in its order: they are not kept here then."""
        from workbench.providers.series import SeriesFold

        self._log = log
        self._events: list[Event] = []
        self._count = 0
        self._folded = SeriesFold()
        self._first_step: int | None = None
        self._started = self._latest = 0.0

    def add(self, events: Sequence[Event]) -> None:
        """More events, oldest first."""
        from workbench.providers.event_log import collecting_later

        with collecting_later():
            self._add(events)

    def _add(self, events: Sequence[Event]) -> None:
        from workbench.providers.series import whole

        self._count += len(events)
        if self._log is None:
            self._events.extend(events)
        self._folded.add(events)
        every = [(event.data.get("step"), event.created_at) for event in events if event.type == "metrics"]
        told = [
            (step, at) for given, at in every if (step := given if type(given) is int else whole(given)) is not None
        ]
        if told:
            first, start, latest = min(told)[0], min(at for _, at in told), max(at for _, at in told)
            if self._first_step is None:
                self._first_step, self._started, self._latest = first, start, latest
            self._first_step = min(self._first_step, first)
            self._started, self._latest = min(self._started, start), max(self._latest, latest)

    def view(self, job: Job, trouble: str | None = None, outage: Outage | None = None) -> JobView:
        """What a person wants to see now."""
        elapsed = eta = None
        step, total, first = self._folded.step, self._folded.total_steps, self._first_step
        # A log without times gives all of its history the time at which it was read.
        if first is not None and (job.profile != ATTACHED or self._latest > self._started):
            ends = (job.finished_at or self._latest) if job.ended else time.time()
            elapsed = max(0.0, ends - self._started)
            if job.status == "running" and step is not None and total and step > first:
                eta = (self._latest - self._started) / (step - first) * (total - step)
        return JobView(
            job=job,
            events=tuple(self._events) if self._log is None else self._log.history(self._count),
            series=self._folded.series(),
            step=step,
            total_steps=total,
            elapsed_s=elapsed,
            eta_s=eta,
            times=self._folded.times(),
            trouble=trouble,
            outage=outage,
        )


async def follow(context: Context, job_id: str, *, interval_s: float = 1.0) -> AsyncIterator[JobView]:
    """Views of a job, first what is on disk, then as it moves, until it ends. Survives a lost connection."""
    from workbench.providers.event_log import READ_AT_ONCE, EventLog
    from workbench.providers.events import follow as follow_events
    from workbench.workflow.attach import attached, follow_attached

    if attached(context, job_id) is not None:
        async for view in follow_attached(context, job_id, interval_s=interval_s):
            yield view
        return
    profile = await find_profile(context, job_id)
    log = EventLog(job_folder(context, profile.name, job_id))
    recorded = log.job()
    if recorded is not None and recorded.ended:
        folding = Folding(log)
        for most in (READ_AT_ONCE, None):
            if events := await asyncio.to_thread(log.read_new, most):
                folding.add(events)
                yield folding.view(recorded)
        if log.known:
            return
        log = EventLog(log.folder)
    folding = Folding(log)
    async with await context.client(profile.name) as client:
        async for update in follow_events(client, profile, job_id, log, interval_s=interval_s, now=time.time):
            folding.add(update.new)
            yield folding.view(update.job, update.trouble, update.outage)


async def caught_up(context: Context, job_id: str) -> JobView:
    """One look: our log brought up to date, without waiting for anything more. Our log alone where nobody answers."""
    from workbench.providers.event_log import EventLog
    from workbench.workflow.attach import attached, look

    if attached(context, job_id) is not None:
        return await look(context, job_id)
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
    folding = Folding()
    folding.add(events)
    return folding.view(job, trouble)
