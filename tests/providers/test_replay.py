"""A recording plays the whole scenario, traps included, and nothing of it is taken for a measurement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers import chat, files, jobs
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.event_log import EventLog
from workbench.providers.events import follow, poll_events
from workbench.providers.models import list_models
from workbench.providers.pages import as_dict
from workbench.providers.profiles import Profile
from workbench.providers.replay import ReplayTransport, recording, recordings
from workbench.providers.replay_job import ReplayedJob
from workbench.providers.request import JobRequest
from workbench.providers.series import fold

MODEL = "gpt-4.1-mini-2025-04-14"


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def of(name: str) -> Profile:
    return Profile(name="demo", kind=recording(name)["kind"], replay=name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Every recording opened in this test plays by it."""
    clock = Clock()
    whole = ReplayTransport.__init__
    monkeypatch.setattr(ReplayTransport, "__init__", lambda self, name, state=None: whole(self, name, state, clock))
    return clock


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[], JobRequest]:
    def make() -> JobRequest:
        path = tmp_path / "train.jsonl"
        path.write_text('{"messages": []}\n' * 10)
        return JobRequest(profile="demo", model=MODEL, training_file=path, suffix="mine", settings={"n_epochs": 2})

    return make


@pytest.mark.parametrize("name", ["openai", "azure"])
async def test_a_job_is_created_followed_and_asked(
    name: str, clock: Clock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    profile, statuses = of(name), []
    async with await connect(profile, environ={}) as client:
        job = await jobs.create_job(client, profile, request_of())
        assert job.status == ("pending" if name == "azure" else "validating_files")
        assert job.settings["n_epochs"] == 2
        assert job.settings["batch_size"] == "auto", "Azure's -1 too"

        async def sleep(_: float) -> None:
            clock.now += 1
            await asyncio.sleep(0)

        seen: list[str] = []
        async for update in follow(client, profile, job.id, EventLog(tmp_path / "log"), sleep=sleep):
            statuses.append(update.job.status)
            seen += [event.id for event in update.new]
        assert statuses[-1] == "succeeded"
        assert len(seen) == len(set(seen)) == len(recording(name)["job"]["events"])
        last = update.job
        assert last.error is None and last.trained_tokens and last.fine_tuned_model
        rows = await files.result_rows(client, last.result_files[0], profile=profile)
        assert rows[9]["valid_mean_token_accuracy"] > 0, "either column spelling, either encoding"
        series = fold(EventLog(tmp_path / "log").events())
        assert len(series["train_loss"]) == (60 if name == "openai" else 9)
        assert len(await jobs.list_checkpoints(client, profile, job.id)) == 2
        assert {last.fine_tuned_model} <= {model.id for model in await list_models(client, profile)}
        asked: list[dict[str, Any]] = [{"role": "user", "content": "What is the capital of France?"}]
        assert (await chat.complete(client, last.fine_tuned_model, asked, profile=profile)).text == "Paris"
        streamed = [part async for part in chat.stream_chat(client, last.fine_tuned_model, asked, profile=profile)]
        assert streamed[0] == "Paris"


async def test_a_paused_job_stands_still_and_a_cancelled_one_ends(
    clock: Clock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    profile, state = of("openai"), tmp_path / "state.json"
    async with await connect(profile, environ={}, replay_state=state) as client:
        job = await jobs.create_job(client, profile, request_of())
        clock.now += 5
        assert (await jobs.pause_job(client, profile, job.id)).status == "paused"
        before = len(await poll_events(client, profile, job.id, ()))
        clock.now += 500
        assert len(await poll_events(client, profile, job.id, ())) == before
    async with await connect(profile, environ={}, replay_state=state) as client:
        assert (await jobs.retrieve_job(client, profile, job.id)).status == "paused", "another process knows it"
        assert (await jobs.resume_job(client, profile, job.id)).status == "running"
        clock.now += 2
        assert len(await poll_events(client, profile, job.id, ())) > before
        assert (await jobs.cancel_job(client, profile, job.id)).status == "cancelled"
        with pytest.raises(ProviderError, match="The job is cancelled"):
            await jobs.resume_job(client, profile, job.id)
        assert [one.id for one in await jobs.find_jobs(client, profile, "ftwb_run", job.metadata["ftwb_run"])] == [
            job.id
        ]


async def test_the_traps_are_in_the_recordings(request_of: Callable[[], JobRequest]) -> None:
    openai = ReplayedJob.finished(recording("openai")["job"], recording("openai")["finished"][0]).object(2e9)
    azure = ReplayedJob.from_state(recording("azure")["job"], {"id": "x", "created": 0, "body": {"model": MODEL},
                                                              "marks": []}, 1).object(1)  # fmt: skip
    assert openai["error"] == {} and "user_provided_suffix" in openai
    assert azure["status"] == "pending" and azure["hyperparameters"]["n_epochs"] == -1
    assert "organization_id" not in azure and "result_files" not in azure
    for name, model, said in (("openai-closed", MODEL, "winding down"), ("azure", "gpt-4.1-mini", "2025-04-14")):
        profile = of(name)
        async with await connect(profile, environ={}) as client:
            with pytest.raises(ProviderError, match=said) as caught:
                await jobs.create_job(client, profile, request_of().model_copy(update={"model": model}))
        assert caught.value.code in ("training_not_available", "invalidPayload")
    async with await connect(of("openai"), environ={}) as client:
        raw = as_dict(await client.files.list())
        assert raw["data"][0]["filename"] == "colours.jsonl"
        with pytest.raises(ProviderError, match="does not hold this call"):
            from workbench.providers.embeddings import embed

            await embed(client.with_options(max_retries=0), "m", ["x"], profile=of("openai"))


def test_only_bundled_recordings_are_played(tmp_path: Path) -> None:
    assert recordings() == ["azure", "openai", "openai-closed"]
    for name in ("nope", "../replay/openai", ""):
        with pytest.raises(WorkbenchError, match="does not exist"):
            recording(name)


async def test_a_state_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps(["?"]))
    async with await connect(of("openai"), environ={}, replay_state=state) as client:
        assert len(await jobs.list_jobs(client, of("openai"))) == 1
