"""Every setting that is offered reaches the trainer; none that the engine decides is offered."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.engine.trainers import (
    InterpreterUnusable,
    InvalidSetting,
    Method,
    ProbeResult,
    Setting,
    check_settings,
    probe,
    trainer_folder,
)
from workbench.engine.trainers.sft import settings as sft

CHANGED: dict[str, Any] = {
    "lora_target_modules": "q_proj, v_proj",
    "eval_steps": 3,
    "save_steps": 3,
    "max_steps": 17,
    "optim_args": "a=1",
    "neftune_noise_alpha": 5.0,
    "torch_compile_backend": "inductor",
    "torch_compile_mode": "default",
    "dataloader_prefetch_factor": 2,
    "pad_to_multiple_of": 16,
    "packing_strategy": "wrapped",
    "loss_type": "dft",
    "train_sampling_strategy": "group_by_length",
    "lora_dropout": 0.25,
    "router_aux_loss_coef": 0.01,
}
"""Values for settings whose type alone does not give a valid other value."""

ALONG: dict[str, dict[str, Any]] = {
    "dataloader_prefetch_factor": {"dataloader_num_workers": 1},
    "dataloader_persistent_workers": {"dataloader_num_workers": 1},
    "fp16": {"bf16": False},
    "fp16_full_eval": {"bf16": False},
}
"""Settings that a value only makes sense with."""

NEEDS_MORE_THAN_A_CPU = {"tf32", "use_liger_kernel", "fp16", "activation_offloading"}
"""SFTConfig itself refuses these on a machine without a GPU or a package: there the refusal must be TRL's."""


@pytest.fixture(scope="module")
def exposed() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in sft.exposed()}


def other_value(row: dict[str, Any]) -> Any:
    """A value of the setting's type that is not its default."""
    if row["name"] in CHANGED:
        return CHANGED[row["name"]]
    if row["choices"]:
        return next(choice for choice in row["choices"] if choice != row["default"])
    if row["type"] == "bool":
        return not row["default"]
    base = row["default"] if isinstance(row["default"], int | float) else 0
    if row["type"] == "int":
        return int(base) + 1
    return base + 0.125 if base < 1 else base + 1.0


def plain(value: Any) -> Any:
    """Enumerations as their values."""
    return getattr(value, "value", value)


def test_each_setting_reaches_the_trainer(exposed: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """One by one with a changed value, looked up in the object that the trainer is built from."""
    lost: dict[str, Any] = {}
    refused = []
    for name, row in exposed.items():
        wanted = other_value(row)
        given = {name: wanted, **ALONG.get(name, {})}
        if name.startswith("lora_"):
            config = sft.build_lora(given)
            got = getattr(config, {"lora_r": "r", "lora_target_modules": "target_modules"}.get(name, name))
            if got != (wanted if name != "lora_target_modules" else {"q_proj", "v_proj"}):
                lost[name] = got
            continue
        try:
            arguments = sft.build_arguments(given, scratch=tmp_path, seed=1, validation=True)
        except (ValueError, ImportError, RuntimeError):
            refused.append(name)
            continue
        if plain(getattr(arguments, name)) != wanted:
            lost[name] = (wanted, plain(getattr(arguments, name)))
    assert lost == {}
    assert set(refused) <= NEEDS_MORE_THAN_A_CPU
    assert len(exposed) > 40


def test_defaults_shown_are_the_defaults_used(exposed: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    arguments = sft.build_arguments({}, scratch=tmp_path, seed=1, validation=False)
    # by the number of steps, by the device, and "auto" by TRL itself
    decided_when_training = {"save_steps", "dataloader_pin_memory", "pad_to_multiple_of"}
    for name, row in exposed.items():
        if not name.startswith("lora_") and name not in decided_when_training:
            assert plain(getattr(arguments, name)) == row["default"], name
    lora = sft.build_lora({})
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, lora.target_modules) == (16, 32, 0.0, "all-linear")
    assert (arguments.learning_rate, plain(arguments.lr_scheduler_type)) == (1e-3, "cosine")


def test_what_the_engine_decides_is_not_offered_and_is_set(exposed: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    assert sft.CONTROLLED.isdisjoint(exposed)
    for secret in ("hub_token", "output_dir", "report_to", "trust_remote_code", "push_to_hub"):
        assert secret not in exposed
    arguments = sft.build_arguments({}, scratch=tmp_path, seed=11, validation=True)
    assert arguments.output_dir == str(tmp_path)
    assert arguments.report_to == []
    assert arguments.seed == 11
    assert arguments.completion_only_loss is True
    assert plain(arguments.eval_strategy) == "epoch"
    assert not arguments.logging_nan_inf_filter


def test_each_field_of_trl_is_either_offered_or_withheld_for_a_reason(exposed: dict[str, dict[str, Any]]) -> None:
    """A field that is neither is one whose type we do not understand: it must be a structure, not a plain value."""
    from trl import SFTConfig

    unaccounted = {f.name for f in dataclasses.fields(SFTConfig)} - set(exposed) - sft.CONTROLLED
    assert unaccounted <= {"lr_scheduler_kwargs", "gradient_checkpointing_kwargs", "liger_kernel_config"}


def test_bf16_follows_the_processor(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("flags : fpu avx2 avx512f avx512_bf16 sse")
    assert sft.cpu_has_bf16(file)
    file.write_text("flags : fpu avx2 sse")
    assert not sft.cpu_has_bf16(file)
    assert not sft.cpu_has_bf16(tmp_path / "absent")


RESULT = ProbeResult(
    python="3.11",
    methods=(
        Method(
            "sft",
            "supervised",
            (
                Setting("learning_rate", "float", 1e-3, ""),
                Setting("packing", "bool", False, ""),
                Setting("max_length", "int", 1024, ""),
                Setting("pad_to_multiple_of", "int", "auto", ""),
                Setting("lr_scheduler_type", "str", "cosine", "", ("linear", "cosine")),
            ),
        ),
    ),
    versions={"trl": "1.16.0"},
    cuda=False,
)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"learning_rat": 1},
            "setting learning_rat: is not a setting of sft with TRL 1.16.0; did you mean learning_rate?",
        ),
        ({"zzz": 1}, "lists them"),
        ({"learning_rate": "fast"}, 'takes float, not "fast"'),
        ({"learning_rate": -1}, "is -1; use a number from"),
        ({"learning_rate": True}, "takes float, not true"),
        ({"packing": 1}, "takes bool, not 1"),
        ({"max_length": 1.5}, "takes int, not 1.5"),
        ({"lr_scheduler_type": "cosin"}, "did you mean cosine?"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_by_name(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_settings(RESULT, "sft", settings)
    assert words in str(caught.value)
    assert caught.value.setting == next(iter(settings))


def test_settings_that_fit_pass() -> None:
    check_settings(RESULT, "sft", {"learning_rate": 1, "packing": True, "pad_to_multiple_of": "auto", "max_length": 64})


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="use one of: sft"):
        check_settings(RESULT, "dpo", {})
    with pytest.raises(InvalidSetting, match="not a method"):
        trainer_folder("telepathy")


def count(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def test_the_probe_asks_the_interpreter_itself(tmp_path: Path) -> None:
    """In a process of its own, once: the second answer comes from memory, and from the folder for the next process."""
    first, second = await asyncio.gather(probe(sys.executable, tmp_path), probe(sys.executable, tmp_path))
    assert first is second
    assert {"torch", "trl", "peft"} <= first.versions.keys()
    method = first.method("sft")
    assert method is not None
    assert {"learning_rate", "lora_r", "num_train_epochs"} <= {setting.name for setting in method.settings}
    assert count(tmp_path) == 1
    check_settings(first, "sft", {"num_train_epochs": 2, "lora_r": 8})


@pytest.mark.parametrize("python", ["/nonexistent/python", "", "sh -c 'exit 3'"])
async def test_an_interpreter_that_cannot_train_is_named(python: str) -> None:
    with pytest.raises(InterpreterUnusable, match="trainer_python"):
        await probe(python)


def test_the_trainer_imports_nothing_of_ours() -> None:
    """It is copied into jobs and run by interpreters that have no ftwb."""
    for file in trainer_folder("sft").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not [name for name in names if name.startswith("workbench")], file
