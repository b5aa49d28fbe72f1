"""The event follower: no provider pushes, so it asks, and loses or doubles nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.providers.errors import ProviderError
from workbench.providers.event_log import READ_AT_ONCE, Event, EventLog
from workbench.providers.jobs import Job, retrieve_job
from workbench.providers.pages import as_dict, pages
from workbench.providers.profiles import Profile

if TYPE_CHECKING:
    import openai

__all__ = ["Event", "EventLog", "FollowUpdate", "follow", "poll_events"]

LONGEST_IDLE_S = 10.0
LONGEST_TROUBLE_S = 60.0
DRAIN_ROUNDS = 2
"""Azure writes events (results file, tokens billed) after the status that ends the job."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FollowUpdate:
    """Something is new. The first one brings the whole history that we have."""

    job: Job
    new: list[Event]
    """Oldest first, each event once."""
    trouble: str | None = None
    """What is in the way just now (offline, a limit), in one sentence; the following goes on."""


async def poll_events(
    client: openai.AsyncOpenAI, profile: Profile, job_id: str, known: Collection[str], *, every_page: bool = False
) -> list[Event]:
    """Events that are not in `known`, oldest first.

    Providers list the newest first: pages are read until one holds a known event. One that lists the oldest first (its
    times tell) is read to its end, and so is every one with `every_page`.
    """
    found: list[Event] = []
    ascending: bool | None = None
    first = client.fine_tuning.jobs.list_events(job_id, limit=100)
    async for page in pages(first, profile, f"events of {job_id}", client):
        items = [Event.from_api(as_dict(item)) for item in page]
        if ascending is None and items[0].created_at != items[-1].created_at:
            ascending = items[0].created_at < items[-1].created_at
        found += items
        if not ascending and not every_page and any(item.id in known for item in items):
            break
    if not ascending:
        found.reverse()
    new: dict[str, Event] = {}
    for event in found:
        if event.id not in known:
            new.setdefault(event.id, event)
    return list(new.values())


async def follow(
    client: openai.AsyncOpenAI,
    profile: Profile,
    job_id: str,
    log: EventLog,
    *,
    interval_s: float = 1.0,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[FollowUpdate]:
    """The job's life, until it ended and its last events are in the log.

    History comes first, also offline. Of several followers of one folder one asks the provider and writes; the others
    read its file, and one of them takes over when it goes. Network trouble, limits and the provider's own failures are
    waited out with growing, jittered pauses (or as long as the provider asks); a refusal is raised as `ProviderError`.
    """
    follower = _Follower(client.with_options(max_retries=0), profile, job_id, log, interval_s)
    lease = log.lease()
    last: FollowUpdate | None = None
    try:
        while True:
            writing = lease.take()
            history = log.read_new(READ_AT_ONCE if last is None else None)
            if last is None and (history or log.job()):
                last = follower.update(history)
                yield last
                if history := log.read_new():
                    yield follower.update(history)
                    history = []
            # All of it was read after the lease was taken: then nobody else adds to it.
            new = history + (await follower.ask() if writing else await follower.read())
            update = follower.update(new)
            if last is None or new or (update.job, update.trouble) != (last.job, last.trouble):
                last = update
                yield update
            if follower.done:
                return
            await sleep(follower.pause(bool(new)))
    finally:
        lease.release()


@dataclass(slots=True)
class _Follower:
    """What one follower knows between two rounds."""

    client: openai.AsyncOpenAI
    profile: Profile
    job_id: str
    log: EventLog
    interval_s: float
    job: Job | None = None
    trouble: ProviderError | None = None
    no_events: str | None = None
    """Why this provider gives no events; the status is followed all the same."""
    failures: int = 0
    idle_rounds: int = 0
    drained: int = 0
    done: bool = False
    _jitter: random.Random = field(default_factory=random.Random)

    async def ask(self) -> list[Event]:
        """One round with the provider, as the writer; new events are on the disk when they are returned."""
        try:
            job = await retrieve_job(self.client, self.profile, self.job_id)
            new = self.log.append(await self._events(job))
        except ProviderError as error:
            if not error.passing:
                raise
            self.trouble, self.failures = error, self.failures + 1
            return []
        self.trouble, self.failures = None, 0
        changed, self.job = job != self.job, job
        if job.ended:
            # Our own engine writes the last event before the last status: nothing can come after it.
            rounds = 0 if self.profile.capabilities.ftwb else DRAIN_ROUNDS
            self.drained = 0 if new else self.drained + 1
            self.done = self.drained >= rounds
        # An ended job in the log says that the history beside it is whole: it is written last.
        if (changed and not job.ended) or self.done:
            self.log.save_job(job)
        return new

    async def read(self) -> list[Event]:
        """One round as a reader: the writer's file says it all, except before its first round."""
        self.job = self.log.job() or self.job
        if self.job is None:
            try:
                self.job = await retrieve_job(self.client, self.profile, self.job_id)
            except ProviderError as error:
                if not error.passing:
                    raise
                self.trouble, self.failures = error, self.failures + 1
                return []
        self.trouble, self.failures = None, 0
        return []

    def update(self, new: list[Event]) -> FollowUpdate:
        """What there is to say now."""
        if self.job is None:
            self.job = self.log.job()
        job = self.job or Job(id=self.job_id, profile=self.profile.name, model="")
        return FollowUpdate(job, new, str(self.trouble) if self.trouble else self.no_events)

    def pause(self, something_new: bool) -> float:
        """Seconds until the next round."""
        if self.trouble is not None:
            asked = self.trouble.retry_after_s
            wait = asked if asked is not None else min(self.interval_s * 2**self.failures, LONGEST_TROUBLE_S)
            return wait * self._jitter.uniform(1.0, 1.2)
        self.idle_rounds = 0 if something_new else self.idle_rounds + 1
        longest = max(self.interval_s, LONGEST_IDLE_S if not self.profile.capabilities.ftwb else 2 * self.interval_s)
        return min(self.interval_s * 1.5**self.idle_rounds, longest) * self._jitter.uniform(0.8, 1.2)

    async def _events(self, job: Job) -> list[Event]:
        if self.no_events or not self.profile.capabilities.events:
            return []
        try:
            sweep = job.ended and self.drained == 0
            return await poll_events(self.client, self.profile, self.job_id, self.log.known, every_page=sweep)
        except ProviderError as error:
            if error.code != "not_openai_shaped" and error.status not in {404, 405, 501}:
                raise
            self.no_events = f"no events from this provider ({error.why}); its status is followed"
            return []
