"""The two files by which a trainer tells of itself: progress.jsonl (what happened) and state.json (how it stands)."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def boot_id() -> str:
    """What tells this boot of the machine from others; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def process_start() -> float:
    """When this process started, in the seconds of `psutil.Process.create_time`: with the pid it names a process."""
    import psutil  # accelerate, which every TRL needs, depends on it

    return float(psutil.Process().create_time())


def write_json(path: Path, value: object) -> None:
    """Replace `path` at once: a reader sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass
class Journal:
    """Writer of both files; silent in all processes of a distributed run but the first."""

    job_dir: Path
    active: bool = True
    step: int = 0
    total_steps: int = 0
    _identity: dict[str, Any] = field(default_factory=dict)

    def open(self) -> None:
        """Start: end a line that a killed predecessor left torn, and say who is running."""
        if not self.active:
            return
        self._identity = {
            "pid": os.getpid(),
            "start": process_start(),
            "boot_id": boot_id(),
            "host": socket.gethostname(),
        }
        path = self.job_dir / "progress.jsonl"
        if path.exists() and path.stat().st_size:
            with path.open("rb+") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
        self.save_state()

    def emit(self, kind: str, **data: Any) -> None:
        """Append one progress line."""
        if not self.active:
            return
        line = {
            "t": time.time(),
            "kind": kind,
            "step": self.step,
            "total_steps": self.total_steps,
            "data": {key: value for key, value in data.items() if value is not None},
        }
        with (self.job_dir / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def save_state(self, exit_reason: str | None = None, error: dict[str, str] | None = None) -> None:
        """Replace state.json; `exit_reason` is finished, stopped or failed, None while running."""
        if not self.active:
            return
        state = {
            **self._identity,
            "step": self.step,
            "total_steps": self.total_steps,
            "exit": exit_reason,
            "error": error,
            "updated_at": time.time(),
        }
        write_json(self.job_dir / "state.json", state)
