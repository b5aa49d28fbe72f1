"""Models that jobs made: they answer, are listed, exported and deleted."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest

from tests.engine.engine_process import EngineProcess, until
from tests.engine.engine_training import create
from tests.engine.openai_spec import check
from workbench.engine.api.chat import _Stream

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def tuned() -> Iterator[tuple[EngineProcess, str, str]]:
    """An engine, a job that succeeded and its model."""
    engine = EngineProcess()
    try:
        engine.start()
        job = create(engine, suffix="t")
        engine.wait(job.id, "succeeded")
        yield engine, job.id, engine.record(job.id)["model_id"]
    finally:
        engine.remove()


def test_base_tuned_and_checkpoint_answer_each_as_itself(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    seen = set()
    for name in ("starter", model, f"{model}:ckpt-step-5"):
        reply = engine.sdk().chat.completions.create(model=name, messages=HELLO, temperature=0, max_tokens=9)
        assert reply.model == name
        assert reply.choices[0].message.content.endswith("you said hello")
        assert reply.usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"}) == {
            "prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9,
        }  # fmt: skip
        assert reply.system_fingerprint.startswith("ftwb:fake:q8_0:")
        seen.add((reply.system_fingerprint, reply.choices[0].message.content))
    assert len(seen) == 3


def test_bodies_fit_openais_schemas(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    body = {"model": model, "messages": HELLO}
    with engine.http() as http:
        check("CreateChatCompletionResponse", http.post("/v1/chat/completions", json=body).json())
        with_usage = {**body, "stream": True, "stream_options": {"include_usage": True}}
        for request, usage in ((with_usage, True), ({**body, "stream": True}, False)):
            lines = http.post("/v1/chat/completions", json=request).text.split("\n\n")
            assert lines[-2:] == ["data: [DONE]", ""]
            chunks = [check("CreateChatCompletionStreamResponse", json.loads(line[6:])) for line in lines[:-2]]
            assert ("usage" in chunks[0]) == usage
            assert (chunks[-1]["choices"] == []) == usage
        check("ListModelsResponse", http.get("/v1/models").json())
        check("Model", http.get(f"/v1/models/{model}").json())


def test_streams(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    chunks = list(
        engine.sdk().chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.endswith("you said hello")
    assert {chunk.model for chunk in chunks} == {model}
    assert len({(chunk.id, chunk.system_fingerprint) for chunk in chunks}) == 1
    assert chunks[-1].usage.completion_tokens == 4
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_a_stream_that_breaks_off_is_an_error_not_an_end(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    stream = engine.sdk().chat.completions.create(
        model=model, messages=[{"role": "user", "content": "break off"}], stream=True
    )
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)


def test_letters_that_some_take_for_line_ends_stay_letters(tuned: tuple[EngineProcess, str, str]) -> None:
    """llama.cpp writes U+2028 and U+0085 as they are into its events."""
    engine, _, model = tuned
    said = "naïve\u2028\u2029\x85 日本 🍜"
    messages: list[Any] = [{"role": "user", "content": said}]
    chunks = engine.sdk().chat.completions.create(model=model, messages=messages, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).endswith(said)


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_gives_the_host_back(tuned: tuple[EngineProcess, str, str], stream: bool) -> None:
    """Else the host would answer on for nobody, and never be idle."""
    engine, _, model = tuned
    body = {"model": model, "messages": [{"role": "user", "content": "hold"}], "stream": stream}

    def leased() -> bool:
        with engine.http() as http:
            return "leased" in http.get("/ftwb/v1/status").json()["models"]

    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(engine.socket))
        content = json.dumps(body).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {engine.key}\r\n"
        caller.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        until(leased, "the lease")
    until(lambda: not leased(), "its end")


async def test_a_stream_that_was_never_begun_gives_the_host_back_too() -> None:
    """A caller who left just before the first event: the generator is cancelled before it starts."""
    released: list[bool] = []
    held = contextlib.AsyncExitStack()
    held.callback(released.append, True)

    async def events() -> AsyncIterator[bytes]:
        yield b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        return

    await _Stream(held, events())({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    assert released == [True]


def test_a_prompt_that_is_too_long_is_the_callers_fault(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    with pytest.raises(openai.BadRequestError) as caught:
        engine.sdk().chat.completions.create(model=model, messages=[{"role": "user", "content": "too long"}])
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("name", ["gpt-4o", "ft:starter:local::00000000", "slow"])
def test_a_model_that_is_not_here(tuned: tuple[EngineProcess, str, str], name: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        tuned[0].sdk().chat.completions.create(model=name, messages=HELLO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_models_are_listed_with_what_they_are(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, _, model = tuned
    found = {one.id: one.model_extra["ftwb"] for one in engine.sdk().models.list()}
    assert (found["starter"]["kind"], found["starter"]["methods"]) == ("base", ["sft"])
    assert (found[model]["kind"], found[model]["base"]) == ("tuned", "starter")
    assert found[model]["sha256"] != found["starter"]["sha256"]
    checkpoint = engine.sdk().models.retrieve(f"{model}:ckpt-step-5")
    assert checkpoint.model_extra["ftwb"]["kind"] == "checkpoint"


def test_an_export_holds_no_pickle_and_no_path_of_this_machine(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, job_id, _ = tuned
    to = engine.base / "out" / "adapter"
    with engine.http() as http:
        answer = http.post("/ftwb/v1/export", json={"job": job_id, "to": str(to), "merge": False}).json()
        assert answer["path"] == str(to)
        assert answer["files"] == [
            "adapter_config.json", "adapter_model.safetensors", "ftwb-manifest.json", "tokenizer.json",
        ]  # fmt: skip
        config = json.loads((to / "adapter_config.json").read_text())
        assert config == {"base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M-Instruct", "r": 16}
        again = http.post("/ftwb/v1/export", json={"job": job_id, "to": str(to), "merge": False})
        assert (again.status_code, again.json()["error"]["code"]) == (400, "export_failed")
        merged = http.post("/ftwb/v1/export", json={"job": job_id, "to": f"{to}-merged", "merge": True}).json()
        assert "model.safetensors" in merged["files"]
        relative = http.post("/ftwb/v1/export", json={"job": job_id, "to": "here", "merge": False})
        assert "not an absolute path" in relative.json()["error"]["message"]
    assert [path.name for path in to.parent.iterdir() if path.name.startswith(".")] == []


def test_the_log_of_a_trainer_is_read_from_its_end(tuned: tuple[EngineProcess, str, str]) -> None:
    engine, job_id, _ = tuned
    with engine.http() as http:
        answer = http.get(f"/ftwb/v1/log?job={job_id}&tail=1")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("environment ")


def test_a_deleted_model_is_gone_and_its_job_is_not(engine: EngineProcess) -> None:
    job = create(engine)
    engine.wait(job.id, "succeeded")
    model = engine.record(job.id)["model_id"]
    assert engine.sdk().models.delete(f"{model}:ckpt-step-5").deleted
    assert [item.step_number for item in engine.sdk().fine_tuning.jobs.checkpoints.list(job.id)] == [10]
    with engine.http() as http:
        check("DeleteModelResponse", http.delete(f"/v1/models/{model}").json())
    for call in (
        lambda: engine.sdk().models.retrieve(model),
        lambda: engine.sdk().chat.completions.create(model=model, messages=HELLO),
    ):
        with pytest.raises(openai.NotFoundError):
            call()
    kept = engine.sdk().fine_tuning.jobs.retrieve(job.id)
    assert (kept.status, kept.fine_tuned_model) == ("succeeded", model)
    assert not (engine.job_dir(job.id) / "model").exists()
    forgotten = next(engine.runtime.rglob("forgotten")).read_text().split()
    assert engine.record(job.id)["content_sha256"] in forgotten
    assert len(set(forgotten)) == 3, "the model and both checkpoints"


def test_the_model_of_a_running_job_is_not_deleted(engine: EngineProcess) -> None:
    job = create(engine, settings={"hold_at": 8, "checkpoint_every": 5})
    engine.wait_step(job.id, 7)
    model = engine.record(job.id)["model_id"]
    with pytest.raises(openai.BadRequestError):
        engine.sdk().models.delete(f"{model}:ckpt-step-5")
    assert engine.sdk().chat.completions.create(model=f"{model}:ckpt-step-5", messages=HELLO).choices
