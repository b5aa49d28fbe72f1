"""The settings of a training: TRL's SFTConfig of this interpreter, and LoRA's.

Every plain-valued field of SFTConfig is a setting, except those that the engine itself decides (CONTROLLED). Importing
this module imports neither torch nor TRL.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import re
import typing
from pathlib import Path
from typing import Any

_CONTROLLED_BY = {
    "where things go and who is told": "output_dir run_name project report_to logging_strategy logging_first_step "
    "logging_nan_inf_filter log_level log_level_replica log_on_each_node disable_tqdm debug push_to_hub hub_token "
    "hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision trackio_space_id trackio_bucket_id "
    "trackio_static_space_id logging_dir",
    "checkpoints, evaluation and resuming belong to the engine": "save_strategy save_total_limit save_only_model "
    "save_on_each_node save_safetensors enable_jit_checkpoint resume_from_checkpoint ignore_data_skip "
    "restore_callback_states_from_checkpoint load_best_model_at_end metric_for_best_model greater_is_better "
    "eval_strategy eval_on_start eval_delay auto_find_batch_size overwrite_output_dir skip_memory_metrics "
    "include_num_input_tokens_seen include_for_metrics batch_eval_metrics prediction_loss_only "
    "eval_do_concat_batches eval_use_gather_object full_determinism do_train do_eval do_predict",
    "the seed is the job's own field; records arrive tokenized and masked": "seed remove_unused_columns label_names "
    "length_column_name dataset_text_field dataset_kwargs dataset_num_proc chat_template_path eos_token pad_token "
    "completion_only_loss assistant_only_loss truncation_mode formatting_func",
    "the model is the job's base; code from models never runs": "model_init_kwargs trust_remote_code use_cache",
    "devices and processes are the launcher's": "use_cpu no_cuda local_rank deepspeed fsdp fsdp_config "
    "accelerator_config parallelism_config ddp_backend ddp_timeout ddp_find_unused_parameters ddp_bucket_cap_mb "
    "ddp_broadcast_buffers ddp_static_graph dataloader_multiprocessing_context optim_target_modules",
    "TRL itself sets gradient_checkpointing": "activation_checkpointing activation_checkpointing_kwargs",
}
CONTROLLED = frozenset(name for names in _CONTROLLED_BY.values() for name in names.split())
"""Fields of SFTConfig that are not settings, by the reason why."""

DEFAULTS: dict[str, Any] = {
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 4,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 3,
    "logging_steps": 1,
    "gradient_checkpointing": False,
    "max_length": 1024,
    "save_steps": None,
}
"""Where our defaults differ from TRL's, which are made for large models on GPUs (measured on the starter model)."""

LORA_DEFAULTS: dict[str, tuple[Any, str, str]] = {
    "lora_r": (16, "int", "rank of the adapter matrices: more learns more and costs more"),
    "lora_alpha": (32, "int", "scale of the adapter: its effect is lora_alpha / lora_r"),
    "lora_dropout": (0.0, "float", "share of adapter inputs dropped in training"),
    "lora_target_modules": ("all-linear", "str", "which layers get an adapter: all-linear, or names divided by commas"),
}

_SIMPLE = {"bool", "int", "float", "str"}


def cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 itself; without that, bf16 is slower than fp32."""
    try:
        flags = cpuinfo.read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def bf16_default() -> bool:
    """Whether training here is better in bfloat16."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return cpu_has_bf16()


def exposed() -> list[dict[str, Any]]:
    """The settings of this interpreter, each `{name, type, default, help, choices}`, in the order of TRL's class."""
    from trl import SFTConfig

    rows: list[dict[str, Any]] = [
        {"name": name, "type": kind, "default": default, "help": text, "choices": None}
        for name, (default, kind, text) in LORA_DEFAULTS.items()
    ]
    hints = typing.get_type_hints(SFTConfig)
    for field in dataclasses.fields(SFTConfig):
        kind, choices = _plain_type(hints.get(field.name, field.type))
        if field.name in CONTROLLED or kind is None or not field.init:
            continue
        if field.name in DEFAULTS:
            default = DEFAULTS[field.name]
        elif field.name == "bf16":
            default = bf16_default()
        else:
            default = field.default if field.default is not dataclasses.MISSING else None
        if isinstance(default, enum.Enum):
            default = default.value
        text = " ".join(str(field.metadata.get("help") or "").split())
        rows.append({"name": field.name, "type": kind, "default": default, "help": text, "choices": choices})
    return rows


def _plain_type(annotation: Any) -> tuple[str | None, list[str] | None]:
    """The one plain type that a field takes and, for an enumeration, its values; (None, None) for anything else."""
    members = typing.get_args(annotation) or (annotation,)
    names = {getattr(member, "__name__", str(member)) for member in members} - {"NoneType"}
    enums = [member for member in members if isinstance(member, type) and issubclass(member, enum.Enum)]
    if enums:
        return "str", [str(value.value) for value in enums[0]]
    for name in ("float", "int", "bool", "str"):
        if name in names and names <= _SIMPLE:
            return name, None
    return None, None


def split(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`settings` with our defaults, as (LoRA's, TRL's)."""
    lora = {name: settings.get(name, default) for name, (default, _, _) in LORA_DEFAULTS.items()}
    trl = DEFAULTS | {name: value for name, value in settings.items() if name not in LORA_DEFAULTS}
    return lora, trl


def build_lora(settings: dict[str, Any]) -> Any:
    """The `LoraConfig` of a job."""
    from peft import LoraConfig

    lora, _ = split(settings)
    targets = lora["lora_target_modules"]
    if isinstance(targets, str) and targets != "all-linear":
        targets = [name for name in re.split(r"[,\s]+", targets) if name]
    return LoraConfig(
        r=lora["lora_r"],
        lora_alpha=lora["lora_alpha"],
        lora_dropout=lora["lora_dropout"],
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )


def build_arguments(settings: dict[str, Any], *, scratch: Path, seed: int, validation: bool) -> Any:
    """The `SFTConfig` of a job: its settings, and what the engine decides."""
    import torch
    from trl import SFTConfig

    _, trl = split(settings)
    known = {field.name for field in dataclasses.fields(SFTConfig)}
    # When to save is the callback's: at every save_steps, at each epoch, and when told to stop.
    trl = {name: value for name, value in trl.items() if name in known and not (name == "save_steps" and not value)}
    trl.setdefault("bf16", bf16_default() and not trl.get("fp16"))
    if not validation:
        trl.pop("eval_steps", None)
    cuda = torch.cuda.is_available()
    controlled = {
        "output_dir": str(scratch),
        "seed": seed,
        "use_cpu": not cuda,
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "eval_strategy": ("steps" if trl.get("eval_steps") else "epoch") if validation else "no",
        "completion_only_loss": True,
        "dataloader_pin_memory": bool(trl.pop("dataloader_pin_memory", cuda)),
        "push_to_hub": False,
    }
    return SFTConfig(**trl, **{name: value for name, value in controlled.items() if name in known})


def world_rank() -> int:
    """This process's place in a torchrun job; 0 alone."""
    return int(os.environ.get("RANK", "0"))
