"""How much memory a container or a Slurm step allows."""

from __future__ import annotations

import pytest

from workbench.workflow.allowance import Allowance, memory_allowance


@pytest.fixture
def root(tmp_path):
    """A machine's /proc and /sys as files: `root({path: content})`."""

    def make(**files: str):
        for path, content in files.items():
            where = tmp_path / path.replace("__", "/")
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(content)
        return tmp_path

    return lambda files: make(**files)


SLURM = "/system.slice/slurmstepd.scope/job_7"


def test_a_slurm_job_limits_the_folder_above_its_task(root) -> None:
    """Version 2: the step and its task say `max`; cache that can be given back is not counted."""
    group = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_7"
    found = memory_allowance(
        root(
            {
                "proc/self/cgroup": f"0::{SLURM}/step_0/user/task_0\n",
                f"{group}/memory.max": "8589934592\n",
                f"{group}/memory.current": "3000000000\n",
                f"{group}/memory.stat": "anon 1\ninactive_file 1000000000\nactive_file 5\n",
                f"{group}/step_0/memory.max": "max\n",
                f"{group}/step_0/memory.current": "2000000000\n",
                f"{group}/step_0/user/task_0/memory.max": "max\n",
            }
        )
    )
    assert found == Allowance(used=2_000_000_000, total=8 << 30)


def test_the_older_interface_too(root) -> None:
    """Its own tree, and a number of absurd size for no limit."""
    group = "sys/fs/cgroup/memory/slurm/uid_0/job_7"
    found = memory_allowance(
        root(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/elsewhere\n4:memory:/slurm/uid_0/job_7/step_0\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "60000000000\n",
                f"{group}/memory.limit_in_bytes": "4000000000\n",
                f"{group}/memory.usage_in_bytes": "1500000000\n",
            }
        )
    )
    assert found == Allowance(used=1_500_000_000, total=4_000_000_000)


def test_a_container_sees_its_own_group_at_the_top(root) -> None:
    """The tightest of several counts."""
    found = memory_allowance(
        root(
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "2000000000\n",
                "sys/fs/cgroup/memory.current": "100\n",
            }
        )
    )
    assert found == Allowance(used=100, total=2_000_000_000)


def test_where_nobody_set_a_limit_there_is_none(root, tmp_path) -> None:
    """Nor where the machine has no such files."""
    assert memory_allowance(tmp_path / "nowhere") is None
    assert memory_allowance(root({"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/memory.max": "max"})) is None
