"""The end of a job is noticed by whoever looks at our records, and its provider is asked now and then."""

from __future__ import annotations

import json

import pytest

from workbench.providers.event_log import EventLog
from workbench.providers.jobs import Job
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider
from workbench.workflow.attach import attach
from workbench.workflow.context import Context
from workbench.workflow.ends import ASK_S, LONGEST_ASK_S, Ends
from workbench.workflow.job_records import job_folder
from workbench.workflow.train import create_job


class Clock:
    """Moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider():
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def context(tmp_path, provider) -> Context:
    return Context(home=tmp_path / "home", cache=tmp_path / "cache", environ=provider.environ)


@pytest.fixture
async def job(context, tmp_path) -> Job:
    path = tmp_path / "train.jsonl"
    path.write_text('{"messages": []}\n' * 10)
    return await create_job(context, JobRequest(profile="openai", model="gpt-4.1-mini-2025-04-14", training_file=path))


async def test_an_end_is_found_once(context, provider, job) -> None:
    """By asking, not more often than now and then."""
    clock = Clock()
    ends = Ends(context, clock)
    assert await ends.look() == []
    provider.finish()
    assert await ends.look() == [], "it was asked a moment ago"
    clock.now += ASK_S
    assert [one.id for one in await ends.look()] == [job.id]
    clock.now += ASK_S
    assert await ends.look() == []
    assert await Ends(context, clock).look() == [], "nor by one that begins later"


async def test_what_another_process_notices_is_noticed(context, provider, job) -> None:
    """Without a question to the provider: its follower keeps the record."""
    ends = Ends(context, Clock())
    assert await ends.look(ask=False) == []
    before = len(provider.requests)
    EventLog(job_folder(context, "openai", job.id)).save_job(job.model_copy(update={"status": "failed"}))
    assert [one.status for one in await ends.look(ask=False)] == ["failed"]
    assert len(provider.requests) == before


async def test_a_job_that_ended_while_nobody_looked_is_found(context, provider, job) -> None:
    """It is recorded as going on: the first question finds the end."""
    provider.finish()
    assert [one.id for one in await Ends(context, Clock()).look()] == [job.id]


async def test_a_provider_that_is_away_is_asked_less_and_less(context, provider, job) -> None:
    """And it is no error."""
    clock = Clock()
    ends = Ends(context, clock)
    provider.fail(f"/jobs/{job.id}", status=400, times=1000)
    pauses, asked, last = [], len(provider.requests), clock.now
    while len(pauses) < 7:
        assert await ends.look() == []
        if len(provider.requests) > asked:
            pauses.append(clock.now - last)
            asked, last = len(provider.requests), clock.now
        clock.now += 1
    assert pauses == [0.0, 2 * ASK_S, 4 * ASK_S, 8 * ASK_S, LONGEST_ASK_S, LONGEST_ASK_S, LONGEST_ASK_S]


async def test_neither_a_key_command_nor_an_engine_is_started(context, provider, job, tmp_path) -> None:
    """A password manager would ask the person; a job of an engine that is gone has nobody to ask."""
    ran = tmp_path / "ran"
    config = f'[profiles.openai]\napi_key_command = "touch {ran}"\n'
    (context.home / "config.toml").write_text(config)
    local = Job(id="ftjob-l", profile="local", model="starter", status="running")
    EventLog(job_folder(context, "local", local.id)).save_job(local)
    before = len(provider.requests)
    assert await Ends(context, Clock()).look() == []
    assert not ran.exists()
    assert len(provider.requests) == before
    assert not (context.home / "engine").exists()


async def test_a_paused_job_is_not_asked_for(context, provider, job) -> None:
    """Who resumes or cancels it keeps a record of it, which is read."""
    log = EventLog(job_folder(context, "openai", job.id))
    log.save_job(job.model_copy(update={"status": "paused"}))
    ends = Ends(context, Clock())
    before = len(provider.requests)
    assert await ends.look() == []
    assert len(provider.requests) == before
    log.save_job(job.model_copy(update={"status": "cancelled"}))
    assert [one.status for one in await ends.look()] == ["cancelled"]


async def test_an_attached_run_ends_too(context, write) -> None:
    """By its files."""
    path = write("train.log", json.dumps({"step": 1, "loss": 2.0}) + "\n")
    run = (await attach(context, path)).job
    clock = Clock()
    ends = Ends(context, clock)
    assert await ends.look() == []
    with path.open("a") as file:
        file.write(json.dumps({"train_runtime": 5.0}) + "\n")
    clock.now += ASK_S
    ended = await ends.look()
    while not ended:  # the file has to stand still for one look
        clock.now += ASK_S
        ended = await ends.look()
    assert [one.id for one in ended] == [run.id]
