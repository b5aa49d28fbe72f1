"""The trainer for real, on the tiny model: what it writes, and that neither kill -9 nor SIGTERM changes what it learns.

One uninterrupted run is compared with one that is killed, resumed, stopped and resumed again. The trainer is run from a
copy, as the engine does; the copy of the second run ends itself at a given step, so that no test has to hit a moment.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.tiny import build_tiny_model
from workbench.engine.trainers import trainer_folder
from workbench.engine.trainers.sft import checkpoints
from workbench.engine.trainers.sft.failures import TrainingFailed, explain
from workbench.engine.trainers.sft.journal import Journal

pytestmark = pytest.mark.timeout(400)
"""Five processes import torch and TRL, which takes each half a minute on a busy machine."""

RECORDS, BATCH, EPOCHS = 24, 4, 2
STEPS = RECORDS // BATCH * EPOCHS

ENDS_ITSELF = """
import os, signal
_on_log = JobCallback.on_log
def _end(self, args, state, control, logs=None, **more):
    _on_log(self, args, state, control, logs=logs, **more)
    if "loss" in (logs or {}) and state.global_step == int(os.environ["END_AT"]):
        os.kill(os.getpid(), getattr(signal, os.environ["END_BY"]))
JobCallback.on_log = _end
"""


def write_records(path: Path, count: int, seed: int) -> None:
    numbers = random.Random(seed)
    rows = []
    for _ in range(count):
        length = numbers.randint(10, 30)
        ids = [numbers.randint(3, 400) for _ in range(length)]
        rows.append({"input_ids": ids, "completion_mask": [0] * (length // 2) + [1] * (length - length // 2)})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_job(job_dir: Path, base: Path, **settings: Any) -> Path:
    (job_dir / "data").mkdir(parents=True)
    write_records(job_dir / "data/train.tokens.jsonl", RECORDS, 0)
    write_records(job_dir / "data/validation.tokens.jsonl", 6, 1)
    shutil.copytree(trainer_folder("sft"), job_dir / "code")
    job = {
        "method": "sft",
        "base": {"id": "tiny", "path": str(base), "sha256": "0" * 64},
        "train": "data/train.tokens.jsonl",
        "validation": "data/validation.tokens.jsonl",
        "settings": {"num_train_epochs": EPOCHS, "save_steps": 2, "learning_rate": 1e-2, **settings},
        "seed": 7,
        "model_id": "ft:tiny:local:x:00000000",
    }
    (job_dir / "settings.json").write_text(json.dumps(job))
    return job_dir


def train(job_dir: Path, **environ: str) -> int:
    with (job_dir / "train.log").open("a") as log:
        command = [sys.executable, str(job_dir / "code"), str(job_dir)]
        return subprocess.run(command, stdout=log, stderr=log, env={**os.environ, **environ}, check=False).returncode


def lines(job_dir: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (job_dir / "progress.jsonl").read_text().splitlines()]
    return [line for line in found if line["kind"] == kind]


def state(job_dir: Path) -> dict[str, Any]:
    return dict(json.loads((job_dir / "state.json").read_text()))


@dataclass
class Interrupted:
    """The second run, and how it stood after each of its ends."""

    folder: Path
    killed: tuple[int, list[str], dict[str, Any]]
    """Exit status, visible checkpoints, state."""
    stopped: tuple[int, list[str], dict[str, Any]]
    finished: int


def interrupted_run(folder: Path, base: Path) -> Interrupted:
    job = make_job(folder, base)
    callback = job / "code" / "callback.py"
    original = callback.read_text()
    callback.write_text(original + ENDS_ITSELF)
    ends = []
    for at, by in (("9", "SIGKILL"), ("10", "SIGTERM")):
        status = train(job, END_AT=at, END_BY=by)
        ends.append((status, sorted(path.name for path in (job / "checkpoints").iterdir()), state(job)))
        if by == "SIGKILL":
            with (job / "progress.jsonl").open("a") as file:
                file.write('{"t": 1, "kind": "lo')  # what a kill in the middle of a write leaves
    callback.write_text(original)
    return Interrupted(job, ends[0], ends[1], train(job))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, base: Path) -> tuple[Path, Interrupted]:
    """Both runs, at the same time."""
    folder = tmp_path_factory.mktemp("jobs")
    with ThreadPoolExecutor() as pool:
        interrupted = pool.submit(interrupted_run, folder / "interrupted", base)
        whole = make_job(folder / "whole", base)
        assert train(whole) == 0, (whole / "train.log").read_text()[-2000:]
        return whole, interrupted.result()


def losses(job_dir: Path) -> dict[int, float]:
    """The last loss that was logged for each step."""
    clean = [line for line in (job_dir / "progress.jsonl").read_text().splitlines() if line.endswith("}")]
    found = [json.loads(line) for line in clean]
    return {line["step"]: line["data"]["train_loss"] for line in found if line["kind"] == "log"}


def test_a_whole_run_tells_what_happened(runs: tuple[Path, Interrupted]) -> None:
    whole, _ = runs
    (started,) = lines(whole, "started")
    assert started["total_steps"] == STEPS
    logs = lines(whole, "log")
    assert [line["step"] for line in logs] == list(range(1, STEPS + 1))
    assert {"train_loss", "learning_rate", "grad_norm", "train_mean_token_accuracy", "tokens"} <= logs[0]["data"].keys()
    evals = [line for line in lines(whole, "eval") if "valid_loss" in line["data"]]
    assert [line["step"] for line in evals] == [STEPS // 2, STEPS]
    full = [line["data"]["full_valid_loss"] for line in lines(whole, "eval") if "full_valid_loss" in line["data"]]
    assert full == [evals[-1]["data"]["valid_loss"]]
    assert lines(whole, "finished")[0]["step"] == STEPS
    end = state(whole)
    assert (end["exit"], end["error"], end["step"], end["total_steps"]) == ("finished", None, STEPS, STEPS)
    assert {"pid", "start", "boot_id", "host"} <= end.keys()


def test_it_learns(runs: tuple[Path, Interrupted]) -> None:
    found = losses(runs[0])
    assert sum(found[step] for step in (STEPS - 1, STEPS)) < sum(found[step] for step in (1, 2))


def test_checkpoints_are_the_newest_three_and_hold_no_pickled_arguments(runs: tuple[Path, Interrupted]) -> None:
    whole, _ = runs
    found = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert found == ["step-10", "step-12", "step-8"]
    assert not list(whole.rglob("training_args.bin"))
    assert not (whole / "scratch").exists()
    saved = {path.name for path in (whole / "model").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors"} <= saved


def test_kill_9_leaves_the_last_complete_checkpoint(runs: tuple[Path, Interrupted]) -> None:
    status, found, end = runs[1].killed
    assert status == -signal.SIGKILL
    assert found == ["step-4", "step-6", "step-8"]
    assert end["exit"] is None


def test_sigterm_is_a_checkpoint_at_the_steps_end(runs: tuple[Path, Interrupted]) -> None:
    """It comes in step 10's log, which is written after that step's end: the checkpoint is step 11's."""
    status, found, end = runs[1].stopped
    assert status == 0
    assert "step-11" in found
    assert (end["exit"], end["step"]) == ("stopped", 11)


def test_losses_are_those_of_an_uninterrupted_run(runs: tuple[Path, Interrupted]) -> None:
    whole, interrupted = runs
    assert interrupted.finished == 0, (interrupted.folder / "train.log").read_text()[-2000:]
    expected, got = losses(whole), losses(interrupted.folder)
    assert got.keys() == expected.keys()
    for step, loss in expected.items():
        assert got[step] == pytest.approx(loss, abs=1e-5), f"step {step}"


def test_the_adapter_is_that_of_an_uninterrupted_run(runs: tuple[Path, Interrupted]) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    whole, interrupted = runs
    expected = load_file(whole / "model/adapter_model.safetensors")
    got = load_file(interrupted.folder / "model/adapter_model.safetensors")
    assert expected.keys() == got.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, atol=1e-6, err_msg=name)


def test_tokens_go_on_counting_after_a_resume(runs: tuple[Path, Interrupted]) -> None:
    """TRL's own count starts at 0 again."""
    whole, interrupted = runs

    def tokens(folder: Path) -> dict[int, int]:
        clean = [line for line in (folder / "progress.jsonl").read_text().splitlines() if line.endswith("}")]
        return {r["step"]: r["data"]["tokens"] for r in map(json.loads, clean) if r["kind"] == "log"}

    assert tokens(interrupted.folder) == tokens(whole)


def test_a_torn_line_does_not_spoil_the_next(runs: tuple[Path, Interrupted]) -> None:
    text = (runs[1].folder / "progress.jsonl").read_text().splitlines()
    torn = [line for line in text if not line.endswith("}")]
    assert torn == ['{"t": 1, "kind": "lo']
    assert [json.loads(line)["kind"] for line in text if line not in torn].count("started") == 3


def test_a_finished_job_is_not_trained_again(runs: tuple[Path, Interrupted]) -> None:
    whole, _ = runs
    before = len(lines(whole, "log"))
    assert train(whole) == 0
    assert len(lines(whole, "log")) == before
    assert state(whole)["exit"] == "finished"


def test_a_failure_is_told_in_both_files(tmp_path: Path) -> None:
    """A base that is not there: an error line, state failed, exit status 1, the traceback in the log only."""
    job = make_job(tmp_path / "job", tmp_path / "nowhere")
    assert train(job) == 1
    (line,) = lines(job, "error")
    assert line["data"]["code"] == "trainer_failed"
    assert "nowhere" in line["data"]["message"]
    assert state(job)["exit"] == "failed"
    assert state(job)["error"] == line["data"]


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    import transformers

    from workbench.engine.trainers.sft.callback import JobCallback

    callback = JobCallback(Journal(tmp_path), tmp_path, None, None)
    now = transformers.TrainerState(global_step=3, max_steps=10)
    callback.on_log(None, now, None, logs={"loss": 1.0, "grad_norm": 1.0})
    for bad in ({"loss": float("nan")}, {"loss": 1.0, "grad_norm": float("inf")}):
        with pytest.raises(TrainingFailed, match="at step 3; use a smaller learning_rate") as caught:
            callback.on_log(None, now, None, logs=bad)
        assert caught.value.code == "loss_not_finite"


def test_a_gradient_that_overflows_in_fp16_is_no_failure(tmp_path: Path) -> None:
    """The first steps of fp16 find the loss scale that way."""
    import transformers

    from workbench.engine.trainers.sft.callback import JobCallback

    callback = JobCallback(Journal(tmp_path), tmp_path, None, None)
    now = transformers.TrainerState(global_step=1, max_steps=10)
    args = type("FakeArguments", (), {"fp16": True})()
    callback.on_log(args, now, None, logs={"loss": 1.0, "grad_norm": float("inf")})
    with pytest.raises(TrainingFailed):
        callback.on_log(args, now, None, logs={"loss": float("nan")})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk_full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (ImportError("No module named 'trl'"), "missing_package"),
        (KeyError("input_ids"), "trainer_failed"),
    ],
)
def test_errors_have_codes(error: Exception, code: str) -> None:
    assert explain(error)["code"] == code


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_never_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "scratch", tmp_path / "checkpoints" / "step-5"
    source.mkdir()
    (source / "optimizer.pt").write_bytes(b"x")

    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "sync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoints.publish(source, target)
    assert not target.exists()
    assert checkpoints.newest(tmp_path) is None


def test_the_newest_checkpoint_is_by_number_and_half_ones_are_ignored(tmp_path: Path) -> None:
    for name in ("step-9", "step-10", ".gone-step-11"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoints" / "step-10"
    checkpoints.clean(tmp_path)
    assert not (tmp_path / "checkpoints" / ".gone-step-11").exists()
