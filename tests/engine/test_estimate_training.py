"""Estimates say that they are, and follow what they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.tiny import build_tiny_model
from workbench.catalog.figure import Origin
from workbench.engine.estimate import (
    Estimate,
    adapter_parameters,
    estimate,
    free_memory,
    record_speed,
    total_steps,
)
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
