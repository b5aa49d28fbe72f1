"""Jobs over real HTTP: created once, read whatever their shape."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.errors import ProviderError
from workbench.providers.files import parse_results
from workbench.providers.jobs import (
    Job,
    cancel_job,
    create_job,
    list_checkpoints,
    list_jobs,
    pause_job,
    resume_job,
    retrieve_job,
)
from workbench.providers.profiles import Profile, built_in
from workbench.providers.request import JobRequest
from workbench.testing.fake_provider import FakeProvider

if TYPE_CHECKING:
    import openai

CREATE = "/fine_tuning/jobs"
NOW = (0.0,)


def created(provider: FakeProvider) -> list[Any]:
    return [r for r in provider.requests if r.method == "POST" and r.path.endswith(CREATE)]


async def test_a_job_s_whole_life(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    request_for.validation_file = request_for.training_file
    request_for.settings = {"n_epochs": 2}
    request_for.suffix = "tickets"
    job = await create_job(client, profile, request_for)
    assert (job.profile, job.method, job.status, job.suffix) == ("openai", "sft", "validating_files", "tickets")
    assert job.settings == {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": "auto"}
    assert job.training_file != job.validation_file
    assert provider.uploads[str(job.training_file)] == request_for.training_file.read_bytes()
    assert provider.finish() == "succeeded"
    done = await retrieve_job(client, profile, job.id)
    assert done.ended
    assert done.fine_tuned_model == f"ft:{request_for.model}:fake:tickets:{job.id[-8:]}"
    assert done.trained_tokens == 1000
    assert done.cost.value is None
    checkpoints = await list_checkpoints(client, profile, job.id)
    assert [c.step_number for c in checkpoints] == [3, 2, 1]
    assert checkpoints[0].metrics == {"step": 3, "train_loss": pytest.approx(2 / 3)}


async def test_cancel_pause_and_resume(
    azure: FakeProvider, azure_client: openai.AsyncOpenAI, request_for: JobRequest
) -> None:
    """The live services' states `pending` and `paused` are outside the SDK's enum."""
    profile = built_in()["azure"]
    request_for.settings = {"trainingType": "developerTier"}
    job = await create_job(azure_client, profile, request_for)
    assert job.status == "pending"
    assert not job.ended
    assert job.settings["n_epochs"] == "auto", "Azure sends -1"
    assert job.raw["trainingType"] == "developerTier"
    assert (await pause_job(azure_client, profile, job.id)).status == "paused"
    assert (await resume_job(azure_client, profile, job.id)).status == "queued"
    assert (await cancel_job(azure_client, profile, job.id)).ended
    with pytest.raises(ProviderError, match="The job is cancelled"):
        await cancel_job(azure_client, profile, job.id)


async def test_a_dropped_connection_after_creating_makes_no_second_job(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    provider.drop(CREATE, method="POST", times=9)
    job = await create_job(client, profile, request_for, run_id="run-1", look_up_s=NOW)
    assert [made["id"] for made in provider.jobs] == [job.id]
    assert job.metadata == {"ftwb_run": "run-1"}
    assert len(created(provider)) == 1


@pytest.mark.parametrize("kind", ["azure", "compatible"])
async def test_where_metadata_cannot_be_asked_for_the_file_names_the_job(request_for: JobRequest, kind: str) -> None:
    from workbench.providers.client import connect

    with FakeProvider(flavour="azure" if kind == "azure" else "openai") as provider:
        profile = (
            built_in()["azure"]
            if kind == "azure"
            else Profile(name="nebius", base_url=provider.base_url, api_key_env="K")
        )
        async with await connect(profile, environ={**provider.environ, "K": provider.api_key or ""}) as client:
            await create_job(client, profile, request_for)
            provider.fail(CREATE, method="POST", status=503, carried_out=True)
            job = await create_job(client, profile, request_for, look_up_s=NOW)
        assert len(provider.jobs) == 2
        assert provider.jobs[-1]["id"] == job.id
        assert ("metadata" in created(provider)[0].json) == (kind == "azure")


async def test_a_job_that_did_not_start_is_said_and_not_repeated(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    provider.fail(CREATE, method="POST", status=500)
    with pytest.raises(ProviderError, match="nothing seems to have started") as caught:
        await create_job(client, profile, request_for, look_up_s=NOW)
    assert caught.value.code == "create_failed"
    assert len(created(provider)) == 1


async def test_where_even_the_list_fails_the_run_is_named(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    provider.drop(CREATE, method="POST")
    provider.fail(CREATE, method="GET", status=400, times=9)
    with pytest.raises(ProviderError, match=r"it may have started.* run-7") as caught:
        await create_job(client, profile, request_for, run_id="run-7", look_up_s=NOW)
    assert caught.value.code == "create_unknown"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            403,
            {"error": {"message": "OpenAI is winding down the fine-tuning platform", "code": "training_not_available"}},
            r"winding down.*; train with another profile, such as --profile local",
        ),
        (
            400,
            {"error": {"message": "The specified base model does not support fine-tuning.", "code": "invalidPayload"}},
            "does not support fine-tuning.*; name the base model with its version",
        ),
        (422, {"detail": [{"loc": ["body", "model"], "msg": "field required"}]}, "model: field required"),
        (404, {"detail": "Not Found"}, "Not Found"),
        (429, {"error": {"message": "slow down"}}, "slow down; wait a little"),
        (502, "<html><body>Bad gateway</body></html>", "a web page with HTTP status 502"),
        (
            401,
            {"error": {"message": "Incorrect API key provided: sk-fake-key-0123456789."}},
            r"\*\*\*.*check OPENAI_API_KEY",
        ),
    ],
)
async def test_a_refusal_is_one_sentence_with_a_way_out(
    provider: FakeProvider,
    client: openai.AsyncOpenAI,
    profile: Profile,
    request_for: JobRequest,
    status: int,
    body: Any,
    said: str,
) -> None:
    provider.fail(CREATE, method="POST", status=status, body=body, times=9)
    with pytest.raises(ProviderError) as caught:
        await create_job(client, profile, request_for, look_up_s=NOW)
    assert re.search(said, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value)
    assert (provider.api_key or "") not in told
    assert len(created(provider)) == 1


async def test_reading_is_repeated_where_creating_is_not(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile, request_for: JobRequest
) -> None:
    """An upload too: its file is sent again from the start."""
    provider.fail("/files", status=500, headers={"retry-after-ms": "1"})
    provider.fail(CREATE, method="GET", status=500, headers={"retry-after-ms": "1"})
    job = await create_job(client, profile, request_for, again_s=NOW)
    assert [j.id for j in await list_jobs(client, profile)] == [job.id]
    assert provider.uploads[str(job.training_file)] == request_for.training_file.read_bytes()


async def test_lists_are_read_page_by_page_up_to_the_limit(profile: Profile, request_for: JobRequest) -> None:
    from workbench.providers.client import connect

    with FakeProvider(page_size=2) as provider:
        async with await connect(profile, environ=provider.environ, strict=True) as client:
            ids = [(await create_job(client, profile, request_for)).id for _ in range(5)]
            assert [job.id for job in await list_jobs(client, profile, limit=None)] == ids[::-1]
            assert [job.id for job in await list_jobs(client, profile, limit=3)] == ids[:1:-1]


async def test_a_web_page_instead_of_an_api_is_said(
    provider: FakeProvider, client: openai.AsyncOpenAI, profile: Profile
) -> None:
    provider.fail(CREATE, method="GET", status=200, body="<html>a login page</html>", times=9)
    with pytest.raises(ProviderError, match="not in the shape of OpenAI's API") as caught:
        await list_jobs(client, profile)
    assert "the profile's address" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "method", "said"),
    [
        ({"lora_r": 8}, "sft", "setting 'lora_r': profile openai does not take it"),
        ({"beta": 0.1}, "sft", "setting 'beta'"),
        ({}, "kto", "has no method 'kto'"),
    ],
)
async def test_what_a_profile_does_not_take_is_refused_by_name_before_anything_is_uploaded(
    provider: FakeProvider,
    client: openai.AsyncOpenAI,
    profile: Profile,
    request_for: JobRequest,
    settings: dict[str, Any],
    method: str,
    said: str,
) -> None:
    request_for.settings, request_for.method = settings, method
    with pytest.raises(WorkbenchError, match=said) as caught:
        await create_job(client, profile, request_for)
    assert caught.value.exit_code == 2
    assert provider.requests == []


async def test_our_own_settings_travel_beside_openai_s(
    provider: FakeProvider, client: openai.AsyncOpenAI, request_for: JobRequest
) -> None:
    local = built_in()["local"]
    request_for.settings, request_for.method = {"n_epochs": 1, "lora_r": 8}, "orpo"
    job = await create_job(client, local, request_for)
    body = created(provider)[0].json
    assert body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}}
    assert body["ftwb"] == {"method": "orpo", "settings": {"lora_r": 8}}
    assert job.method == "orpo"
    assert job.settings["lora_r"] == 8
    assert job.settings["n_epochs"] == 1


@pytest.mark.parametrize(("suffix", "kind"), [("x" * 65, "openai"), ("", "openai"), ("a.b", "azure")])
async def test_a_suffix_that_would_be_refused_is_refused_here(
    client: openai.AsyncOpenAI, request_for: JobRequest, suffix: str, kind: str
) -> None:
    request_for.suffix = suffix
    with pytest.raises(WorkbenchError, match="the suffix"):
        await create_job(client, built_in()[kind], request_for)


@pytest.mark.parametrize("error", [{}, {"code": None, "message": None, "param": None}, None])
def test_a_healthy_job_s_error_object_is_no_error(error: Any) -> None:
    assert Job.from_api(built_in()["openai"], {"id": "ftjob-1", "error": error}).error is None


def test_a_job_of_any_shape_is_read_and_nothing_of_it_is_lost() -> None:
    raw = {
        "id": "j",
        "status": "CANCELLATION_REQUESTED",
        "hyperparameters": "auto",
        "method": None,
        "result_files": [{"id": "file-1"}, "file-2"],
        "trained_tokens": "many",
        "error": {"code": "bad", "message": "broken", "param": 3},
        "usage_metrics": {"deep": [1]},
    }
    job = Job.from_api(Profile(name="x"), raw)
    assert (job.status, job.ended, job.trained_tokens, job.result_files) == (
        "CANCELLATION_REQUESTED",
        False,
        None,
        ["file-1", "file-2"],
    )
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("bad", "3")
    assert job.raw == raw
    assert Job.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize(
    "encode", [lambda b: b, lambda b: __import__("base64").b64encode(b), lambda b: b"\xef\xbb\xbf" + b]
)
def test_a_result_file_is_read_in_both_encodings_and_spellings(encode: Any) -> None:
    content = (
        b"step,train_loss,train_accuracy,valid_loss,validation_mean_token_accuracy\n1,0.5,0.9,,\n2,0.4,0.95,0.6,0.8\n"
    )
    assert parse_results(encode(content)) == [
        {"step": 1, "train_loss": 0.5, "train_mean_token_accuracy": 0.9},
        {
            "step": 2,
            "train_loss": 0.4,
            "train_mean_token_accuracy": 0.95,
            "valid_loss": 0.6,
            "valid_mean_token_accuracy": 0.8,
        },
    ]
    assert parse_results(b"\x00\x01nonsense") == []
