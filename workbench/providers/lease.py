"""Who writes a job's log when several terminals watch it: one, and another when that one goes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from workbench.errors import WorkbenchError

EXPIRES_S = 30.0
"""A soft lease that was not renewed for so long, by the file system's clock, is free."""


def flock(handle: int) -> None:
    """The kernel's lock, without waiting; it ends with the process."""
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lease:
    """The right to write in `folder`. Where the file system has no locks, a file that must be renewed."""

    def __init__(self, folder: Path, *, kernel: Callable[[int], None] = flock) -> None:
        self._folder = folder
        self._kernel = kernel
        self._handle: int | None = None
        self._soft = folder / ".follow-lease"
        self._token = uuid.uuid4().hex
        self.held = False

    def take(self) -> bool:
        """Whether the lease is ours now: taken, kept or renewed. Call it before each writing.

        `WorkbenchError` where the folder cannot be written.
        """
        if self._handle is not None:
            return True
        try:
            return self._take()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkbenchError(
                str(self._folder), f"cannot be written ({why})", "use another workspace with --workspace DIR"
            ) from error

    def _take(self) -> bool:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / ".follow-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._kernel(handle)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            self.held = self._take_soft()
            return self.held
        self._handle, self.held = handle, True
        return True

    def release(self) -> None:
        """Let another one write."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        elif self.held and self._holder() == self._token:
            self._soft.unlink(missing_ok=True)
        self.held = False

    def _take_soft(self) -> bool:
        if self._holder() == self._token:
            os.utime(self._soft)
            return True
        draft = self._soft.with_name(f".follow-lease-{self._token}")
        draft.write_text(self._token)
        try:
            os.link(draft, self._soft)
            return True
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if draft.stat().st_mtime - self._soft.stat().st_mtime > EXPIRES_S:
                    draft.replace(self._soft)
                    return self._holder() == self._token
            return False
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            draft.replace(self._soft)  # neither locks nor links: the log is read so that doubled events do no harm
            return True
        finally:
            draft.unlink(missing_ok=True)

    def _holder(self) -> str | None:
        try:
            return self._soft.read_text()
        except OSError:
            return None
