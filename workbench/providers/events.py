"""The event follower: no provider pushes, so it asks, and loses or doubles nothing."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.providers.errors import ProviderError
from workbench.providers.event_log import READ_AT_ONCE, Event, EventLog
from workbench.providers.jobs import Job, retrieve_job
from workbench.providers.pages import as_dict, pages
from workbench.providers.profiles import Profile
from workbench.providers.trouble import Note, TroubleNote

if TYPE_CHECKING:
    import openai

__all__ = ["Event", "EventLog", "FollowUpdate", "Outage", "follow", "poll_events"]

LONGEST_IDLE_S = 10.0
LONGEST_TROUBLE_S = 60.0
DRAIN_ROUNDS = 2
"""Azure writes events (results file, tokens billed) after the status that ends the job."""

STRANGE_ROUNDS = 3
"""Answers in a row that hold no events before we believe that this provider has none: a gateway's page, a body that was
cut and a stale cache look the same once."""

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Outage:
    """Why nothing comes just now, in words that a status line has room for."""

    what: str
    """`offline`, `the provider fails (503)`, …"""
    since: float
    """Unix seconds by our clock, when the first of these tries failed."""
    tries: int
    wait_s: float
    """The pause that begins now; the next try follows."""


@dataclass(frozen=True, slots=True)
class FollowUpdate:
    """Something is new. The first one brings the whole history that we have."""

    job: Job
    new: list[Event]
    """Oldest first, each event once."""
    trouble: str | None = None
    """What is in the way just now (offline, a limit), in one sentence; the following goes on."""
    outage: Outage | None = None
    """The same for a status line, where it is waited out."""


async def poll_events(
    client: openai.AsyncOpenAI, profile: Profile, job_id: str, known: Container[str], *, every_page: bool = False
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
    if all(event.created_at for event in found):
        found.sort(key=lambda event: event.created_at)  # stable; some list a page in no order at all
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
    now: Clock = time.time,
) -> AsyncIterator[FollowUpdate]:
    """The job's life, until it ended and its last events are in the log.

    History comes first, also offline. Of several followers of one folder one asks the provider and writes; the others
    read its file, and one of them takes over when it goes. Network trouble, limits and the provider's own failures are
    waited out with growing, jittered pauses (or as long as the provider asks); a refusal is raised as `ProviderError`.
    """
    follower = _Follower(client.with_options(max_retries=0), profile, job_id, log, interval_s, now)
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
            pause = follower.pause(bool(new))
            if writing:
                follower.tell_readers(pause)
            update = follower.update(new, pause)
            said = (update.job, update.trouble, update.outage)
            if last is None or new or said != (last.job, last.trouble, last.outage):
                last = update
                yield update
            if follower.done:
                return
            await sleep(pause)
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
    now: Clock
    job: Job | None = None
    kept: Job | None = None
    """The job as this follower wrote it last."""
    trouble: ProviderError | None = None
    since: float = 0.0
    """When the trouble began."""
    no_events: str | None = None
    """Why this provider gives no events; the status is followed all the same."""
    strange_rounds: int = 0
    failures: int = 0
    idle_rounds: int = 0
    drained: int = 0
    done: bool = False
    outage: Outage | None = None
    """A reader's: what the writer said of its own, as it was first read."""
    _told: Note | None = None
    _note: TroubleNote = field(init=False)
    _jitter: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._note = TroubleNote(self.log.folder)

    async def ask(self) -> list[Event]:
        """One round with the provider, as the writer; new events are on the disk when they are returned."""
        try:
            job = await retrieve_job(self.client, self.profile, self.job_id)
            if not job.ended:
                self.job = job  # its state is worth showing also where its events cannot be had just now
            new = self.log.append(await self._events(job))
        except ProviderError as error:
            self._failed(error)
            return []
        self.trouble, self.failures, self.job = None, 0, job
        if job.ended:
            # Our own engine writes the last event before the last status: nothing can come after it.
            rounds = 0 if self.profile.capabilities.ftwb else DRAIN_ROUNDS
            self.drained = 0 if new else self.drained + 1
            self.done = self.drained >= rounds
        # An ended job in the log says that the history beside it is whole: it is written last.
        if (job != self.kept and not job.ended) or self.done:
            self.log.save_job(job)
            self.kept = job
        return new

    def _failed(self, error: ProviderError) -> None:
        """Count it, or raise it where waiting helps nobody.

        A job that was seen once is there: a strange answer in its place is a gateway's, and passes.
        """
        known = self.job is not None or self.log.job() is not None
        if not error.passing and not (error.code == "not_openai_shaped" and known):
            raise error
        self.since = self.since if self.failures else self.now()
        self.trouble, self.failures = error, self.failures + 1

    async def read(self) -> list[Event]:
        """One round as a reader: the writer's file says it all, except before its first round."""
        self.job = self.log.job() or self.job
        if self.job is None:
            try:
                self.job = await retrieve_job(self.client, self.profile, self.job_id)
            except ProviderError as error:
                self._failed(error)
                return []
        self.trouble, self.failures = None, 0
        note = self._note.read()
        if note != self._told:
            self._told = note
            self.outage = _told_outage(note, self.now())
        return []

    def update(self, new: list[Event], pause: float = 0.0) -> FollowUpdate:
        """What there is to say now, before a pause."""
        if self.job is None:
            self.job = self.log.job()
        job = self.job or Job(id=self.job_id, profile=self.profile.name, model="")
        if self.trouble is None and self._told is not None:
            return FollowUpdate(job, new, self._told.sentence, self.outage)
        if self.trouble is None:
            return FollowUpdate(job, new, self.no_events)
        outage = Outage(_in_short(self.trouble), self.since, self.failures, pause)
        return FollowUpdate(job, new, str(self.trouble), outage)

    def tell_readers(self, pause: float) -> None:
        """What is in the way, for those who follow the same job and ask nobody."""
        self._told = None
        if self.trouble is None:
            self._note.clear()
        else:
            error = self.trouble
            self._note.leave(Note(str(error), _in_short(error), self.since, self.failures, self.now() + pause))

    def pause(self, something_new: bool) -> float:
        """Seconds until the next round."""
        if self.trouble is not None:
            asked = self.trouble.retry_after_s
            # The exponents have a ceiling of their own: a weekend offline is more rounds than a float can hold.
            grown = min(self.interval_s * 2 ** min(self.failures, 16), LONGEST_TROUBLE_S)
            wait = grown if asked is None or asked < self.interval_s else asked
            return wait * self._jitter.uniform(1.0, 1.2)
        self.idle_rounds = 0 if something_new else self.idle_rounds + 1
        longest = max(self.interval_s, LONGEST_IDLE_S if not self.profile.capabilities.ftwb else 2 * self.interval_s)
        return min(self.interval_s * 1.5 ** min(self.idle_rounds, 32), longest) * self._jitter.uniform(0.8, 1.2)

    async def _events(self, job: Job) -> list[Event]:
        if self.no_events or not self.profile.capabilities.events:
            return []
        try:
            found = await poll_events(self.client, self.profile, self.job_id, self.log.known, every_page=job.ended)
        except ProviderError as error:
            if error.code != "not_openai_shaped" and error.status not in {404, 405, 501}:
                raise
            self.strange_rounds += 1
            if self.log.known or self.strange_rounds < STRANGE_ROUNDS:
                error.passing = True
                raise
            self.no_events = f"no events from this provider ({error.why}); its status is followed"
            return []
        self.strange_rounds = 0
        return found


def _told_outage(note: Note | None, now: float) -> Outage | None:
    return Outage(note.what, note.since, note.tries, max(0.0, note.next_at - now)) if note is not None else None


def _in_short(error: ProviderError) -> str:
    match error.code, error.status:
        case "offline", _:
            return "offline"
        case _, 429:
            return "the provider asks to wait"
        case _, int(status) if status >= 500:
            return f"the provider fails ({status})"
        case "timeout", _:
            return "no answer"
        case "connection_broke", _:
            return "the connection breaks"
        case _, None:
            return "the answers make no sense"
        case _, status:
            return f"refused ({status})"
