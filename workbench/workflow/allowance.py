"""How much memory this process may take, where a container or a Slurm step allows less than the machine has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NO_LIMIT: Final = 1 << 60
"""The older interface writes a number of this size where there is none."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a control group grants."""

    used: int
    """Bytes taken by everything in it, without file cache that can be given back."""
    total: int


def memory_allowance(root: Path = Path("/")) -> Allowance | None:
    """The tightest limit of the groups that this process is in; None where nobody set one. `root` is for tests."""
    found = [granted for folder in _folders(root) if (granted := _granted(folder)) is not None]
    return min(found, key=lambda granted: granted.total, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """This process's groups, of both interfaces, each with those around it: a Slurm job limits the folder above."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    base = root / "sys/fs/cgroup"
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        top = base / "memory" if controllers else base
        inside = Path(path.lstrip("/"))
        yield from (top / each for each in (inside, *inside.parents))


def _granted(folder: Path) -> Allowance | None:
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        total, used = _number(folder / limit), _number(folder / usage)
        if total is not None and used is not None and total < _NO_LIMIT:
            return Allowance(max(0, used - _statistic(folder / "memory.stat", cache)), total)
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _statistic(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
