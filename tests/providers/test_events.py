"""The follower: every event once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError, retry_after
from workbench.providers.event_log import Event, EventLog
from workbench.providers.events import FollowUpdate, follow, poll_events
from workbench.providers.jobs import create_job, retrieve_job
from workbench.providers.lease import EXPIRES_S, Lease
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest
from workbench.providers.series import fold, position
from workbench.testing.fake_provider import FakeProvider

if TYPE_CHECKING:
    import openai


class FakeSleep:
    """Does not wait: it does what is next instead, and keeps how long it was asked to wait."""

    def __init__(self, *then: Callable[[], object]) -> None:
        self.waits: list[float] = []
        self._then = list(then)

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        assert len(self.waits) < 60, "the follower does not end"
        if self._then:
            self._then.pop(0)()
        await asyncio.sleep(0)


async def collect(
    client: Any, profile: Profile, job_id: str, log: EventLog, *then: Callable[[], object]
) -> list[FollowUpdate]:
    return [update async for update in follow(client, profile, job_id, log, sleep=FakeSleep(*then))]


def messages(updates: list[FollowUpdate]) -> list[str]:
    return [event.message for update in updates for event in update.new]


def all_messages(provider: FakeProvider) -> list[str]:
    return [event["message"] for event in provider._work.events[provider.jobs[-1]["id"]]]


@pytest.fixture
async def job_id(client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest) -> str:
    return (await create_job(client, profile, request_for)).id


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "jobs" / "openai" / "j")


async def test_a_job_is_followed_to_its_end_and_its_events_are_on_the_disk(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    updates = await collect(client, profile, job_id, log, *[provider.advance] * 7)
    assert messages(updates) == all_messages(provider)
    assert updates[-1].job.status == "succeeded"
    assert [update.job.status for update in updates][:2] == ["validating_files", "queued"]
    assert [event.message for event in EventLog(log.folder).events()] == all_messages(provider)
    assert EventLog(log.folder).job() == await retrieve_job(client, profile, job_id)
    assert fold(log.events())["train_loss"] == [(1, 2.0), (2, 1.0), (3, pytest.approx(2 / 3))]
    assert position(log.events()) == (3, 3)


async def test_events_are_caught_up_after_a_restart_and_none_is_doubled(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    following = follow(client, profile, job_id, log, sleep=FakeSleep())
    first = await anext(following)
    await following.aclose()
    with (log.folder / "events.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')
    provider.finish()
    updates = await collect(client, profile, job_id, EventLog(log.folder))
    assert messages(updates) == all_messages(provider)
    assert updates[0].new == first.new, "history comes first"
    lines = (log.folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in lines] == all_messages(provider)


async def test_only_unknown_pages_are_read(profile: Profile, request_for: JobRequest, tmp_path: Path) -> None:
    with FakeProvider(page_size=2, total_steps=20) as provider:
        async with await connect(profile, environ=provider.environ, strict=True) as client:
            job = await create_job(client, profile, request_for)
            provider.finish()
            everything = await poll_events(client, profile, job.id, set())
            assert [event.message for event in everything] == all_messages(provider)
            before = len(provider.requests)
            known = {event.id for event in everything[:-3]}
            assert await poll_events(client, profile, job.id, known) == everything[-3:]
            assert len(provider.requests) - before == 2


async def test_a_provider_that_lists_the_oldest_first_loses_nothing(
    client: openai.AsyncOpenAI, profile: Profile, provider: FakeProvider, job_id: str
) -> None:
    provider.finish()
    everything = await poll_events(client, profile, job_id, set())
    provider._work.events[job_id].reverse()
    provider.page_size = 3
    assert await poll_events(client, profile, job_id, set()) == everything
    assert await poll_events(client, profile, job_id, {event.id for event in everything[:4]}) == everything[4:]


async def test_trouble_in_the_middle_is_said_waited_out_and_loses_nothing(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    path = f"/jobs/{job_id}"

    def limit() -> None:
        provider.fail(path, status=429, headers={"Retry-After": "7"}, body={"error": {"message": "slow down"}})

    def breakdown() -> None:
        provider.fail(path, status=503, times=2)

    def cut() -> None:
        provider.drop(f"{path}/events", times=1)

    def nothing() -> None: ...

    sleep = FakeSleep(provider.advance, limit, provider.advance, breakdown, nothing, nothing, cut, provider.finish)
    updates = [update async for update in follow(client, profile, job_id, log, sleep=sleep)]
    assert messages(updates) == all_messages(provider)
    troubles = dict.fromkeys(update.trouble for update in updates if update.trouble)
    assert [t.split(": ", 2)[2][:9] for t in troubles] == ["slow down", "scripted ", "the conne"]
    assert 7 <= sleep.waits[2] < 9, "as long as the provider asked"
    assert sleep.waits[5] > sleep.waits[4] > 1.9, "longer each time"
    assert updates[-1].trouble is None


async def test_history_is_shown_while_the_provider_is_away(
    client: openai.AsyncOpenAI, profile: Profile, provider: FakeProvider, job_id: str, log: EventLog
) -> None:
    provider.advance(times=3)
    following = follow(client, profile, job_id, log, sleep=FakeSleep())
    await anext(following)
    await following.aclose()
    async with await connect(
        profile, environ={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "k" * 20}
    ) as away:
        following = follow(away, profile, job_id, EventLog(log.folder), sleep=FakeSleep())
        first, second = await anext(following), await anext(following)
        await following.aclose()
    assert [event.message for event in first.new] == all_messages(provider)
    assert first.job.status == "running"
    assert first.trouble is None
    assert second.trouble is not None
    assert "no connection at 127.0.0.1" in second.trouble


async def test_a_job_that_is_not_there_is_an_error(client: openai.AsyncOpenAI, profile: Profile, log: EventLog) -> None:
    with pytest.raises(ProviderError, match="No such object"):
        await collect(client, profile, "ftjob-none", log)


async def test_a_provider_without_events_is_followed_by_its_status(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    """Like FakeAI, which answers with an event stream where a list should be."""
    provider.fail("/events", status=200, body="data: {}\n\n", headers={"content-type": "text/event-stream"}, times=99)
    updates = await collect(client, profile, job_id, log, provider.finish)
    assert updates[-1].job.status == "succeeded"
    assert updates[-1].trouble is not None
    assert "no events from this provider" in updates[-1].trouble


async def test_events_after_the_last_status_are_still_read(
    azure: FakeProvider, azure_client: openai.AsyncOpenAI, request_for: JobRequest, log: EventLog
) -> None:
    profile = built_in()["azure"]
    job = await create_job(azure_client, profile, request_for)

    def late() -> None:
        azure.emit("Training tokens billed: 7223000")

    updates = await collect(azure_client, profile, job.id, log, azure.finish, late)
    assert messages(updates)[-1] == "Training tokens billed: 7223000"


async def test_a_log_says_that_a_job_ended_only_when_its_history_is_whole(
    azure: FakeProvider, azure_client: openai.AsyncOpenAI, request_for: JobRequest, log: EventLog
) -> None:
    """A follower that is killed between the last status and the last events leaves them to the next one."""
    profile = built_in()["azure"]
    job = await create_job(azure_client, profile, request_for)
    following = follow(azure_client, profile, job.id, log, sleep=FakeSleep(azure.finish))
    while not (await anext(following)).job.ended:
        pass
    await following.aclose()
    kept = EventLog(log.folder).job()
    assert kept is not None
    assert not kept.ended
    azure.emit("Training tokens billed: 7223000")
    updates = await collect(azure_client, profile, job.id, EventLog(log.folder))
    assert messages(updates) == all_messages(azure)
    kept = EventLog(log.folder).job()
    assert kept is not None
    assert kept.ended


async def test_of_two_followers_one_asks_and_writes_and_the_other_takes_over(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    writer = follow(client, profile, job_id, log, sleep=FakeSleep())
    await anext(writer)
    reader = follow(client, profile, job_id, EventLog(log.folder), sleep=FakeSleep())
    seen = [await anext(reader)]
    before = len(provider.requests)
    provider.advance()
    await anext(writer)
    asked = len(provider.requests) - before
    seen.append(await anext(reader))
    assert len(provider.requests) - before == asked, "the reader asks nobody"
    await writer.aclose()
    provider.finish()
    seen += [update async for update in reader]
    assert messages(seen) == all_messages(provider)
    assert [event.message for event in log.events()] == all_messages(provider)


async def test_a_reader_says_what_keeps_the_writer_from_its_provider(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, job_id: str, log: EventLog
) -> None:
    """It asks nobody itself; what it is told ends with the trouble, also where the writer of the note is gone."""
    writer = follow(client, profile, job_id, log, sleep=FakeSleep(), now=lambda: 1000.0)
    await anext(writer)
    reader = follow(client, profile, job_id, EventLog(log.folder), sleep=FakeSleep(), now=lambda: 1001.0)
    assert (await anext(reader)).trouble is None
    provider.fail(f"/jobs/{job_id}", status=503, times=2)
    told = await anext(writer)
    before = len(provider.requests)
    read = await anext(reader)
    assert read.trouble == told.trouble and read.outage is not None and told.outage is not None
    assert (read.outage.what, read.outage.since, read.outage.tries) == ("the provider fails (503)", 1000.0, 1)
    assert read.outage.wait_s == pytest.approx(told.outage.wait_s - 1.0)
    assert len(provider.requests) == before
    provider.advance()
    while (await anext(writer)).trouble:
        pass
    again = await anext(reader)
    assert again.trouble is None and again.new, "the writer asks again"
    provider.fail(f"/jobs/{job_id}", status=503, times=1)
    await anext(writer)
    await writer.aclose()
    provider.finish()
    assert (await anext(reader)).trouble is None, "it asks for itself now, and gets an answer"
    await reader.aclose()
    assert not [path.name for path in log.folder.iterdir() if "trouble" in path.name]


def no_kernel_locks(_: int) -> None:
    raise OSError(95, "no locks")


def test_a_loss_that_is_no_number_is_kept(log: EventLog) -> None:
    """It is the one thing that a person must hear of."""
    raw = {"id": "1", "type": "metrics", "data": {"step": 1, "train_loss": float("nan"), "grad_norm": float("inf")}}
    log.append([Event.from_api(raw)])
    series = fold(EventLog(log.folder).events())
    assert str(series) == "{'train_loss': [(1, nan)], 'grad_norm': [(1, inf)]}"


def test_a_loss_that_only_the_message_tells_is_kept() -> None:
    """JSON has no NaN; rounded numbers of the message never replace the exact ones."""
    message = "Step 2/9: training loss=0.50, validation loss=nan"
    events = [
        Event(id="1", type="metrics", message="Step 2/9: training loss=0.50", data={"step": 2, "train_loss": 0.504}),
        Event(id="2", type="metrics", message=message, data={"step": 2, "total_steps": 9}),
    ]
    assert str(fold(events)) == "{'train_loss': [(2, 0.504)], 'valid_loss': [(2, nan)]}"


def test_lines_that_are_no_event_cost_no_other(tmp_path: Path) -> None:
    """Torn, doubled and joined ones, in a history of several thousand."""
    lines = [json.dumps({"id": f"e{number}", "data": {"step": number}}) for number in range(1500)]
    odd = [*lines[:700], '{"id": "torn', "", f"{lines[0]},{lines[1]}", *lines[690:1200], '{"id": 5}', *lines[1200:]]
    (tmp_path / "events.jsonl").write_text("\n".join(odd) + "\n" + '{"id": "half')
    assert [event.id for event in EventLog(tmp_path).events()] == [f"e{number}" for number in range(1500)]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for attempt in (
        EventLog(tmp_path / "file" / "j").lease().take,
        lambda: EventLog(tmp_path / "file").append([Event(id="1")]),
    ):
        with pytest.raises(WorkbenchError, match="cannot be written"):
            attempt()


def test_a_soft_lease_is_kept_renewed_given_back_and_expires(tmp_path: Path) -> None:
    import os

    first, second = Lease(tmp_path, kernel=no_kernel_locks), Lease(tmp_path, kernel=no_kernel_locks)
    assert first.take()
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    stale = (tmp_path / ".follow-lease").stat().st_mtime - EXPIRES_S - 1
    os.utime(tmp_path / ".follow-lease", (stale, stale))
    assert first.take()
    assert not second.take()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".follow-lease", ".follow-lock"]


def test_an_event_without_an_id_gets_the_same_one_each_time() -> None:
    raw = {"created_at": 5, "message": "hello", "data": None, "level": None}
    event = Event.from_api(raw)
    assert event == Event.from_api(dict(raw))
    assert event.id != Event.from_api({**raw, "created_at": 6}).id
    assert (event.data, event.level, event.type) == ({}, "info", "message")


def test_series_are_whatever_numbers_come() -> None:
    events = [
        Event(id="1", type="metrics", message="Step 60/200: training loss=0.73, validation loss=1.46"),
        Event(id="2", type="metrics", message="Step 70/200: training loss=0.70, full validation loss=1.2"),
        Event(id="3", data={"step": 80, "train_reward_mean": 0.5, "ok": True, "name": "x"}),
        Event(id="4", data={"step": 80, "train_reward_mean": 0.6, "train_loss": float("nan")}),
        Event(id="5", data={"train_loss": 9.0}, message="no step"),
        Event(id="6", message="Step by step"),
    ]
    series = fold(events)
    assert series["valid_loss"] == [(60, 1.46)]
    assert series["full_valid_loss"] == [(70, 1.2)]
    assert series["train_reward_mean"] == [(80, 0.6)]
    assert [step for step, _ in series["train_loss"]] == [60, 70, 80]
    assert set(series) == {"valid_loss", "full_valid_loss", "train_reward_mean", "train_loss"}
    assert position(events) == (80, 200)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "999999"}, 120.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_by_the_server_s_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
