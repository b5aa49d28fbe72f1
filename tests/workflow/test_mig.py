"""Slices of GPUs: listed, weighed and chosen as the driver and CUDA do."""

from __future__ import annotations

import json
import os

import pytest

from workbench.cli import main
from workbench.workflow.machine import Machine as Seen
from workbench.workflow.machine import gpus, machine_text, parse_gpus, slurm_gpus, visible_gpus
from workbench.workflow.mig import Slice, parse_slices, with_usage

FIRST, SECOND, THIRD = (
    "MIG-51fa7c7a-4c41-59bf-b08a-9cb4b47525a7",
    "MIG-27b1a30b-e164-5ba8-9904-9d949f65d8e4",
    "MIG-6c80966f-629d-5379-803b-55424fc1a0bc",
)
SLICED, WHOLE = "GPU-fcf41002-68b6-5900-d7d1-74026173bb44", "GPU-e109d8d9-923e-7235-0429-96b7fdbcbd30"
LISTED = f"""\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: {SLICED})
  MIG 3g.20gb     Device  0: (UUID: {FIRST})
  MIG 2g.10gb     Device  1: (UUID: {SECOND})
  MIG 1c.2g.10gb+me Device  2: (UUID: {THIRD})
GPU 1: NVIDIA A100-SXM4-40GB (UUID: {WHOLE})
"""
"""`nvidia-smi -L` of driver 575; the third profile has the longest form there is."""
OLDER = """\
GPU 0: A100-SXM4-40GB (UUID: GPU-fcf41002-68b6-5900-d7d1-74026173bb44)
  MIG 1g.5gb Device 0: (UUID: MIG-GPU-fcf41002-68b6-5900-d7d1-74026173bb44/7/0)
"""
"""The same before driver 470."""
QUERIED = f"""\
0, {SLICED}, NVIDIA A100-SXM4-40GB, [N/A], [Insufficient Permissions], [Insufficient Permissions], 34, 61.20
1, {WHOLE}, NVIDIA A100-SXM4-40GB, 12, 3, 40960, 31, 55.00
"""


def report(mine: int = 4242) -> str:
    """`nvidia-smi -q -x` of driver 575, shortened to what stands around slices."""

    def device(index: int, gi: int, used: str, total: str) -> str:
        return f"""
        <mig_device>
            <index>{index}</index>
            <gpu_instance_id>{gi}</gpu_instance_id>
            <compute_instance_id>0</compute_instance_id>
            <device_attributes><shared><multiprocessor_count>42</multiprocessor_count></shared></device_attributes>
            <fb_memory_usage>
                <total>{total}</total>
                <reserved>0 MiB</reserved>
                <used>{used}</used>
                <free>19000 MiB</free>
            </fb_memory_usage>
            <bar1_memory_usage><total>32767 MiB</total><used>0 MiB</used></bar1_memory_usage>
        </mig_device>"""

    def process(gi: str, ci: str, pid: int) -> str:
        return (
            f"<process_info><gpu_instance_id>{gi}</gpu_instance_id><compute_instance_id>{ci}</compute_instance_id>"
            f"<pid>{pid}</pid><type>C</type><process_name>python</process_name><used_memory>300 MiB</used_memory>"
            "</process_info>"
        )

    return f"""<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
    <driver_version>575.57.08</driver_version>
    <attached_gpus>2</attached_gpus>
    <gpu id="00000000:00:09.0">
        <mig_mode><current_mig>Enabled</current_mig><pending_mig>Enabled</pending_mig></mig_mode>
        <mig_devices>{device(0, 2, "298 MiB", "19968 MiB")}{device(1, 5, "25 MiB", "9856 MiB")}
        {device(2, 6, "N/A", "N/A")}
        </mig_devices>
        <uuid>{SLICED}</uuid>
        <fb_memory_usage><total>40960 MiB</total><used>400 MiB</used></fb_memory_usage>
        <processes>{process("2", "0", mine)}{process("2", "0", 999999999)}{process("N/A", "N/A", 17)}</processes>
    </gpu>
    <gpu id="00000000:00:0a.0">
        <mig_mode><current_mig>Disabled</current_mig></mig_mode>
        <mig_devices>None</mig_devices>
        <uuid>{WHOLE}</uuid>
    </gpu>
</nvidia_smi_log>
"""


def test_slices_are_read_below_their_gpu() -> None:
    """Every form of profile and id that drivers have written."""
    assert parse_slices(LISTED) == {
        SLICED: (
            Slice(FIRST, 0, "3g.20gb"),
            Slice(SECOND, 1, "2g.10gb"),
            Slice(THIRD, 2, "1c.2g.10gb+me"),
        )
    }
    assert parse_slices(OLDER)[SLICED][0].uuid == f"MIG-{SLICED}/7/0"
    assert parse_slices("No devices were found\n  MIG 1g.5gb Device 0: (UUID: MIG-x)\n") == {}


def test_memory_and_processes_are_those_of_the_slice() -> None:
    """Not those of the whole GPU; what is not told is None; no report changes nothing."""
    slices = parse_slices(LISTED)
    first, second, third = with_usage(slices, report())[SLICED]
    assert (first.memory_used, first.memory_total, first.pids) == (298 << 20, 19968 << 20, (4242, 999999999))
    assert (second.memory_used, second.pids) == (25 << 20, ())
    assert (third.memory_used, third.memory_total) == (None, None)
    assert with_usage(slices, "") == slices
    assert with_usage(slices, "<nvidia_smi_log/>") == slices


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (None, [(0, 0), (0, 1), (0, 2), (1, None)]),
        (SECOND, [(0, 1)]),
        ("MIG-27b1a30b", [(0, 1)]),
        (f"{SECOND},{FIRST}", [(0, 1), (0, 0)]),
        (f"{FIRST},MIG-nowhere,{SECOND}", [(0, 0)]),
        ("0", [(0, 0)]),
        (f"{WHOLE},0", [(1, None), (0, 0)]),
        ("MIG-nowhere", []),
        ("", []),
    ],
)
def test_only_what_cuda_would_see_is_shown(wanted, shown) -> None:
    """By the slice's id or its start; a sliced GPU stands for its first slice."""
    found = visible_gpus(parse_gpus(QUERIED), wanted, parse_slices(LISTED))
    assert [(gpu.index, gpu.device) for gpu in found] == shown


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, None),
        ({"SLURM_JOB_GPUS": "1"}, "1"),
        ({"SLURM_JOB_GPUS": "0-1", "SLURM_STEP_GPUS": "0"}, "0"),
        ({"SLURM_JOB_GPUS": "0-1"}, None),
        ({"SLURM_JOB_GPUS": "5"}, None),
        ({"SLURM_JOB_GPUS": "gpu:a100"}, None),
        ({"SLURM_JOB_GPUS": ""}, None),
    ],
)
def test_a_slurm_allocation_is_kept_to(environ, wanted) -> None:
    """The step's before the job's; where Slurm hides the others, their numbers name nothing and all are the job's."""
    assert slurm_gpus(parse_gpus(QUERIED), environ) == wanted


@pytest.fixture
def smi(tmp_path):
    """A driver's tool of a machine with one sliced and one whole GPU."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    answers = {
        "--query-gpu": QUERIED,
        "--query-compute": f"{WHOLE}, {os.getpid()}\n",
        "-L": LISTED,
        "-q": report(os.getpid()),
    }
    for name, answer in answers.items():
        (tool.parent / name.lstrip("-")).write_text(answer)
    tool.write_text(
        f'#!/bin/sh\ncd {tool.parent}\ncase "$1" in --query-gpu*) cat query-gpu;; '
        "--query-compute*) cat query-compute;; -L) cat L;; -q) cat q;; esac\n"
    )
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:{os.environ['PATH']}"}


def test_slices_are_shown_with_what_runs_on_them(smi) -> None:
    """A slice has no load of its own; the whole GPU beside it has."""
    text = machine_text(Seen(None, 8, 1_000_000_000, 64_000_000_000, gpus(smi)))
    assert text.split(" · ")[2:] == [
        "GPU 0 MIG 0 3g.20gb, 0.3 of 21 GB, 34 °C, 1 of 2 processes other people's",
        "GPU 0 MIG 1 2g.10gb, 0.0 of 10 GB, 34 °C",
        "GPU 0 MIG 2 1c.2g.10gb+me, 34 °C",
        "GPU 1 12%, 0.0 of 43 GB, 31 °C, 55 W",
    ]
    only = gpus(smi | {"CUDA_VISIBLE_DEVICES": SECOND})
    assert [(gpu.uuid, gpu.profile, gpu.processes) for gpu in only] == [(SECOND, "2g.10gb", 0)]
    assert [gpu.processes for gpu in gpus(smi | {"CUDA_VISIBLE_DEVICES": "1"})] == [1]


def test_the_command_shows_slices(tmp_path, capsys, monkeypatch, smi) -> None:
    """`engine machine --json` with the keys that a slice adds."""
    monkeypatch.setenv("PATH", smi["PATH"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", FIRST)
    assert main(["engine", "machine", "--workspace", str(tmp_path / "home"), "--json"]) == 0
    (gpu,) = json.loads(capsys.readouterr().out)["gpus"]
    assert (gpu["index"], gpu["device"], gpu["profile"], gpu["uuid"]) == (0, 0, "3g.20gb", FIRST)
    assert (gpu["processes"], gpu["others"]) == (2, 1)
