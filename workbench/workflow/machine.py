"""How busy this machine is: processors, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

SMI_TIMEOUT_S: Final = 5.0
_ASKED: Final = (
    "index", "uuid", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw"
)  # fmt: skip
_MIB: Final = 1 << 20
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
"""What a container or a Slurm step may take, where one set it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as its driver tells it; None where it does not (a MIG slice has no load of its own)."""

    index: int
    uuid: str
    name: str
    load: float | None
    """Per cent."""
    memory_used: int | None
    memory_total: int | None
    """Bytes, both."""
    temperature: float | None
    """Degrees Celsius."""
    power: float | None
    """Watts."""
    processes: int = 0
    others: int = 0
    """Of them, those of other users."""


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine at one moment."""

    cpu: float | None
    """Per cent of all processors since the last look; None at the first one."""
    cpus: int
    """Processors that this process may use: a Slurm allocation or a container gives fewer than there are."""
    memory_used: int
    memory_total: int
    """Bytes, both; the total is the container's where it has a limit."""
    gpus: tuple[Gpu, ...]
    """Those that CUDA_VISIBLE_DEVICES leaves visible; none where there is no nvidia-smi."""


class Look:
    """Looks at the machine again and again. Blocks for a moment: not for an event loop."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._looked = False

    def __call__(self) -> Machine:
        """The machine now."""
        import psutil

        cpu = psutil.cpu_percent(interval=None)
        memory = psutil.virtual_memory()
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        first, self._looked = not self._looked, True
        return Machine(
            cpu=None if first else cpu,
            cpus=allowed,
            memory_used=memory.total - memory.available,
            memory_total=min(memory.total, _limit() or memory.total),
            gpus=gpus(self._environ),
        )


def gpus(environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The visible GPUs with what runs on them; none where the driver's tool is not there or does not answer."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH", os.defpath))
    if program is None:
        return ()
    found = parse_gpus(_ask(program, f"--query-gpu={','.join(_ASKED)}", environ))
    shown = visible_gpus(found, environ.get("CUDA_VISIBLE_DEVICES"))
    return with_processes(shown, _ask(program, "--query-compute-apps=gpu_uuid,pid", environ)) if shown else ()


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """`nvidia-smi --query-gpu=… --format=csv,noheader,nounits`; what is no GPU's line is passed over."""
    found = []
    for cells in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(cells) != len(_ASKED) or not cells[0].strip().isdigit():
            continue
        load, used, total, temperature, power = (_number(cell) for cell in cells[3:])
        found.append(
            Gpu(
                index=int(cells[0]),
                uuid=cells[1].strip(),
                name=cells[2].strip(),
                load=load,
                memory_used=None if used is None else int(used * _MIB),
                memory_total=None if total is None else int(total * _MIB),
                temperature=temperature,
                power=power,
            )
        )
    return tuple(found)


def visible_gpus(found: tuple[Gpu, ...], wanted: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES names, by number or by the start of their id, in its order; unset: all.

    As CUDA reads it, the list ends at the first entry that names nothing. A MIG slice's id does not tell its GPU: with
    one all are shown.
    """
    if wanted is None or any(entry.strip().startswith("MIG-") for entry in wanted.split(",")):
        return found
    shown: list[Gpu] = []
    for entry in wanted.split(","):
        name = entry.strip()
        fitting = [gpu for gpu in found if name == str(gpu.index) or (name[:4] == "GPU-" and gpu.uuid.startswith(name))]
        if not fitting:
            break
        shown += fitting[:1]
    return tuple(shown)


def with_processes(found: tuple[Gpu, ...], text: str) -> tuple[Gpu, ...]:
    """Count who computes on each GPU; a process that we may not look at is somebody else's."""
    counted: dict[str, list[bool]] = {}
    for cells in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(cells) == 2 and cells[1].strip().isdigit():
            counted.setdefault(cells[0].strip(), []).append(_is_ours(int(cells[1])))
    return tuple(
        replace(gpu, processes=len(ours), others=ours.count(False))
        for gpu in found
        for ours in [counted.get(gpu.uuid, [])]
    )


def _is_ours(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).uids().real == os.getuid()
    except psutil.Error:
        return False


def _ask(program: str, query: str, environ: Mapping[str, str]) -> str:
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=SMI_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):  # a driver that hangs takes its tool with it
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:  # [N/A], [Not Supported]
        return None


def _limit() -> int | None:
    try:
        return int(_CGROUP_LIMIT.read_text())
    except (OSError, ValueError):  # no cgroup, or "max"
        return None


def machine_text(machine: Machine) -> str:
    """One line for people."""
    cpu = "" if machine.cpu is None else f"{machine.cpu:.0f}% of "
    parts = [f"cpu {cpu}{machine.cpus}", f"memory {_of(machine.memory_used, machine.memory_total)}"]
    for gpu in machine.gpus:
        told = ["–" if gpu.load is None else f"{gpu.load:.0f}%"]
        if gpu.memory_used is not None and gpu.memory_total is not None:
            told.append(_of(gpu.memory_used, gpu.memory_total))
        if gpu.temperature is not None:
            told.append(f"{gpu.temperature:.0f} °C")
        if gpu.power is not None:
            told.append(f"{gpu.power:.0f} W")
        if gpu.others:
            told.append(f"{gpu.others} of other people")
        parts.append(f"GPU {gpu.index} {', '.join(told)}")
    return " · ".join(parts)


def _of(used: int, total: int) -> str:
    return f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"
