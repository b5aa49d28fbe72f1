"""One lock a workspace, held for the milliseconds of a save, between processes and between hosts.

Two locks are taken together. The kernel's `flock` is quick and dies with its process, but some network file systems do
not have it or keep it to one host. The soft lock is a file that names its holder (host, boot id, pid); creating it is
atomic wherever several hosts share a folder. So a process whose file system has no kernel locks, and one on another
host, still keep each other out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import random
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from workbench.workspace.errors import WorkspaceLocked, unwritable

ABANDONED_S = 60.0
"""A soft lock this old, by the file system's own clock, is broken: saves take milliseconds, and a holder that wakes up
later notices before it renames (`Held.check`)."""

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


class LockLostError(Exception):
    """Our lock was taken away because we slept too long; the save must start again."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a soft lock."""

    host: str
    boot_id: str
    pid: int
    kernel: bool
    """It holds the kernel lock as well."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """One taking of the lock."""


KernelLock = Callable[[int], bool]
"""Takes a file descriptor; True when locked, False when somebody else has it. OSError where there are no locks."""


def flock(fd: int) -> bool:
    """`flock` without waiting: it also keeps the threads of one process apart, which POSIX record locks do not."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def no_kernel_locks(_: int) -> bool:
    """What a file system without locks answers."""
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@cache
def host_id() -> str:
    """This machine's name, made unique where several are called `localhost`."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        return f"{name}-{Path('/etc/machine-id').read_text().strip()[:8]}"
    return name


@cache
def boot_id() -> str:
    """This boot of this machine; empty where the system has no such thing."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, timeout=5)
        return asked.stdout.strip()
    return ""


@dataclass(frozen=True, slots=True)
class Held:
    """The lock, while it is ours."""

    soft: Path
    holder: Holder

    def check(self) -> None:
        """Raise `LockLostError` if somebody broke our lock in the meantime."""
        if _read(self.soft) != self.holder:
            raise LockLostError


class Lock:
    """The lock of one folder; `hold()` waits for it."""

    def __init__(
        self,
        folder: Path,
        *,
        timeout_s: float = 5.0,
        host: str | None = None,
        boot: str | None = None,
        kernel: KernelLock = flock,
    ) -> None:
        self._kernel_file = folder / ".lock"
        self._soft_file = folder / ".lock-holder"
        self._timeout_s = timeout_s
        self._host = host or host_id()
        self._boot = boot if boot is not None else boot_id()
        self._kernel = kernel

    @contextlib.contextmanager
    def hold(self) -> Iterator[Held]:
        """Hold both locks; `WorkspaceLocked` after the waiting time, a sentence where locks cannot be written."""
        deadline = time.monotonic() + self._timeout_s
        try:
            fd = os.open(self._kernel_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(self._kernel_file.parent, error) from error
        try:
            held = self._take(fd, deadline)
            try:
                yield held
            finally:
                if _read(held.soft) == held.holder:
                    held.soft.unlink(missing_ok=True)
        finally:
            os.close(fd)

    def _take(self, fd: int, deadline: float) -> Held:
        has_kernel = self._take_kernel(fd, deadline)
        holder = Holder(self._host, self._boot, os.getpid(), kernel=has_kernel)
        while True:
            try:
                if _create(self._soft_file, holder):
                    return Held(self._soft_file, holder)
                self._break_if_dead(has_kernel)
            except OSError as error:
                raise unwritable(self._soft_file.parent, error) from error
            self._wait(deadline)

    def _take_kernel(self, fd: int, deadline: float) -> bool:
        while True:
            try:
                if self._kernel(fd):
                    return True
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return False
                raise unwritable(self._kernel_file, error) from error
            self._wait(deadline)

    def _wait(self, deadline: float) -> None:
        if time.monotonic() < deadline:
            time.sleep(random.uniform(0.002, 0.02))  # noqa: S311 (only spreads the waiters)
            return
        holder = _read(self._soft_file)
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        raise WorkspaceLocked(
            str(self._kernel_file.parent),
            f"is being saved by {who} for more than {self._timeout_s:g} s",
            f"try again; if that process is gone, remove {self._soft_file}",
        )

    def _break_if_dead(self, has_kernel: bool) -> None:
        """Take a dead holder's soft lock away, so that the next try can create ours."""
        holder = _read(self._soft_file)
        if not (self._is_dead(holder, has_kernel) if holder else False) and not self._is_abandoned():
            return
        aside = self._soft_file.with_name(f".lock-broken-{uuid.uuid4().hex}")
        with contextlib.suppress(FileNotFoundError):
            self._soft_file.rename(aside)
            if _read(aside) != holder:  # we took a living one that came in between: give it back
                with contextlib.suppress(FileExistsError):
                    os.link(aside, self._soft_file)
            aside.unlink()

    def _is_dead(self, holder: Holder, has_kernel: bool) -> bool:
        if holder.host != self._host:
            return False
        if holder.boot_id != self._boot:
            return True
        if holder.kernel and has_kernel:
            return True  # same kernel, and we have the lock that it held
        return not _alive(holder.pid)

    def _is_abandoned(self) -> bool:
        """By the file system's clock on both sides: hosts disagree about the time."""
        probe = self._soft_file.with_name(f".lock-probe-{uuid.uuid4().hex}")
        with contextlib.suppress(FileNotFoundError):
            taken = self._soft_file.stat().st_mtime
            if abs(time.time() - taken) < ABANDONED_S / 2:
                return False  # spares the probe in the usual case
            probe.touch(0o600)
            try:
                return probe.stat().st_mtime - taken > ABANDONED_S
            finally:
                probe.unlink()
        return False


def _create(path: Path, holder: Holder) -> bool:
    """Create the soft lock with its content in one step; False when there is one already."""
    text = json.dumps(asdict(holder))
    draft = path.with_name(f".lock-draft-{holder.token}")
    try:
        draft.write_text(text)
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS or not draft.exists():
            raise
        return _create_without_links(path, text)
    finally:
        draft.unlink(missing_ok=True)
    return True


def _create_without_links(path: Path, text: str) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(fd, "w") as file:
        file.write(text)
    return True


def _read(path: Path) -> Holder | None:
    """The holder, or None when the file is away or not written yet."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return Holder(**found)
    except (OSError, ValueError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
