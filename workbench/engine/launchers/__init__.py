"""Where a trainer runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from workbench.engine.identity import ProcessIdentity
from workbench.errors import WorkbenchError


class LaunchFailed(WorkbenchError):
    """The trainer could not even be started."""

    code = "launch_failed"


class Launcher(Protocol):
    """Starts trainers, and says of each whether it lives, from its folder alone: any later engine can ask.

    `launched` is what `start` returned (None where that was lost with a killed engine), `reported` what the trainer
    wrote of itself in state.json (None before it did).
    """

    def start(self, job_dir: Path, python: str) -> ProcessIdentity | None:
        """Run `python JOB_DIR/code JOB_DIR`, detached. Raises LaunchFailed."""
        ...

    def alive(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> bool:
        """Whether the trainer, or any process it started, still runs."""
        ...

    def stop(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> None:
        """Ask it to write a checkpoint and end."""
        ...

    def kill(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> None:
        """End it now."""
        ...
