"""How busy this machine is: processors, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from workbench.workflow.allowance import memory_allowance
from workbench.workflow.mig import Slices, parse_slices, with_usage

SMI_TIMEOUT_S: Final = 5.0
_ASKED: Final = (
    "index", "uuid", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw"
)  # fmt: skip
_MIB: Final = 1 << 20
_SLURM_LISTS: Final = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
"""What a Slurm step, else its job, was given, by the node's own numbers."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one MIG slice of it, as its driver tells it; None where it does not (a slice has no own load)."""

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
    device: int | None = None
    """The number of a slice on its GPU, whose `index` it has."""
    profile: str | None = None
    """How large a slice is: `1g.5gb`."""


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine at one moment."""

    cpu: float | None
    """Per cent of these processors since the last look; None at the first one."""
    cpus: int
    """Processors that this process may use: a Slurm allocation or a container gives fewer than there are."""
    memory_used: int
    memory_total: int
    """Bytes, both; those of the container or the Slurm step where it has a limit."""
    gpus: tuple[Gpu, ...]
    """Those that CUDA_VISIBLE_DEVICES, or a Slurm allocation, leaves visible; none where there is no nvidia-smi."""


class Look:
    """Looks at the machine again and again. Blocks for a moment: not for an event loop."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._looked = False

    def __call__(self) -> Machine:
        """The machine now."""
        import psutil

        loads = psutil.cpu_percent(interval=None, percpu=True)
        memory = psutil.virtual_memory()
        granted = memory_allowance()
        if granted is not None and granted.total >= memory.total:
            granted = None
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        ours = [load for number, load in enumerate(loads) if number in allowed] or loads
        first, self._looked = not self._looked, True
        return Machine(
            cpu=None if first or not ours else statistics.fmean(ours),
            cpus=len(allowed),
            memory_used=granted.used if granted else memory.total - memory.available,
            memory_total=granted.total if granted else memory.total,
            gpus=gpus(self._environ),
        )


def gpus(environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The visible GPUs and slices with what runs there; none where the driver's tool is missing or does not answer."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH", os.defpath))
    if program is None:
        return ()
    form = "--format=csv,noheader,nounits"
    found = parse_gpus(_ask([program, f"--query-gpu={','.join(_ASKED)}", form], environ))
    slices = parse_slices(_ask([program, "-L"], environ)) if found else {}
    if slices:
        slices = with_usage(slices, _ask([program, "-q", "-x"], environ))
    wanted = environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None and not slices:
        wanted = slurm_gpus(found, environ)
    shown = visible_gpus(found, wanted, slices)
    return with_processes(shown, _ask([program, "--query-compute-apps=gpu_uuid,pid", form], environ)) if shown else ()


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


def visible_gpus(found: tuple[Gpu, ...], wanted: str | None, slices: Slices | None = None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES names, by number or by the start of their id, in its order; unset: all.

    As CUDA reads it, the list ends at the first entry that names nothing, and a GPU that is sliced stands for its first
    slice. Unset, every slice is shown. Where the driver lists no slices, one that is named does not tell its GPU: then
    all are shown.
    """
    parts = {gpu.uuid: _slices_of(gpu, slices or {}) for gpu in found}
    if wanted is None or (not slices and any(entry.strip().startswith("MIG-") for entry in wanted.split(","))):
        return tuple(part for gpu in found for part in parts[gpu.uuid] or (gpu,))
    shown: list[Gpu] = []
    for entry in wanted.split(","):
        name = entry.strip()
        if name.startswith("MIG-"):
            fitting = [part for each in parts.values() for part in each if part.uuid.startswith(name)]
        else:
            whole = [
                gpu for gpu in found if name == str(gpu.index) or (name[:4] == "GPU-" and gpu.uuid.startswith(name))
            ]
            fitting = [(parts[gpu.uuid] or (gpu,))[0] for gpu in whole]
        if not fitting:
            break
        shown += fitting[:1]
    return tuple(shown)


def _slices_of(gpu: Gpu, slices: Slices) -> tuple[Gpu, ...]:
    """A GPU's slices, each with its own memory and processes and with the heat of the whole."""
    return tuple(
        replace(
            gpu,
            uuid=one.uuid,
            load=None,
            memory_used=one.memory_used,
            memory_total=one.memory_total,
            power=None,
            processes=len(one.pids),
            others=sum(not _is_ours(pid) for pid in one.pids),
            device=one.device,
            profile=one.profile,
        )
        for one in slices.get(gpu.uuid, ())
    )


def slurm_gpus(found: tuple[Gpu, ...], environ: Mapping[str, str]) -> str | None:
    """The GPUs of a Slurm allocation, for a shell that came without CUDA_VISIBLE_DEVICES; None: all that are there.

    Where Slurm hides the others, the driver counts from 0 again and its numbers name nothing: all are the step's.
    """
    given = next((environ[name] for name in _SLURM_LISTS if environ.get(name)), None)
    numbers = [number for entry in (given or "").split(",") for number in _range(entry)]
    known = {gpu.index for gpu in found}
    if not numbers or len(found) <= len(numbers) or not set(numbers) <= known:
        return None
    return ",".join(str(number) for number in numbers)


def _range(entry: str) -> range:
    """`3` or `0-3`; empty for anything else."""
    first, _, last = entry.strip().partition("-")
    if not first.isdigit() or not (last or first).isdigit():
        return range(0)
    return range(int(first), int(last or first) + 1)


def with_processes(found: tuple[Gpu, ...], text: str) -> tuple[Gpu, ...]:
    """Count who computes on each GPU; a process that we may not look at is somebody else's."""
    counted: dict[str, list[bool]] = {}
    for cells in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(cells) == 2 and cells[1].strip().isdigit():
            counted.setdefault(cells[0].strip(), []).append(_is_ours(int(cells[1])))
    return tuple(
        replace(gpu, processes=len(ours), others=ours.count(False)) if gpu.device is None or ours else gpu
        for gpu in found
        for ours in [counted.get(gpu.uuid, [])]
    )


def _is_ours(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).uids().real == os.getuid()
    except psutil.Error:
        return False


def _ask(command: list[str], environ: Mapping[str, str]) -> str:
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


def machine_text(machine: Machine) -> str:
    """One line for people."""
    return " · ".join(machine_parts(machine))


def machine_parts(machine: Machine) -> list[str]:
    """Processors, memory, then each GPU."""
    cpu = "–" if machine.cpu is None else f"{machine.cpu:.0f}%"
    parts = [f"cpu {cpu} of {machine.cpus}", f"memory {_of(machine.memory_used, machine.memory_total)}"]
    for gpu in machine.gpus:
        told = [gpu.profile] if gpu.profile else ["–" if gpu.load is None else f"{gpu.load:.0f}%"]
        if gpu.memory_used is not None and gpu.memory_total is not None:
            told.append(_of(gpu.memory_used, gpu.memory_total))
        if gpu.temperature is not None:
            told.append(f"{gpu.temperature:.0f} °C")
        if gpu.power is not None:
            told.append(f"{gpu.power:.0f} W")
        if gpu.others:
            told.append(f"{gpu.others} of {gpu.processes} processes other people's")
        name = f"GPU {gpu.index}" if gpu.device is None else f"GPU {gpu.index} MIG {gpu.device}"
        parts.append(f"{name} {', '.join(told)}")
    return parts


def _of(used: int, total: int) -> str:
    return f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"
