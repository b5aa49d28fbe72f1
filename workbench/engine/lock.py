"""One engine a workspace: who holds it, and whether that engine lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.engine.durable import read_json, write_json
from workbench.engine.identity import ProcessIdentity
from workbench.errors import WorkbenchError

HEARTBEAT_S = 5.0
FRESH_S = 60.0
"""A heartbeat younger than this means that its engine lives; NFS attribute caches alone may take 60 s."""


class EngineElsewhere(WorkbenchError):
    """Another engine has this workspace, on this machine or on another."""

    code = "engine_elsewhere"


@dataclass(frozen=True, slots=True)
class LockRecord:
    """What `engine/lock` says."""

    host: str
    boot_id: str
    pid: int
    start: float
    heartbeat: float
    socket: str
    version: str
    protocol: int

    @classmethod
    def parse(cls, document: dict[str, Any] | None) -> LockRecord | None:
        """The record in a lock file's document; None for anything else (a torn or foreign file)."""
        try:
            return cls(**{name: (document or {})[name] for name in cls.__dataclass_fields__})
        except KeyError:
            return None

    @property
    def identity(self) -> ProcessIdentity:
        """The process that wrote it."""
        return ProcessIdentity(self.host, self.boot_id, self.pid, self.start)


class EngineLock:
    """The file `engine/lock`: taken at start, its heartbeat refreshed, given back at the end."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._guard = folder / ".lock.guard"
        self._mine: LockRecord | None = None

    def acquire(self, *, socket: str, version: str, protocol: int, take_over: bool = False) -> LockRecord:
        """Take the lock, over a dead engine of this machine too.

        Raises EngineElsewhere for a living engine here and for any engine of another host. `take_over` overrides
        another host's lock whose heartbeat is old: a person asked for it.
        """
        me = ProcessIdentity.mine()
        with self._guarded():
            holder = LockRecord.parse(read_json(self.path))
            if holder is not None:
                _refuse_living(holder, take_over=take_over)
            self._mine = LockRecord(me.host, me.boot_id, me.pid, me.start, time.time(), socket, version, protocol)
            write_json(self.path, asdict(self._mine))
        return self._mine

    def beat(self) -> bool:
        """Refresh the heartbeat. False if the lock is no longer ours: this engine must stop serving."""
        if self._mine is None:
            return False
        with self._guarded():
            holder = LockRecord.parse(read_json(self.path))
            if holder is not None and holder.identity != self._mine.identity:
                return False
            # the start too: it is wall time, and the clock may have been set, after which we would look dead to others
            self._mine = replace(self._mine, heartbeat=time.time(), start=ProcessIdentity.mine().start)
            write_json(self.path, asdict(self._mine))
        return True

    def release(self) -> None:
        """Give the lock back, if it is ours."""
        with self._guarded():
            holder = LockRecord.parse(read_json(self.path))
            if self._mine is not None and holder is not None and holder.identity == self._mine.identity:
                self.path.unlink(missing_ok=True)
        self._mine = None

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Hold off a second engine that starts in the same moment.

        Where the file system has no locks (some NFS), `beat` finds a lost race within seconds.
        """
        handle = os.open(self._guard, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _refuse_living(holder: LockRecord, *, take_over: bool) -> None:
    """Raise unless the lock of `holder` may be taken."""
    if holder.identity.here:
        if holder.identity.alive():
            raise EngineElsewhere(
                "the engine",
                f"already runs here (pid {holder.pid})",
                f"it answers at {holder.socket}",
                code="engine_running",
            )
        return
    if holder.host == ProcessIdentity.mine().host:
        return  # this machine was booted since
    age = time.time() - holder.heartbeat
    if age < FRESH_S:
        raise EngineElsewhere(
            "the engine",
            f"of this workspace runs on host {holder.host} (pid {holder.pid}, last heard of {max(0, age):.0f} s ago)",
            "work there, stop it there with `ftwb engine stop`, or choose another --workspace",
        )
    if not take_over:
        raise EngineElsewhere(
            "the engine",
            f"of this workspace belongs to host {holder.host} (pid {holder.pid}), silent for {age / 60:.0f} minutes",
            "if nothing of it runs there any more, start with --take-over",
        )
