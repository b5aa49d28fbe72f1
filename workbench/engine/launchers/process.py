"""A trainer as a detached process of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path

import psutil

from workbench.engine.identity import ProcessIdentity
from workbench.engine.launchers import LaunchFailed
from workbench.engine.launchers.environment import child_environment, interpreter_command

NICENESS = 2
"""A little, for the person at the machine; hosts that answer have 5, so that they never slow a training."""


class ProcessLauncher:
    """Runs trainers in sessions of their own, so that they outlive engine and terminal.

    A trainer inherits a lock on `JOB_DIR/trainer.lock` for its whole life. So an engine that was killed between
    starting a trainer and noting its pid does not start a second one.
    """

    def __init__(self) -> None:
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, job_dir: Path, python: str) -> ProcessIdentity | None:
        """See Launcher. `python` may hold arguments, such as `apptainer exec image.sif python`."""
        command = [*interpreter_command(python), str(job_dir / "code"), str(job_dir)]
        with (job_dir / "train.log").open("ab") as log, (job_dir / "trainer.lock").open("ab") as lock:
            with contextlib.suppress(OSError):  # a file system without locks: pid and start time must do
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                child = subprocess.Popen(
                    command,
                    cwd=job_dir,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=child_environment(),
                    start_new_session=True,
                    pass_fds=(lock.fileno(),),
                )
            except OSError as error:
                raise LaunchFailed(
                    "the trainer's interpreter", f"{python}: {error.strerror}", "check trainer_python"
                ) from error
        self._children[job_dir] = child
        with contextlib.suppress(psutil.Error):
            psutil.Process(child.pid).nice(NICENESS)
        return ProcessIdentity.of(child.pid)

    def alive(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> bool:
        """See Launcher."""
        child = self._children.get(job_dir)
        if child is not None and child.poll() is not None:
            del self._children[job_dir]  # reaped
        if any(_runs(job_dir, identity) for identity in (launched, reported)):
            return True
        if not _locked(job_dir / "trainer.lock"):
            return False
        known = launched or reported
        if known is None:
            return True  # started by an engine that was killed before it could note whom; state.json will say
        self._end_session(known)  # what the dead trainer left behind
        return _locked(job_dir / "trainer.lock")

    def stop(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> None:
        """See Launcher."""
        for identity in (reported, launched):
            if identity is not None and _runs(job_dir, identity):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(identity.pid, signal.SIGTERM)
                return

    def kill(self, job_dir: Path, launched: ProcessIdentity | None, reported: ProcessIdentity | None) -> None:
        """See Launcher."""
        for identity in (reported, launched):
            if identity is not None and _runs(job_dir, identity):
                self._end_session(identity)

    def _end_session(self, identity: ProcessIdentity) -> None:
        """Kill the process and all of its group; the group's number is free only once all of it is gone."""
        for send in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if send is os.killpg or identity.alive():
                    send(identity.pid, signal.SIGKILL)


def _runs(job_dir: Path, identity: ProcessIdentity | None) -> bool:
    """Whether that trainer runs. Start times move when the clock is set; then its command line says who it is."""
    if identity is None or not identity.here:
        return False
    if identity.alive():
        return True
    try:
        process = psutil.Process(identity.pid)
        return str(job_dir / "code") in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False


def _locked(path: Path) -> bool:
    """Whether another process holds the lock; False where that cannot be told."""
    try:
        with path.open("ab") as lock:  # NFS locks only what is open for writing
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
