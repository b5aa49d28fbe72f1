"""A recording plays the whole scenario, traps included, and nothing of it is taken for a measurement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers import chat, files, jobs, stored
from workbench.providers.client import connect
from workbench.providers.errors import ProviderError
from workbench.providers.event_log import EventLog
from workbench.providers.events import follow, poll_events
from workbench.providers.models import list_models
from workbench.providers.pages import as_dict
from workbench.providers.profiles import Profile
from workbench.providers.recordings import recording, recordings
from workbench.providers.replay_job import ReplayedJob
from workbench.providers.request import JobRequest
from workbench.providers.series import fold
from workbench.providers.uploads import upload
from workbench.testing.replay_clock import ReplayClock

MODEL = "gpt-4.1-mini-2025-04-14"


def of(name: str) -> Profile:
    return Profile(name="demo", kind=recording(name)["kind"], replay=name)


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[], JobRequest]:
    def make() -> JobRequest:
        path = tmp_path / "train.jsonl"
        path.write_text('{"messages": []}\n' * 10)
        return JobRequest(profile="demo", model=MODEL, training_file=path, suffix="mine", settings={"n_epochs": 2})

    return make


@pytest.mark.parametrize("name", ["openai", "azure"])
async def test_a_job_is_created_followed_and_asked(
    name: str, clock: ReplayClock, request_of: Callable[[], JobRequest], tmp_path: Path
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
        model = "colours" if name == "azure" else last.fine_tuned_model
        assert (await chat.complete(client, model, asked, profile=profile)).text == "Paris"
        streamed = [part async for part in chat.stream_chat(client, model, asked, profile=profile)]
        assert streamed[0] == "Paris"


async def test_a_paused_job_stands_still_and_a_cancelled_one_ends(
    clock: ReplayClock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    profile, state = of("openai"), tmp_path / "state.json"
    async with await connect(profile, environ={}, replay_state=state) as client:
        job = await jobs.create_job(client, profile, request_of())
        clock.now += 5
        assert (await jobs.pause_job(client, profile, job.id)).status == "pausing"
        with pytest.raises(ProviderError, match="The job is pausing"):
            await jobs.resume_job(client, profile, job.id)
        clock.now += 1
        assert (await jobs.retrieve_job(client, profile, job.id)).status == "paused"
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
            await stored.delete_file(client, of("openai"), "file-recorded0001")


def test_only_bundled_recordings_are_played(tmp_path: Path) -> None:
    assert recordings() == ["azure", "openai", "openai-closed", "openai-flaky"]
    for name in ("nope", "../replay/openai", ""):
        with pytest.raises(WorkbenchError, match="does not exist"):
            recording(name)


async def test_a_state_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps(["?"]))
    async with await connect(of("openai"), environ={}, replay_state=state) as client:
        assert len(await jobs.list_jobs(client, of("openai"))) == 1


async def test_events_that_come_after_the_end_are_followed_to_the_last(
    clock: ReplayClock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    """Azure ends a job first and says afterwards what it billed."""
    profile = of("azure")
    async with await connect(profile, environ={}) as client:
        job = await jobs.create_job(client, profile, request_of())
        clock.now += 14.1
        assert (await jobs.retrieve_job(client, profile, job.id)).status == "succeeded"
        said = [event.message for event in await poll_events(client, profile, job.id, ())]
        assert said[-1] == "Job succeeded."

        async def sleep(_: float) -> None:
            clock.now += 1

        seen: list[str] = []
        async for update in follow(client, profile, job.id, EventLog(tmp_path / "log"), sleep=sleep):
            seen += [event.message for event in update.new]
        assert seen[-1] == "Training tokens billed: 61000"


async def test_each_trouble_of_a_bad_day_is_waited_out_and_makes_no_second_job(
    clock: ReplayClock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    profile, troubles = of("openai-flaky"), set()
    async with await connect(profile, environ={}) as client:
        job = await jobs.create_job(client, profile, request_of(), look_up_s=(0.0,))
        listed = [one.id for one in await jobs.list_jobs(client, profile)]
        assert listed == [job.id, "ftjob-recorded0001"], "the recording's own, and one"

        async def sleep(_: float) -> None:
            clock.now += 1

        update = None
        async for update in follow(client, profile, job.id, EventLog(tmp_path / "log"), sleep=sleep):
            troubles.add(update.trouble)
        assert update is not None and update.job.status == "succeeded"
        assert len(EventLog(tmp_path / "log").events()) == len(recording("openai")["job"]["events"])
        told = " ".join(str(one) for one in troubles)
        for part in ("a web page with HTTP status 502", "Rate limit reached", "the connection broke"):
            assert part in told, told
        with pytest.raises(ProviderError, match="provider's own trouble"):
            await chat.complete(
                client.with_options(max_retries=0), MODEL, [{"role": "user", "content": "x"}], profile=profile
            )
        again = await chat.complete(client, MODEL, [{"role": "user", "content": "Add 2 and 2."}], profile=profile)
        assert again.text == "4", "each trouble comes once"


async def test_azure_s_route_takes_no_dated_version_and_echoes_the_tier_in_its_own_case(
    clock: ReplayClock, request_of: Callable[[], JobRequest]
) -> None:
    profile = of("azure")
    async with await connect(profile, environ={}) as client:
        request = request_of().model_copy(update={"settings": {"trainingType": "GlobalStandard"}})
        assert (await jobs.create_job(client, profile, request)).raw["trainingType"] == "globalStandard"
        dated = client.with_options(default_query={"api-version": "2025-04-01-preview"}, max_retries=0)
        with pytest.raises(ProviderError, match="not allowed when using /v1 path"):
            await jobs.list_jobs(dated, profile)
        assert await jobs.list_jobs(client.with_options(default_query={"api-version": "preview"}), profile)


async def test_a_reinforcement_job_reports_rewards_and_keeps_its_grader(
    clock: ReplayClock, request_of: Callable[[], JobRequest], tmp_path: Path
) -> None:
    profile = of("azure")
    grader = {"type": "string_check", "name": "same", "operation": "eq", "input": "{{sample.output_text}}",
              "reference": "{{item.answer}}"}  # fmt: skip
    changes = {"method": "reinforcement", "model": "o4-mini-2025-04-16", "settings": {"grader": grader}}
    async with await connect(profile, environ={}) as client:
        job = await jobs.create_job(client, profile, request_of().model_copy(update=changes))
        assert job.method == "reinforcement" and job.raw["method"]["reinforcement"]["grader"] == grader
        clock.now += 60
        series = fold(await poll_events(client, profile, job.id, ()))
        names = {"train_reward_mean", "valid_reward_mean", "train_reasoning_tokens_mean", "valid_reasoning_tokens_mean"}
        assert names <= set(series) and len(series["train_reward_mean"]) == 8
        done = await jobs.retrieve_job(client, profile, job.id)
        rows = await files.result_rows(client, done.result_files[0], profile=profile)
        assert set(rows[0]) == {"step", *names}


async def test_checkpoints_are_named_as_each_provider_does_and_null_metrics_are_none(
    clock: ReplayClock, request_of: Callable[[], JobRequest]
) -> None:
    for name, begins in (("openai", "ftckpt_"), ("azure", "ftchkpt-")):
        async with await connect(of(name), environ={}) as client:
            job = await jobs.create_job(client, of(name), request_of())
            clock.now += 30
            found = await jobs.list_checkpoints(client, of(name), job.id)
            assert all(one.id.startswith(begins) for one in found) and len({one.id for one in found}) == 2
            assert all(value is not None for one in found for value in one.metrics.values())
            sent = await upload(client, request_of().training_file, profile=of(name))
            assert any(
                one.id == sent.id and one.name.startswith("train") for one in await stored.list_files(client, of(name))
            )
