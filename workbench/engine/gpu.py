"""The GPU that torch would use, as a process of this environment sees it.

`python -m workbench.engine.gpu` is the child that asks torch: the engine itself never imports it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engine.models.child import child_main, run_child

DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""One of these is there where a driver of NVIDIA, AMD, or Windows under WSL is."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, and its memory in bytes."""

    name: str
    free: int
    total: int
    bf16: bool
    """Whether it multiplies bfloat16 itself."""


def may_have_gpu(environ: Mapping[str, str] | None = None, devices: tuple[str, ...] = DEVICES) -> bool:
    """Whether it is worth starting torch to ask; cheap."""
    environ = os.environ if environ is None else environ
    if environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1"):
        return False
    return any(Path(device).exists() for device in devices) or shutil.which("nvidia-smi") is not None


async def find_gpu() -> Gpu | None:
    """The first GPU that torch sees here, with what is free of it now; None without one. Raises what run_child does."""
    if not may_have_gpu():
        return None
    found = await run_child("workbench.engine.gpu", [], lambda _progress: None)
    return Gpu(**found["gpu"]) if found.get("gpu") else None


def _ask() -> dict[str, Any]:
    try:
        import torch
    except ModuleNotFoundError:
        return {"gpu": None}
    if not torch.cuda.is_available():
        return {"gpu": None}
    free, total = torch.cuda.mem_get_info(0)
    name = torch.cuda.get_device_name(0)
    return {"gpu": {"name": name, "free": free, "total": total, "bf16": bool(torch.cuda.is_bf16_supported())}}


if __name__ == "__main__":
    sys.exit(child_main(_ask))
