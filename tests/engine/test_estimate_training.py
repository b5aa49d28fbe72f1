"""Estimates say that they are, and follow what they are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.engine.tiny import build_tiny_model
from workbench.catalog.figure import Figure, Origin
from workbench.engine.estimate import (
    Estimate,
    adapter_parameters,
    estimate,
    free_memory,
    record_speed,
    total_steps,
)
from workbench.engine.gpu import Gpu
from workbench.engine.models.folder import ModelFolder, read_folder

SMOLLM2 = {
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "vocab_size": 49152,
}


class Smollm2:
    """The starter model's numbers."""

    parameters = 134_515_008
    max_length = 8192
    config = SMOLLM2


def of(free: int = 10**11, calibration: Path | None = None, **settings: float) -> Estimate:
    return estimate(
        Smollm2(), n_records=100, mean_tokens=80, max_tokens=130, settings=settings, free=free, calibration=calibration
    )


class Llama:
    """A model of random weights that was trained on a GPU to measure its peak."""

    max_length = 8192

    def __init__(self, parameters: int, width: int, layers: int, key_value: int, inner: int) -> None:
        self.parameters = parameters
        self.config = SMOLLM2 | {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": 32,
            "num_key_value_heads": key_value,
            "head_dim": width // 32,
            "intermediate_size": inner,
        }


H200 = Gpu("NVIDIA H200", free=150 * 10**9, total=151 * 10**9, bf16=True, flops=7.5e14)


@pytest.mark.parametrize(
    ("model", "batch", "peak"),
    [
        (Llama(1_170_302_976, 2048, 22, 4, 5632), 8, 23.8),
        (Llama(7_382_241_280, 4096, 32, 8, 14336), 4, 47.1),
    ],
)
def test_a_gpus_memory_is_near_the_peaks_that_were_measured(model: Llama, batch: int, peak: float) -> None:
    """nvidia-smi's highest reading while LoRA trained on records of 1024 tokens."""
    settings = {"per_device_train_batch_size": batch, "max_steps": 12}
    found = estimate(model, n_records=400, mean_tokens=930, max_tokens=1024, settings=settings, gpu=H200)
    assert found.memory.value == pytest.approx(peak, rel=0.03)
    assert found.fits
    assert "H200" in (found.memory.source or "")
    assert found.free.value == 150
    small = dataclasses.replace(H200, free=16 * 10**9)
    assert not estimate(model, n_records=400, mean_tokens=930, max_tokens=1024, settings=settings, gpu=small).fits


def test_a_gpus_time_is_from_its_own_speed_then_from_an_earlier_job(tmp_path: Path) -> None:
    file = tmp_path / "speeds.json"

    def seconds(gpu: Gpu) -> Figure:
        model = Llama(7_382_241_280, 4096, 32, 8, 14336)
        asked = {"n_records": 400, "mean_tokens": 930, "max_tokens": 1024, "settings": {}}
        return estimate(model, gpu=gpu, calibration=file, **asked).seconds

    twice = dataclasses.replace(H200, flops=2 * H200.flops)
    assert (seconds(H200).value or 0) - 15 == pytest.approx(2 * ((seconds(twice).value or 0) - 15), abs=0.2)
    assert seconds(dataclasses.replace(H200, flops=0.0)).origin is Origin.NOT_MEASURED
    record_speed(file, 7_382_241_280, 3871.0, H200)
    record_speed(file, 7_382_241_280, 1.0)  # the processor's speed is another
    assert seconds(H200).value == pytest.approx(3 * 400 * 930 / 3871 + 15, abs=1)


def test_figures_say_where_they_come_from() -> None:
    found = of()
    assert found.memory.origin is found.seconds.origin is Origin.ESTIMATED
    assert found.free.origin is Origin.MEASURED
    assert "Adam" in (found.memory.source or "")


def test_the_starters_memory_is_near_what_was_measured() -> None:
    """2.8 GB resident were measured at batches of at most 4 × 135 tokens."""
    assert of().memory.value == pytest.approx(2.8, abs=0.3)


def test_memory_grows_with_batch_and_length_and_shrinks_with_checkpointing() -> None:
    usual = of().memory.value or 0
    assert (of(per_device_train_batch_size=16).memory.value or 0) > 2 * usual
    assert (of(gradient_checkpointing=True).memory.value or 0) < usual
    assert (of(max_length=32).memory.value or 0) < usual


def test_it_fits_or_not() -> None:
    assert of(free=8 * 10**9).fits
    assert not of(free=2 * 10**9).fits


def test_the_adapters_size_is_pefts() -> None:
    """4.88 million for rank 16 on all linear layers of the starter: what PEFT prints."""
    assert adapter_parameters(SMOLLM2, 16) == 4_884_480


@pytest.mark.parametrize(
    ("settings", "steps"),
    [({}, 75), ({"num_train_epochs": 1}, 25), ({"gradient_accumulation_steps": 4}, 21), ({"max_steps": 9}, 9)],
)
def test_steps_are_counted_as_the_trainer_does(settings: dict[str, float], steps: int) -> None:
    assert total_steps(100, settings) == steps


def test_a_measured_speed_replaces_the_formula(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    guessed = of(calibration=file)
    record_speed(file, Smollm2.parameters, 160.0)
    record_speed(file, 1, 5.0)
    measured = of(calibration=file)
    assert "measured" not in (guessed.seconds.source or "")
    assert "160 tokens/s" in (measured.seconds.source or "")
    assert measured.seconds.value == pytest.approx(75 * 4 * 80 / 160 + 15)


def test_a_broken_calibration_is_no_calibration(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    file.write_text("[]")
    assert of(calibration=file).seconds == of().seconds


def test_a_models_folder_is_enough(tmp_path: Path) -> None:
    model: ModelFolder = read_folder(build_tiny_model(tmp_path), "tiny")
    assert estimate(model, n_records=10, mean_tokens=20, max_tokens=30, settings={}, free=10**10).fits


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    """cgroup v2: the tightest limit on the way up; file caches that can be dropped are free."""
    group = tmp_path / "cgroup/user/job"
    group.mkdir(parents=True)
    (tmp_path / "membership").write_text("0::/user/job\n")
    for folder, limit in ((group, "max"), (group.parent, "1000000")):
        (folder / "memory.max").write_text(limit + "\n")
        (folder / "memory.current").write_text("700000\n")
        (folder / "memory.stat").write_text("anon 1\ninactive_file 50000\n")
    assert free_memory(tmp_path / "cgroup", tmp_path / "membership") == 350_000
    (group.parent / "memory.max").write_text("max\n")
    assert free_memory(tmp_path / "cgroup", tmp_path / "membership") > 350_000


def test_cgroup_v1_counts_too(tmp_path: Path) -> None:
    group = tmp_path / "cgroup/memory/job"
    group.mkdir(parents=True)
    (tmp_path / "membership").write_text("5:cpu:/x\n4:memory:/job\n")
    (group / "memory.limit_in_bytes").write_text("1000000\n")
    (group / "memory.usage_in_bytes").write_text("400000\n")
    (group / "memory.stat").write_text("total_inactive_file 0\n")
    assert free_memory(tmp_path / "cgroup", tmp_path / "membership") == 600_000


def test_without_cgroups_the_system_counts(tmp_path: Path) -> None:
    assert free_memory(tmp_path, tmp_path / "absent") > 10**8
