"""Storms: networks, gateways and clocks that fail in the middle lose no event, double none, and make no second job."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.providers.storm import Fault, Storm, StormClock, Weathering
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.event_log import EventLog
from workbench.providers.events import LONGEST_TROUBLE_S, FollowUpdate, _Follower, follow
from workbench.providers.jobs import create_job
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider

if TYPE_CHECKING:
    import openai

LONGEST_WAIT_S = 1.2 * 120
"""What a provider may ask for at most, and the jitter on it."""


@pytest.fixture
def storm() -> Iterator[Storm]:
    """A provider with pages of three, seen through a proxy."""
    with FakeProvider(page_size=3, total_steps=12) as provider, Storm(provider) as storm:
        yield storm


@pytest.fixture
def profile() -> Profile:
    return built_in()["openai"]


@pytest.fixture
async def client(storm: Storm, profile: Profile) -> AsyncIterator[openai.AsyncOpenAI]:
    """The SDK's own repeating is off: it would really wait."""
    async with await connect(profile, environ=storm.environ) as client:
        yield client.with_options(max_retries=0)


@pytest.fixture
async def job_id(client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest) -> str:
    return (await create_job(client, profile, request_for)).id


@pytest.fixture
def request_for(tmp_path: Path) -> JobRequest:
    path = tmp_path / "train.jsonl"
    path.write_text('{"messages": []}\n' * 10)
    return JobRequest(profile="openai", model="gpt-4.1-mini-2025-04-14", training_file=path)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "jobs" / "openai" / "j")


async def followed(client: Any, profile: Profile, job_id: str, log: EventLog, clock: StormClock) -> list[FollowUpdate]:
    """All updates to the end; what holds in any weather is checked."""
    updates = [update async for update in follow(client, profile, job_id, log, sleep=clock.sleep, now=clock.wall)]
    told = [event.id for update in updates for event in update.new]
    assert len(set(told)) == len(told), "an event came twice"
    written = [event.id for event in EventLog(log.folder).events()]
    assert sorted(written) == sorted(told)
    assert len((log.folder / "events.jsonl").read_bytes().splitlines()) == len(told)
    assert all(0.4 <= wait <= LONGEST_WAIT_S for wait in clock.waits), "neither a hammer nor asleep"
    return updates


def made(storm: Storm) -> list[str]:
    """The ids of all events of the newest job, oldest first."""
    return [event["id"] for event in storm.provider._work.events[storm.provider.jobs[-1]["id"]]]


async def test_a_minute_without_network_in_the_middle(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    """Said once it is noticed, with since when and the next try; what happened meanwhile is caught up."""
    clock = StormClock()
    for second in range(1, 21):
        clock.at(second * 6, storm.provider.advance)
    clock.at(30, lambda: setattr(storm, "up", False))
    clock.at(90, lambda: setattr(storm, "up", True))
    updates = await followed(client, profile, job_id, log, clock)
    assert [event.id for update in updates for event in update.new] == made(storm)
    outages = [update.outage for update in updates if update.outage]
    assert len(outages) >= 4
    assert {outage.what for outage in outages} <= {"offline", "the connection breaks"}
    assert outages[-1].what == "offline"
    assert len({outage.since for outage in outages}) == 1, "it is one outage"
    assert 30 <= outages[0].since - 1_790_000_000 <= 45
    assert [outage.tries for outage in outages] == list(range(1, len(outages) + 1))
    assert all(outage.wait_s in clock.waits for outage in outages)
    assert max(outage.wait_s for outage in outages) <= LONGEST_TROUBLE_S * 1.2
    assert updates[-1].outage is None


@pytest.mark.parametrize("fault", list(Fault))
async def test_each_trouble_on_its_own_lasts_as_long_as_it_likes(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog, fault: Fault
) -> None:
    """Eight requests of it while the job runs, and again at its very end: nothing is lost."""
    clock = StormClock()

    def brew(requests: int) -> None:
        storm.weather = Weathering([None, *[fault] * requests])

    clock.at(3, storm.provider.advance)
    clock.at(6, lambda: storm.provider.advance(times=4))
    clock.at(7, lambda: brew(8))
    clock.at(300, lambda: storm.provider.advance(times=5))
    clock.at(320, lambda: (storm.provider.finish(), brew(5)))
    updates = await followed(client, profile, job_id, log, clock)
    assert {event.id for update in updates for event in update.new} == set(made(storm))
    assert updates[-1].job.status == "succeeded"
    assert updates[-1].trouble is None


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [(Fault.LIMIT_SECONDS, 7, 7 * 1.2), (Fault.LIMIT_DATE, 9, 9 * 1.2), (Fault.LIMIT_ZERO, 2, 2 * 1.2)],
)
async def test_a_limit_is_waited_for_as_the_provider_asks(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog, fault: Fault,
    least: float, most: float,
) -> None:  # fmt: skip
    """Seconds or a date by its own clock; one that asks for nothing is no leave to hammer."""
    storm.weather = Weathering([fault])
    clock = StormClock()
    clock.at(1, storm.provider.finish)
    updates = await followed(client, profile, job_id, log, clock)
    assert least <= clock.waits[0] <= most
    assert updates[0].outage is not None
    assert updates[0].outage.what == "the provider asks to wait"


async def test_a_storm_of_limits_that_ask_for_nothing_is_not_answered_with_one(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    """`Retry-After: 0`, twenty times: the pauses grow all the same."""
    storm.weather = Weathering([Fault.LIMIT_ZERO] * 20)
    clock = StormClock()
    clock.at(600, storm.provider.finish)
    await followed(client, profile, job_id, log, clock)
    assert sum(clock.waits[:20]) > 600


@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
async def test_a_clock_that_jumps_moves_nothing(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog, jump_s: float
) -> None:
    """Pauses are counted, not read off the wall; a limit's date is held against the server's own."""
    clock = StormClock()
    for second in range(1, 21):
        clock.at(second * 4, storm.provider.advance)
    clock.at(10, lambda: clock.jump(jump_s))
    clock.at(15, lambda: setattr(storm, "weather", Weathering([Fault.LIMIT_DATE, Fault.BROKEN, Fault.LOST])))
    clock.at(30, lambda: clock.jump(-jump_s))
    updates = await followed(client, profile, job_id, log, clock)
    assert [event.id for update in updates for event in update.new] == made(storm)
    assert clock.elapsed < 300


def test_a_weekend_offline_is_not_too_long(profile: Profile, log: EventLog) -> None:
    """Nor is a job that waits in a queue for a week: no pause overflows, none passes its bound."""
    follower = _Follower(None, profile, "j", log, 1.0, lambda: 0.0)  # type: ignore[arg-type]
    assert max(follower.pause(False) for _ in range(5000)) <= 10.0 * 1.2
    follower.trouble = ProviderError("openai", "no connection", passing=True)
    waits = []
    for follower.failures in range(1, 5000):
        waits.append(follower.pause(False))
    assert max(waits) <= LONGEST_TROUBLE_S * 1.2


async def test_one_strange_answer_does_not_mean_that_there_are_no_events(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    """In the first rounds, when nothing is known yet, and in the middle."""
    rounds: Iterator[Fault | None] = iter([None, Fault.PORTAL, None, Fault.MALFORMED])
    storm.weather = lambda _method, _path: next(rounds, None)
    clock = StormClock()
    clock.at(20, storm.provider.finish)
    updates = await followed(client, profile, job_id, log, clock)
    assert {event.id for update in updates for event in update.new} == set(made(storm))
    assert updates[0].outage is not None
    assert updates[0].outage.what == "the answers make no sense"


# Any weather ----------------------------------------------------------------------------------------------------------

FAULTS = st.one_of(st.none(), st.sampled_from(list(Fault)))
ANY = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@ANY
@given(faults=st.lists(FAULTS, max_size=40), seed=st.integers(0, 999), steps_s=st.floats(0.5, 30.0))
async def test_whatever_happens_every_event_comes_once(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest, tmp_path_factory: Any,
    faults: list[Fault | None], seed: int, steps_s: float,
) -> None:  # fmt: skip
    """Any faults in any order, cuts and jumps of the clock among them, while a job lives its life."""
    storm.weather = Weathering([])
    job = await create_job(client, profile, request_for)
    storm.weather = Weathering(faults)
    rng, clock = random.Random(seed), StormClock()
    for step in range(1, 21):
        clock.at(step * steps_s, storm.provider.advance)
    cut = rng.uniform(0, 20 * steps_s)
    clock.at(cut, lambda: setattr(storm, "up", False))
    clock.at(cut + 60, lambda: setattr(storm, "up", True))
    clock.at(rng.uniform(0, 200), lambda: clock.jump(rng.uniform(-1e5, 1e5)))
    log = EventLog(tmp_path_factory.mktemp("storm") / "openai" / "j")
    log.save_job(job)  # as `workflow.train.create_job` does
    updates = await followed(client, profile, job.id, log, clock)
    assert {event.id for update in updates for event in update.new} == set(made(storm))
    assert updates[-1].job.status == "succeeded"
    kept = EventLog(log.folder).job()
    assert kept is not None
    assert kept.ended


@settings(ANY, max_examples=80)
@given(faults=st.lists(FAULTS, max_size=8))
async def test_whatever_happens_one_request_makes_one_job(
    storm: Storm, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest, faults: list[Fault | None]
) -> None:
    """Who is told that nothing started may try again; who is not told that has the job, or a warning."""
    before = len(storm.provider.jobs)
    storm.weather = Weathering(faults)
    try:
        job = await create_job(client, profile, request_for, look_up_s=(0.0, 0.0, 0.0))
    except ProviderError as error:
        jobs = storm.provider.jobs[before:]
        assert len(jobs) <= 1
        assert not jobs or error.code == "create_unknown"
        return
    assert [one["id"] for one in storm.provider.jobs[before:]] == [job.id]


@pytest.mark.parametrize(
    "fault", [Fault.LOST, Fault.TRUNCATED, Fault.MALFORMED, Fault.PORTAL, Fault.NULL, Fault.FOREIGN]
)
@pytest.mark.parametrize("name", ["openai", "azure"])
async def test_an_answer_that_is_lost_after_the_job_was_made_finds_the_job(
    request_for: JobRequest, fault: Fault, name: str
) -> None:
    """Whether the provider keeps metadata or not; the creating call was sent once."""
    profile = built_in()["openai"]
    if name == "azure":
        profile = profile.model_copy(
            update={"settings": {"capabilities": {"metadata": False, "find_by_metadata": False}}}
        )
    with FakeProvider() as provider, Storm(provider) as storm:
        storm.weather = lambda method, path: fault if (method, path[-5:]) == ("POST", "/jobs") else None
        async with await connect(profile, environ=storm.environ) as client:
            job = await create_job(client, profile, request_for, look_up_s=(0.0,))
        assert [one["id"] for one in provider.jobs] == [job.id]
        assert [method for method, path in storm.seen if path.endswith("/jobs")].count("POST") == 1
