"""Whether a training fits this machine and how long it takes: estimates, labelled as such."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.catalog.figure import Figure
from workbench.engine.gpu import Gpu

PROCESS_BYTES = 1_200_000_000
"""Python with torch, transformers, TRL and datasets (0.8 to 0.9 GB), and what the allocator keeps (measured: 2.8 GB
in all for the starter at 4 × 135 tokens, 3.1 GB at 4 × 160)."""

ACTIVATION_BYTES = 68
"""Bytes kept for backward a token, layer and unit of width in fp32: twice the 34 that Korthikanti et al. (2022,
"Reducing Activation Recomputation", eq. 1, attention matrix left out) count for 16 bit."""

LOGIT_COPIES = 3
"""Copies of the logits that exist at once: the logits, their log-softmax, its gradient."""

FLOPS_PER_CORE = 4.5e10
"""Useful multiply-adds ×2 a second and core in fp32, LoRA on a 135M Llama (measured: 4.0 to 5.3e10)."""

GPU_BYTES = 1_000_000_000
"""Of the GPU: CUDA's context and its libraries' workspaces."""

GPU_WIDTH_BYTES, GPU_INNER_BYTES = 16, 11
"""Kept for backward in bfloat16 a token and layer, for each unit of the model's and of its inner width: fitted to peaks
on an H200, 23.8 GB (1.2B, 8 × 1024 tokens) and 47.1 GB (7.4B, 4 × 1024), and near a third, 1.9 GB (the starter)."""

GPU_LOGIT_COPIES = 2
"""As LOGIT_COPIES, on a GPU; of the same fit."""

GPU_SHARE = 0.1
"""Of the speed of a bare matrix product, what a LoRA training reaches (H200, 12 steps: 0.07 with 1.2B parameters, 0.15
with 7.4B)."""

START_SECONDS = 15.0
"""Imports and loading before the first step."""


class Sized(Protocol):
    """What the estimate needs of a model (engine.models.folder.ModelFolder)."""

    @property
    def parameters(self) -> int: ...
    @property
    def max_length(self) -> int: ...
    @property
    def config(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training is expected to take."""

    memory: Figure
    """GB at the worst moment."""
    seconds: Figure
    free: Figure
    """GB free now, for this process and its limits."""
    fits: bool
    steps: int


def estimate(
    model: Sized,
    *,
    n_records: int,
    mean_tokens: float,
    max_tokens: int,
    settings: Mapping[str, Any],
    gpu: Gpu | None = None,
    calibration: Path | None = None,
    free: int | None = None,
) -> Estimate:
    """The estimate for one LoRA job on `gpu`, or on the processor with `free` bytes of memory.

    `calibration` is the file that `record_speed` writes.
    """
    batch = int(settings.get("per_device_train_batch_size") or 4)
    longest = min(max_tokens, int(settings.get("max_length") or 1024), model.max_length)
    steps = total_steps(n_records, settings)
    memory = memory_bytes(model, batch, longest, settings, gpu)
    available = gpu.free if gpu else free_memory() if free is None else free
    width = min(float(longest), (mean_tokens + longest) / 2)  # a batch is padded to its longest record
    accumulate = int(settings.get("gradient_accumulation_steps") or 1)
    batches = steps * accumulate * batch
    seconds = _seconds(model, batches * width, batches * mean_tokens, gpu, calibration)
    return Estimate(
        memory=Figure.estimated(
            round(memory / 1e9, 2),
            "GB",
            _memory_source(gpu),
        ),
        seconds=seconds,
        free=Figure.measured(
            round(available / 1e9, 2),
            "GB",
            f"free memory of {gpu.name}" if gpu else "memory that the system and its limits leave",
        ),
        fits=memory <= available,
        steps=steps,
    )


def total_steps(n_records: int, settings: Mapping[str, Any]) -> int:
    """The optimiser's steps, as transformers counts them."""
    if (most := int(settings.get("max_steps") or -1)) > 0:
        return most
    batch = int(settings.get("per_device_train_batch_size") or 4)
    accumulate = int(settings.get("gradient_accumulation_steps") or 1)
    batches = -(-n_records // batch)
    per_epoch = max(-(-batches // accumulate), 1)
    return max(1, round(per_epoch * float(settings.get("num_train_epochs") or 3.0)))


def _memory_source(gpu: Gpu | None) -> str:
    if gpu is None:
        return "fp32 weights + LoRA with Adam + activations (68 bytes × tokens × layers × width) + 3 × logits + 1.2 GB"
    return (
        f"{'bf16' if gpu.bf16 else 'fp32'} weights + LoRA with Adam + activations (tokens × layers × "
        f"({GPU_WIDTH_BYTES} × width + {GPU_INNER_BYTES} × inner width) bytes) + 2 × logits + 1.0 GB, on {gpu.name}"
    )


def memory_bytes(model: Sized, batch: int, length: int, settings: Mapping[str, Any], gpu: Gpu | None = None) -> int:
    """Peak memory of a LoRA training: of the GPU where it trains on one, else of the process."""
    config = model.config
    layers, width = int(config.get("num_hidden_layers") or 32), int(config.get("hidden_size") or 4096)
    tokens = batch * length
    logits = 4 * tokens * int(config.get("vocab_size") or 32_000)
    kept = 2 if settings.get("gradient_checkpointing") else layers
    adapter = 16 * adapter_parameters(config, int(settings.get("lora_r") or 16))  # weight, gradient, Adam's two moments
    if gpu is None:
        activations = ACTIVATION_BYTES * tokens * width * kept
        return int(4 * model.parameters + adapter + activations + LOGIT_COPIES * logits + PROCESS_BYTES)
    inner = int(config.get("intermediate_size") or 4 * width)
    each = 2 if gpu.bf16 else 4
    activations = tokens * kept * (GPU_WIDTH_BYTES * width + GPU_INNER_BYTES * inner) * each // 2
    return int(each * model.parameters + adapter + activations + GPU_LOGIT_COPIES * logits + GPU_BYTES)


def adapter_parameters(config: Mapping[str, Any], rank: int) -> int:
    """Parameters of a LoRA of `rank` on all linear layers of a Llama-like model."""
    width = int(config.get("hidden_size") or 4096)
    heads = int(config.get("num_attention_heads") or 32)
    head = int(config.get("head_dim") or width // heads)
    key_value = head * int(config.get("num_key_value_heads") or heads)
    inner = int(config.get("intermediate_size") or 4 * width)
    attention = [(width, head * heads), (width, key_value), (width, key_value), (head * heads, width)]
    ends = [*attention, (width, inner), (width, inner), (inner, width)]
    return int(config.get("num_hidden_layers") or 32) * rank * sum(a + b for a, b in ends)


def _seconds(model: Sized, padded_tokens: float, tokens: float, gpu: Gpu | None, calibration: Path | None) -> Figure:
    measured = _read_speeds(calibration).get(_speed_key(model.parameters, gpu))
    if measured:
        return Figure.estimated(
            round(tokens / measured + START_SECONDS, 1),
            "s",
            f"tokens ÷ {measured:,.0f} tokens/s, measured in an earlier job on this machine",
        )
    # forward and backward through frozen weights: 2 + 2 operations a parameter and token (no weight gradients)
    if gpu is None:
        rate = FLOPS_PER_CORE * available_cores()
        source = f"{available_cores()} cores × {FLOPS_PER_CORE:.0e}"
    elif gpu.flops:
        rate = GPU_SHARE * gpu.flops
        source = f"{GPU_SHARE:.0%} of a matrix product on {gpu.name}"
    else:
        return Figure.not_measured("s", f"{gpu.name} is too full to measure its speed")
    return Figure.estimated(
        round(4 * model.parameters * padded_tokens / rate + START_SECONDS, 1),
        "s",
        f"4 × parameters × tokens ÷ {rate:.1e} operations/s ({source})",
    )


def _speed_key(parameters: int, gpu: Gpu | None) -> str:
    """One speed for a size of model on a device: the cache can be shared by machines."""
    return str(parameters) if gpu is None else f"{parameters} on {gpu.name}"


def record_speed(calibration: Path, parameters: int, tokens_per_s: float, gpu: Gpu | None = None) -> None:
    """Remember how fast this machine trained a model of that size; replaces the file at once."""
    speeds = _read_speeds(calibration) | {_speed_key(parameters, gpu): tokens_per_s}
    calibration.parent.mkdir(parents=True, exist_ok=True)
    temporary = calibration.with_name(f".{calibration.name}.{os.getpid()}")
    temporary.write_text(json.dumps(speeds), encoding="utf-8")
    temporary.replace(calibration)


def _read_speeds(calibration: Path | None) -> dict[str, float]:
    if calibration is None:
        return {}
    try:
        found = json.loads(calibration.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):  # a calibration is only a convenience
        return {}


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(cgroup: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that can be used now: the system's, or what is left of the tightest cgroup limit (containers, Slurm)."""
    import psutil

    return min([int(psutil.virtual_memory().available), *_cgroup_room(cgroup, membership)])


def _cgroup_room(root: Path, membership: Path) -> list[int]:
    """What each memory limit above this process leaves (cgroup v2 and v1); droppable caches count as free."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    rooms = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, limit, usage, cache = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit, usage, cache = (
                root / "memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        else:
            continue
        folder = top / path.strip("/")
        # inside a container the path names folders of the host, and the limit is at the top
        for place in dict.fromkeys([folder, *folder.parents, top]):
            if place.is_relative_to(top) and (room := _room(place, limit, usage, cache)) is not None:
                rooms.append(room)
    return rooms


def _room(folder: Path, limit: str, usage: str, cache: str) -> int | None:
    try:
        most, used = (folder / limit).read_text().strip(), int((folder / usage).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if most == "max" else max(0, int(most) - used + int(stat.get(cache, 0)))
