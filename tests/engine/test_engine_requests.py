"""Requests that are wrong get one sentence, in OpenAI's shape, that names the parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.engine.engine_process import EngineProcess, running_engine
from tests.engine.engine_training import upload
from tests.engine.openai_spec import check

JOBS = "/v1/fine_tuning/jobs"
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    """One engine for all refusals: none of them changes anything."""
    with running_engine() as process:
        yield process


@pytest.fixture(scope="module")
def file_id(engine: EngineProcess) -> str:
    return upload(engine)


def refusal(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    check("ErrorResponse", answer.json())
    error = answer.json()["error"]
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model": None}, "model", "invalid_type"),
        ({"model": ""}, "model", "string_below_min_length"),
        ({"model": "gpt-4o"}, "model", "model_not_found"),
        ({"model": "ft:starter:local::12345678"}, "model", "model_not_tunable"),
        ({"training_file": "file-nowhere"}, "training_file", "file_not_found"),
        ({"training_file": 5}, "training_file", "invalid_type"),
        ({"validation_file": "file-nowhere"}, "validation_file", "file_not_found"),
        ({"suffix": ""}, "suffix", "string_below_min_length"),
        ({"suffix": "x" * 65}, "suffix", "string_above_max_length"),
        ({"seed": -1}, "seed", "integer_below_min_value"),
        ({"seed": 2**31}, "seed", "integer_above_max_value"),
        ({"seed": 1.5}, "seed", "invalid_type"),
        ({"seed": True}, "seed", "invalid_type"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", "integer_below_min_value"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs", "integer_above_max_value"),
        ({"hyperparameters": {"n_epochs": "3"}}, "hyperparameters.n_epochs", "invalid_type"),
        ({"hyperparameters": {"batch_size": 257}}, "hyperparameters.batch_size", "integer_above_max_value"),
        (
            {"hyperparameters": {"learning_rate_multiplier": 0}},
            "hyperparameters.learning_rate_multiplier",
            "decimal_below_min_value",
        ),
        (
            {"hyperparameters": {"learning_rate_multiplier": 10**400}},
            "hyperparameters.learning_rate_multiplier",
            "decimal_above_max_value",
        ),
        ({"hyperparameters": {"momentum": 1}}, "hyperparameters.momentum", "unknown_parameter"),
        ({"method": {"type": "ppo"}}, "method.type", "invalid_value"),
        ({"method": {"type": "dpo"}}, "method.type", "invalid_value"),
        ({"method": {"type": "reinforcement"}}, "method.type", "invalid_value"),
        ({"method": {}}, "method.type", "missing_required_parameter"),
        (
            {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 99}}}},
            "method.supervised.hyperparameters.n_epochs",
            "integer_above_max_value",
        ),
        ({"method": {"type": "supervised", "dpo": {"hyperparameters": {}}}}, "method.dpo", "invalid_value"),
        (
            {
                "hyperparameters": {"n_epochs": 1},
                "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
            },
            "hyperparameters",
            "invalid_value",
        ),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"k": "v" * 513}}, "metadata", "string_above_max_length"),
        ({"metadata": {"k": 1}}, "metadata", "invalid_type"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, "integrations", "invalid_value"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
        ({"ftwb": {"method": "orpo"}}, "ftwb.method", "invalid_value"),
        ({"ftwb": {"settings": {"magic": 1}}}, "ftwb.settings", "unknown_setting"),
        ({"ftwb": {"settings": {"learning_rate": "fast"}}}, "ftwb.settings.learning_rate", "invalid_value"),
        ({"ftwb": {"colour": 1}}, "ftwb.colour", "unknown_parameter"),
        ({"ftwb": {"trainer_python": "missing"}}, "ftwb.trainer_python", "trainer_python"),
        (
            {"hyperparameters": {"n_epochs": 2}, "ftwb": {"settings": {"num_train_epochs": 3}}},
            "ftwb.settings.num_train_epochs",
            "invalid_value",
        ),
    ],
)
def test_a_job_that_cannot_be(
    engine: EngineProcess, file_id: str, changes: dict[str, Any], param: str, code: str
) -> None:
    with engine.http() as http:
        body = {"model": "starter", "training_file": file_id, **changes}
        error = refusal(http.post(JOBS, json=body), 400)
        assert (error["param"], error["code"]) == (param, code), error
        assert http.get(JOBS).json()["data"] == [], "nothing was created"


def test_a_method_that_is_not_here_is_answered_with_those_that_are(engine: EngineProcess, file_id: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        engine.sdk().fine_tuning.jobs.create(model="starter", training_file=file_id, method={"type": "dpo"})
    assert "can do sft (supervised), not 'dpo'" in caught.value.message
    assert caught.value.param == "method.type"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": "hello"}, "messages", "invalid_type"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages", "invalid_type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages",
            "unsupported_value",
        ),
        ({"temperature": 2.1}, "temperature", "integer_above_max_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"top_p": -0.1}, "top_p", "integer_below_min_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"presence_penalty": 3}, "presence_penalty", "integer_above_max_value"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"logit_bias": {"1": 2}}, "logit_bias", "unsupported_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"stop": []}, "stop", "invalid_type"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"top_k": 5}, "top_k", "unknown_parameter"),
    ],
)
def test_a_chat_that_cannot_be(engine: EngineProcess, changes: dict[str, Any], param: str, code: str) -> None:
    with engine.http() as http:
        error = refusal(http.post(CHAT, json={"model": "starter", "messages": HELLO, **changes}), 400)
        assert (error["param"], error["code"]) == (param, code), error


def test_what_asks_for_nothing_is_let_through(engine: EngineProcess) -> None:
    """The SDK and its wrappers send such values by habit."""
    body = {
        "model": "starter", "messages": HELLO, "n": 1, "logprobs": False, "tools": [], "temperature": 1, "stop": "x",
        "response_format": {"type": "text"}, "max_completion_tokens": 5, "user": "me", "store": False, "seed": None,
    }  # fmt: skip
    with engine.http() as http:
        assert http.post(CHAT, json=body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "param"),
    [
        ("GET", f"{JOBS}/ftjob-nowhere", 404, "fine-tuning_job_not_found", "fine_tuning_job_id"),
        ("POST", f"{JOBS}/ftjob-nowhere/cancel", 404, "fine-tuning_job_not_found", "fine_tuning_job_id"),
        ("GET", f"{JOBS}/ftjob-nowhere/events", 404, "fine-tuning_job_not_found", "fine_tuning_job_id"),
        ("GET", f"{JOBS}/..%2f..%2fkey", 404, None, None),
        ("GET", "/v1/files/file-nowhere", 404, "file_not_found", "file_id"),
        ("GET", "/v1/files/file-nowhere/content", 404, "file_not_found", "file_id"),
        ("DELETE", "/v1/files/file-nowhere", 404, "file_not_found", "file_id"),
        ("GET", "/v1/models/gpt-9", 404, "model_not_found", "model"),
        ("GET", "/v1/models/ft:starter:local::00000000", 404, "model_not_found", "model"),
        ("DELETE", "/v1/models/starter", 400, "model_not_deletable", "model"),
        ("GET", "/v1/nowhere", 404, "unknown_url", None),
        ("GET", "/", 404, "unknown_url", None),
        ("PUT", JOBS, 405, "method_not_supported", None),
        ("GET", CHAT, 405, "method_not_supported", None),
        ("GET", f"{JOBS}?limit=0", 400, "integer_below_min_value", "limit"),
        ("GET", f"{JOBS}?limit=many", 400, "invalid_type", "limit"),
        ("GET", f"{JOBS}?after=ftjob-nowhere", 400, "invalid_value", "after"),
        ("GET", "/v1/files?order=sideways", 400, "invalid_value", "order"),
        ("POST", "/v1/embeddings", 404, "model_not_found", "model"),
        ("POST", "/v1/uploads", 404, "unknown_url", None),
        ("GET", "/ftwb/v1/manifest?job=x", 404, "fine-tuning_job_not_found", "job"),
        ("GET", "/ftwb/v1/tokenizer", 400, "missing_required_parameter", "model"),
        ("GET", "/ftwb/v1/tokenizer?model=gpt-9", 404, "model_not_found", None),
    ],
)
def test_what_is_not_here(
    engine: EngineProcess, method: str, path: str, status: int, code: str | None, param: str | None
) -> None:
    with engine.http() as http:
        error = refusal(http.request(method, path), status)
        if code is not None:
            assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model": NaN}',
        b'{"seed": 1e999}',
        b"\xff\xfe",
        b'{"model": "\\ud800"}',
        b"[" * 100_000,
        b"x" * 100,
    ],
    ids=["empty", "open", "array", "null", "nan", "infinite", "utf16", "surrogate", "deep", "text"],
)
@pytest.mark.parametrize("path", [JOBS, CHAT, "/ftwb/v1/export"])
def test_a_body_that_is_no_json_object(engine: EngineProcess, path: str, content: bytes) -> None:
    with engine.http() as http:
        assert refusal(http.post(path, content=content), 400)["code"] == "invalid_json"


@pytest.mark.parametrize("key", ["wrong", "", "ftwb-" + "x" * 43])
def test_without_the_key_nothing_answers(engine: EngineProcess, key: str) -> None:
    with engine.http(key=key) as http:
        for path in ("/v1/models", "/ftwb/v1/status", "/v1/nowhere"):
            assert refusal(http.get(path), 401)["code"] == "invalid_api_key"


def test_the_sdk_raises_its_authentication_error(engine: EngineProcess) -> None:
    with pytest.raises(openai.AuthenticationError):
        engine.sdk().with_options(api_key="nope").models.list()


def test_secrets_and_prompts_stay_out_of_the_log(engine: EngineProcess) -> None:
    with engine.http() as http:
        http.post(CHAT, json={"model": "starter", "messages": [{"role": "user", "content": "my-secret-prompt"}]})
        http.post(CHAT, content=b'{"messages": "my-secret-prompt"')
    log = engine.log()
    assert engine.key not in log
    assert "my-secret-prompt" not in log
    assert "Traceback" not in log


def test_key_and_socket_belong_to_the_user_alone(engine: EngineProcess) -> None:
    assert (engine.folder / "key").stat().st_mode & 0o777 == 0o600
    assert engine.socket.stat().st_mode & 0o777 == 0o600
    assert engine.socket.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("form", "file", "param"),
    [
        ({"purpose": "fine-tune"}, None, "file"),
        ({}, b"x", "purpose"),
        ({"purpose": "joy"}, b"x", "purpose"),
        ({"purpose": "vision"}, b"x", "purpose"),
        ({"purpose": "fine-tune", "expires_after[anchor]": "now"}, b"x", "expires_after.anchor"),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "5"},
            b"x",
            "expires_after.seconds",
        ),
    ],
)
def test_an_upload_that_cannot_be(engine: EngineProcess, form: dict[str, str], file: bytes | None, param: str) -> None:
    with engine.http() as http:
        before = http.get("/v1/files").json()["data"]
        files = {"file": ("a.jsonl", file)} if file else {"other": ("a", b"x")}
        assert refusal(http.post("/v1/files", data=form, files=files), 400)["param"] == param
        assert http.get("/v1/files").json()["data"] == before


def test_an_upload_that_is_no_form(engine: EngineProcess) -> None:
    with engine.http() as http:
        assert refusal(http.post("/v1/files", json={"purpose": "fine-tune"}), 400)["param"] == "file"
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        refusal(http.post("/v1/files", content=b"not a form", headers=broken), 400)
        refusal(http.post("/v1/files", content=b"x", headers={"Content-Type": "multipart/form-data"}), 400)


def test_files_as_openai_keeps_them(engine: EngineProcess) -> None:
    sdk = engine.sdk()
    content = b'{"a": 1}\n' * 200_000 + b"\xff no text at all"
    file = sdk.files.create(
        file=("../../../etc/träin.jsonl", content),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (file.filename, file.bytes, file.expires_at) == ("träin.jsonl", len(content), file.created_at + 3600)
    assert sdk.files.content(file.id).read() == content
    with engine.http() as http:
        check("OpenAIFile", http.get(f"/v1/files/{file.id}").json())
        check("ListFilesResponse", http.get("/v1/files").json())
        assert check("ListFilesResponse", http.get("/v1/files?purpose=vision").json())["data"] == []
    assert next(iter(sdk.files.list(limit=1))).id == file.id
    other = upload(engine)
    assert [one.id for one in sdk.files.list(order="asc")][-2:] == [file.id, other]
    gone = sdk.files.delete(file.id)
    assert gone.deleted
    with pytest.raises(openai.NotFoundError):
        sdk.files.content(file.id)
    assert not list((engine.folder / "files").glob(f"{file.id}*"))


def test_the_status_is_the_handshake(engine: EngineProcess) -> None:
    with engine.http() as http:
        status = http.get("/ftwb/v1/status").json()
    assert status["protocol"] == 1
    assert status["pid"] == engine.process.pid
    assert status["socket"] == str(engine.socket)
    assert {"version", "host", "boot_id", "started_at", "listening", "jobs", "models"} <= status.keys()


def test_methods_devices_and_estimates(engine: EngineProcess) -> None:
    with engine.http() as http:
        assert http.get("/ftwb/v1/methods").json()["methods"][0]["name"] == "sft"
        devices = http.get("/ftwb/v1/devices").json()
        assert devices["devices"][0]["memory_total"] > devices["devices"][0]["memory_free"] > 0
        body = {"model": "starter", "n_records": 10, "mean_tokens": 50, "max_tokens": 99, "settings": {"n_epochs": 2}}
        assert http.post("/ftwb/v1/estimate", json=body).json()["memory"]["origin"] == "estimated"
        tokenizer = http.get("/ftwb/v1/tokenizer?model=starter").json()
        assert (tokenizer["eos_token"], tokenizer["max_length"]) == ("</s>", 2048)
        last = http.post("/ftwb/v1/pull", json={"model": "gpt-9"}).text.splitlines()[-1]
        assert json.loads(last)["error"] == {
            "message": "model 'gpt-9': does not exist", "code": "model_not_found", "hint": "try starter",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"n_epochs": "many"}, "n_epochs"),
        ({"learning_rate": "fast"}, "settings.learning_rate"),
        ({"max_steps": 10**400}, "settings.max_steps"),
        ({"max_length": "long"}, "settings.max_length"),
    ],
)
def test_an_estimate_of_nonsense_is_refused_by_name(
    engine: EngineProcess, settings: dict[str, Any], param: str
) -> None:
    with engine.http() as http:
        body = {"model": "starter", "n_records": 10, "mean_tokens": 50, "max_tokens": 99, "settings": settings}
        assert refusal(http.post("/ftwb/v1/estimate", json=body), 400)["param"] == param


def test_an_infinite_number_never_gets_into_the_list(engine: EngineProcess, file_id: str) -> None:
    """1e999 is JSON and reads as infinity, which is not: one such job would make the list unreadable for ever."""
    body = '{"model": "starter", "training_file": "%s", "hyperparameters": {"learning_rate_multiplier": 1e999}}'
    with engine.http() as http:
        assert refusal(http.post(JOBS, content=body % file_id), 400)["code"] == "invalid_json"
        assert http.get(JOBS).json()["data"] == []
