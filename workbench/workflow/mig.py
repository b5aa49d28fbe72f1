"""Slices of GPUs (MIG): what the driver's tool lists of them, how full they are and who computes there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

_GPU: Final = re.compile(r"GPU (\d+): .*\(UUID: (GPU-[^)\s]+)\)")
_SLICE: Final = re.compile(r"\s*MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)\s]+)\)")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice as a process may be given it."""

    uuid: str
    """As CUDA_VISIBLE_DEVICES names it: `MIG-…`."""
    device: int
    """Its number on its GPU."""
    profile: str
    """Its share of the processors and its memory: `1g.5gb`."""
    memory_used: int | None = None
    memory_total: int | None = None
    """Bytes, both; None where the driver does not tell them."""
    pids: tuple[int, ...] = ()
    """The processes that compute on it."""


Slices = Mapping[str, tuple[Slice, ...]]
"""The slices of each GPU by its id; a GPU that is not sliced has no entry."""


def parse_slices(listed: str) -> Slices:
    """`nvidia-smi -L`, in which slices stand below their GPU."""
    found: dict[str, list[Slice]] = {}
    gpu = ""
    for line in listed.splitlines():
        if whole := _GPU.match(line):
            gpu = whole[2]
        elif gpu and (part := _SLICE.match(line)):
            found.setdefault(gpu, []).append(Slice(uuid=part[3], device=int(part[2]), profile=part[1]))
    return {uuid: tuple(slices) for uuid, slices in found.items()}


def with_usage(slices: Slices, report: str) -> Slices:
    """The slices with their memory and processes, of `nvidia-smi -q -x`; as they were where it is no such report."""
    try:
        root = ElementTree.fromstring(report)  # noqa: S314 - written by the driver's own tool, on this machine
    except ElementTree.ParseError:
        return slices
    told = {gpu.findtext("uuid", "").strip(): gpu for gpu in root.iter("gpu")}
    return {
        uuid: tuple(_used(one, told[uuid]) for one in parts) if uuid in told else parts
        for uuid, parts in slices.items()
    }


def _used(one: Slice, gpu: ElementTree.Element) -> Slice:
    for device in gpu.iterfind("mig_devices/mig_device"):
        if device.findtext("index", "").strip() != str(one.device):
            continue
        place = _place(device)
        pids = (
            info.findtext("pid", "").strip() for info in gpu.iterfind("processes/process_info") if _place(info) == place
        )
        return replace(
            one,
            memory_used=_bytes(device.findtext("fb_memory_usage/used")),
            memory_total=_bytes(device.findtext("fb_memory_usage/total")),
            pids=tuple(int(pid) for pid in pids if pid.isdigit()),
        )
    return one


def _place(element: ElementTree.Element) -> tuple[str, str]:
    """Which instance of the GPU, and which of its processors: what devices and processes have in common."""
    return element.findtext("gpu_instance_id", "").strip(), element.findtext("compute_instance_id", "").strip()


def _bytes(text: str | None) -> int | None:
    """`298 MiB`; None for `N/A`."""
    number, _, unit = (text or "").strip().partition(" ")
    return int(number) * _MIB if number.isdigit() and unit == "MiB" else None
