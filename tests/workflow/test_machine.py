"""The machine's load: parsed as the driver writes it, missing calmly, nobody else's GPU shown as ours."""

from __future__ import annotations

import json
import os

import pytest

from workbench.cli import main
from workbench.workflow.machine import Gpu, Look, Machine, gpus, machine_text, parse_gpus, visible_gpus

TWO = """\
0, GPU-aaaa1111, NVIDIA H100 80GB HBM3, 97, 61234, 81559, 64, 512.31
1, GPU-bbbb2222, NVIDIA H100 80GB HBM3, [N/A], 12, 81559, 31, [Not Supported]
No devices were found
"""


def test_the_drivers_table_is_read() -> None:
    """Numbers in our units; what the driver does not tell is None; other lines are passed over."""
    first, second = parse_gpus(TWO)
    assert (first.index, first.load, first.temperature, first.power) == (0, 97.0, 64.0, 512.31)
    assert first.memory_used == 61234 << 20
    assert (second.load, second.power) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [(None, [0, 1]), ("1", [1]), ("1,0", [1, 0]), ("GPU-bbbb", [1]), ("", []), ("0,-1,1", [0]), ("MIG-x", [0, 1])],
)
def test_only_what_cuda_would_see_is_shown(wanted, shown) -> None:
    """In CUDA's order, up to its first entry that names nothing."""
    assert [gpu.index for gpu in visible_gpus(parse_gpus(TWO), wanted)] == shown


@pytest.fixture
def smi(tmp_path):
    """A driver's tool that answers both questions: one process of ours, one that is nobody's we know."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    apps = f"GPU-aaaa1111, {os.getpid()}\\nGPU-aaaa1111, 999999999\\n"
    tool.write_text(f"#!/bin/sh\ncase $1 in *compute*) printf '{apps}';; *) cat <<'X'\n{TWO}X\n;; esac\n")
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:{os.environ['PATH']}"}


def test_processes_of_others_are_counted(smi) -> None:
    """Ours is not among them."""
    found = gpus(smi | {"CUDA_VISIBLE_DEVICES": "0"})
    assert [(gpu.processes, gpu.others) for gpu in found] == [(2, 1)]


def test_without_the_tool_or_with_a_broken_one_there_are_no_gpus(tmp_path) -> None:
    """No error: most machines have none."""
    assert gpus({"PATH": str(tmp_path)}) == ()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    assert gpus({"PATH": f"{tmp_path}:{os.environ['PATH']}"}) == ()


def test_a_look_says_what_may_be_used() -> None:
    """Processors of this process, memory with its total; the load from the second look on."""
    look = Look({"PATH": ""})
    first, second = look(), look()
    assert first.cpu is None
    assert second.cpu is not None
    assert 1 <= second.cpus <= (os.cpu_count() or 1)
    assert 0 < second.memory_used <= second.memory_total * 2


def test_the_load_is_that_of_the_processors_that_may_be_used(monkeypatch) -> None:
    """Four of 64 that are full are 100%, not 6%."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr("psutil.cpu_percent", lambda **_: [100.0] * 4 + [0.0] * 60)
    look = Look({"PATH": ""})
    look()
    machine = look()
    assert (machine.cpu, machine.cpus) == (100.0, 4)


def test_the_line_for_people() -> None:
    """Each figure with its unit."""
    gpu = Gpu(0, "GPU-a", "H100", 97.0, 61_000_000_000, 80_000_000_000, 64.0, 512.3, processes=2, others=1)
    text = machine_text(Machine(83.0, 4, 3_100_000_000, 8_000_000_000, (gpu,)))
    assert text == (
        "cpu 83% of 4 · memory 3.1 of 8 GB · GPU 0 97%, 61.0 of 80 GB, 64 °C, 512 W, 1 of 2 processes other people's"
    )


def test_the_command_shows_it(tmp_path, capsys, monkeypatch, smi) -> None:
    """`engine machine`, also as JSON; starts no engine."""
    monkeypatch.setenv("PATH", smi["PATH"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    where = ["--workspace", str(tmp_path / "home")]
    assert main(["engine", "machine", *where, "--json"]) == 0
    assert [gpu["index"] for gpu in json.loads(capsys.readouterr().out)["gpus"]] == [0, 1]
    assert main(["engine", "machine", *where]) == 0
    assert "GPU 0 97%" in capsys.readouterr().out
