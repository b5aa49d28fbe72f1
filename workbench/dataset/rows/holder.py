"""One process edits a file: a lock beside its journal that says who has it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from pathlib import Path

from workbench.errors import WorkbenchError

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class Held(WorkbenchError):
    """Another process has the file open for editing."""

    code = "open_elsewhere"


class Hold:
    """The right to edit one file, until `release`; it ends with the process."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd

    @classmethod
    def take(cls, path: Path, what: Path, *, shared_disk: bool) -> Hold:
        """Take the lock file `path` of the file `what`; raises `Held`, or OSError where it cannot be written.

        On a disk that several hosts share the kernel's lock may end at one host, so there the name in it counts too.
        """
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _lock(fd, path, what)
                if not _is_there(path, fd):  # its last holder removed it while we waited
                    os.close(fd)
                    continue
                host, pid = _read(fd)
                if shared_disk and host not in ("", socket.gethostname()):
                    raise Held(
                        str(what),
                        f"is being edited by process {pid} on {host}",
                        f"close it there; if that one is gone, remove {path}",
                    )
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.close(fd)
                raise
            return cls(path, fd)

    def release(self) -> None:
        """Let others have it."""
        if self._fd >= 0:
            if _is_there(self._path, self._fd):
                self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1


def _lock(fd: int, path: Path, what: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        host, pid = _read(fd)
        here = f"process {pid}" if host == socket.gethostname() else f"process {pid} on {host}"
        who = "here already" if pid == os.getpid() else f"by {here}" if host else "by another process"
        raise Held(str(what), f"is being edited {who}", "close it there to edit it here") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        host, pid = _read(fd)
        if host and (host != socket.gethostname() or _alive(pid)):
            raise Held(
                str(what),
                f"is being edited by process {pid} on {host}",
                f"close it there; if that one is gone, remove {path}",
            ) from None


def _read(fd: int) -> tuple[str, int]:
    """Host and process that wrote the lock file; an empty host if nobody did."""
    try:
        found = json.loads(os.pread(fd, 4096, 0))
        return str(found["host"]), int(found["pid"])
    except (ValueError, KeyError, TypeError):
        return "", 0


def _is_there(path: Path, fd: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # a number used again: we do not hold it, or we would not ask
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
