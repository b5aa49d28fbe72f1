"""The GPU that torch would use, as a process of this environment sees it.

`python -m workbench.engine.gpu` is the child that asks torch: the engine itself never imports it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engine.models.child import child_main, run_child
from workbench.errors import WorkbenchError

log = logging.getLogger(__name__)

DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""One of these is there where a driver of NVIDIA, AMD, or Windows under WSL is."""


SIDE = 4096
"""Rows and columns of the measured product."""

ROOM = 500_000_000
"""Bytes that must be free to measure it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, and its memory in bytes."""

    name: str
    free: int
    total: int
    bf16: bool
    """Whether it multiplies bfloat16 itself."""
    flops: float
    """Operations a second of a large matrix product in the type it trains in, measured on this GPU."""


def may_have_gpu(environ: Mapping[str, str] | None = None, devices: tuple[str, ...] = DEVICES) -> bool:
    """Whether it is worth starting torch to ask; cheap."""
    environ = os.environ if environ is None else environ
    if environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1"):
        return False
    return any(Path(device).exists() for device in devices) or shutil.which("nvidia-smi") is not None


async def find_gpu() -> Gpu | None:
    """The first GPU that torch sees here, with what is free of it now; None without one, or if it cannot be asked."""
    if not may_have_gpu():
        return None
    try:
        found = await run_child("workbench.engine.gpu", [], lambda _progress: None)
    except WorkbenchError as error:  # a broken driver must not take the processor's answers away too
        log.warning("the GPU is not used: %s", error)
        return None
    return Gpu(**found["gpu"]) if found.get("gpu") else None


class GpuWatch:
    """`find_gpu` whose answer holds for a while: asking takes seconds."""

    def __init__(
        self,
        find: Callable[[], Awaitable[Gpu | None]] = find_gpu,
        *,
        hold_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._hold_s = hold_s
        self._clock = clock
        self._asking = asyncio.Lock()
        self._at: float | None = None
        self.known: Gpu | None = None
        """The last answer."""

    @property
    def asked(self) -> bool:
        """Whether there was an answer yet."""
        return self._at is not None

    async def find(self) -> Gpu | None:
        """The GPU as it was at most `hold_s` seconds ago."""
        async with self._asking:
            if self._at is None or self._clock() - self._at > self._hold_s:
                self.known = await self._find()
                self._at = self._clock()
            return self.known


def _ask() -> dict[str, Any]:
    try:
        import torch
    except ModuleNotFoundError:
        return {"gpu": None}
    if not torch.cuda.is_available():
        return {"gpu": None}
    free, total = torch.cuda.mem_get_info(0)
    name = torch.cuda.get_device_name(0)
    bf16 = bool(torch.cuda.is_bf16_supported())
    flops = _matrix_speed(torch.bfloat16 if bf16 else torch.float32) if free > ROOM else 0.0
    return {"gpu": {"name": name, "free": free, "total": total, "bf16": bf16, "flops": flops}}


def _matrix_speed(dtype: Any) -> float:
    """Operations a second of a square matrix product (2 n³ each), the fastest of a few."""
    import torch

    matrix = torch.randn((SIDE, SIDE), device="cuda", dtype=dtype)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    for _ in range(6):
        begin.record()
        matrix @ matrix
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1000)
    return float(2 * SIDE**3 / min(times))


if __name__ == "__main__":
    sys.exit(child_main(_ask))
