"""What `engine/lock` says about a workspace's engine, without asking it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

START_TOLERANCE_S = 2.0
"""psutil derives a start time from the boot time, which moves a little when the clock is set."""

State = Literal["running", "stopped", "other-host", "stale", "silent"]


class EngineStatus(BaseModel):
    """An engine as its clients see it."""

    model_config = ConfigDict(extra="allow")

    status: State
    """`stale`: it died and left its lock. `silent`: its process lives and does not answer (yet)."""
    pid: int | None = None
    host: str | None = None
    socket: str | None = None
    version: str | None = None
    protocol: int | None = None
    started_at: float | None = None
    heartbeat_age_s: float | None = None
    listening: list[dict[str, Any]] = Field(default_factory=list)
    jobs: dict[str, int] = Field(default_factory=dict)
    models: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LockRecord:
    """The content of `engine/lock`: JSON that the engine writes and refreshes."""

    host: str
    boot_id: str
    pid: int
    start: float
    """When its process started: psutil's `create_time`, unix seconds."""
    heartbeat: float
    """Unix seconds by the clock of its host."""
    socket: str
    version: str
    protocol: int

    @property
    def here(self) -> bool:
        """Written on this boot of this machine."""
        return self.host == socket.gethostname() and self.boot_id == boot_id()

    @property
    def alive(self) -> bool:
        """Whether that very process runs; a zombie does not."""
        import psutil

        if not self.here:
            return False
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.start) > START_TOLERANCE_S:
                return False
            return bool(process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.NoSuchProcess, ValueError):
            return False

    def status(self) -> EngineStatus:
        """The status before the engine was asked: `silent` where its process lives."""
        state: State = "silent" if self.alive else "stale" if self.host == socket.gethostname() else "other-host"
        return EngineStatus(
            status=state,
            pid=self.pid,
            host=self.host,
            socket=self.socket,
            version=self.version,
            protocol=self.protocol,
            started_at=self.start,
            heartbeat_age_s=max(0.0, time.time() - self.heartbeat),
        )


def read_lock(path: Path) -> LockRecord | None:
    """The record, None when no engine holds the workspace (or the file is torn or foreign)."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return LockRecord(
            host=str(found["host"]),
            boot_id=str(found["boot_id"]),
            pid=int(found["pid"]),
            start=float(found["start"]),
            heartbeat=float(found.get("heartbeat", 0)),
            socket=str(found["socket"]),
            version=str(found.get("version", "")),
            protocol=int(found.get("protocol", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def boot_id() -> str:
    """This boot of this machine, as the engine names it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        pass  # not Linux
    try:
        command = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        import psutil

        return f"boot-{int(psutil.boot_time())}"


def tail(path: Path, lines: int = 5) -> str:
    """The last lines of a log, joined for one sentence."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    kept = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(kept[-lines:])
