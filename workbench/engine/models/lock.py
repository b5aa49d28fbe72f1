"""One process at a time for one piece of work in the cache."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.engine.models.progress import PullProgress, Report


@contextmanager
def locked(file: Path, report: Report) -> Iterator[None]:
    """Hold the lock `file`; while another process has it, wait and say so once.

    The system drops the lock when its holder dies. Where the file system has no locks the work is done unlocked: all of
    it appears by rename, so that the worst is work done twice.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(PullProgress("waiting", 0, None, "steps"))
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS):
                raise
        yield
