"""The whole engine for real: TRL trains, llama.cpp answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.engine_process import EngineProcess
from tests.engine.engine_training import upload
from tests.engine.tiny import build_tiny_model
from workbench.workspace import paths

COMMAND = [sys.executable, "-m", "workbench.engine"]
LABELS = ("billing", "refund", "login", "shipping")
SETTINGS = {"max_steps": 12, "save_steps": 3, "per_device_train_batch_size": 2, "max_length": 64, "eval_steps": 4}


def records(count: int) -> bytes:
    """Conversations that the tiny model's vocabulary holds."""
    lines = []
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        turns = [
            {"role": "user", "content": f"The {label} order {number}, please"},
            {"role": "assistant", "content": label},
        ]
        lines.append(json.dumps({"messages": turns}))
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[EngineProcess]:
    """The real engine, with the cache where the starter may be."""
    cache = paths.cache(os.environ)
    engine = EngineProcess(command=COMMAND, cache=cache)
    try:
        yield engine.start()
    finally:
        if engine.process is not None and engine.process.poll() is None:
            engine.stop()
        engine.remove()


def losses(engine: EngineProcess, job_id: str) -> dict[tuple[str, int], float]:
    """Every loss by name and step."""
    found = {}
    for line in engine.events_text(job_id).splitlines():
        data = json.loads(line)["data"]
        found |= {(name, data["step"]): data[name] for name in ("train_loss", "valid_loss") if name in data}
    return found


def start_job(engine: EngineProcess, model: Path) -> str:
    sdk = engine.sdk()
    job = sdk.fine_tuning.jobs.create(
        model=str(model),
        training_file=upload(engine, records(24)),
        validation_file=upload(engine, records(4)),
        seed=5,
        extra_body={"ftwb": {"settings": SETTINGS}},
    )
    return str(job.id)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_that_was_killed_ends_with_the_losses_of_one_that_was_not(
    real: EngineProcess, tmp_path: Path
) -> None:
    """First the trainer, then engine and trainer: the job resumes from its checkpoints and ends the same."""
    model = build_tiny_model(tmp_path / "model")
    straight = start_job(real, model)
    assert real.wait(straight, "succeeded", "failed", deadline_s=300) == "succeeded", real.record(straight)["error"]
    killed = start_job(real, model)
    real.wait_step(killed, 4, deadline_s=300)
    real.trainer(killed).kill()
    real.wait_step(killed, 8, deadline_s=300)
    trainer = real.trainer(killed)
    real.kill()
    trainer.kill()
    real.start()
    assert real.wait(killed, "succeeded", "failed", deadline_s=300) == "succeeded", real.record(killed)["error"]
    assert losses(real, killed) == losses(real, straight)
    assert {step for name, step in losses(real, killed) if name == "train_loss"} == set(range(1, 13))
    records_of = [real.record(job) for job in (straight, killed)]
    assert records_of[0]["content_sha256"] == records_of[1]["content_sha256"], "not only the losses: the same weights"


@pytest.mark.starter
@pytest.mark.timeout(300)
def test_the_starter_answers_strictly_in_openais_shape(real: EngineProcess) -> None:
    sdk = real.sdk()
    assert "starter" in {model.id for model in sdk.models.list()}, "not here: run `ftwb model pull starter`"
    question = [{"role": "user", "content": "What is 2+2? Answer with a number."}]
    reply = sdk.chat.completions.create(model="starter", messages=question, temperature=0, max_tokens=16, seed=1)
    chunks = list(
        sdk.chat.completions.create(
            model="starter", messages=question, temperature=0, max_tokens=16, seed=1, stream=True
        )
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert streamed == reply.choices[0].message.content != ""
    assert reply.system_fingerprint == chunks[0].system_fingerprint
    assert reply.system_fingerprint.startswith("ftwb:")
