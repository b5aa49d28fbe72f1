"""Which process is meant: a pid alone is reused, a pid with its start time on one boot of one host is not."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

START_TOLERANCE_S = 2.0
"""psutil derives a start time from the boot time, which moves a little when the clock is set."""


@functools.cache
def host_name() -> str:
    """This machine's name."""
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """An id of this boot of this machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        pass  # not Linux
    try:
        answer = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return f"boot-{int(psutil.boot_time())}"
    return answer.stdout.strip()


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, for as long as it lives and never longer."""

    host: str
    boot_id: str
    pid: int
    start: float
    """As psutil's `create_time`, unix seconds."""

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a running process of this machine, None if there is none."""
        try:
            return cls(host_name(), boot_id(), pid, psutil.Process(pid).create_time())
        except (psutil.NoSuchProcess, ValueError):
            return None

    @classmethod
    def mine(cls) -> ProcessIdentity:
        """This process."""
        return cls(host_name(), boot_id(), os.getpid(), psutil.Process().create_time())

    @property
    def here(self) -> bool:
        """Whether it belongs to this boot of this machine, so that its pid can be looked up."""
        return self.host == host_name() and self.boot_id == boot_id()

    def alive(self) -> bool:
        """Whether that very process runs on this machine (a zombie does not)."""
        if not self.here:
            return False
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.start) <= START_TOLERANCE_S
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.NoSuchProcess, ValueError):
            return False
