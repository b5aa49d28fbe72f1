"""Having a file on the disk while it is still being written."""

from __future__ import annotations

import os
import threading
from types import TracebackType

_SYNC = 64 * 1024 * 1024  # bytes written between two waits for the disk: it is never far behind


class Follower:
    """A thread that sends a growing file to the disk; all of it is there when the context ends. OSError if it is not.

    The disk then works while the next part is read, instead of behind the last one.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._synced = 0
        self._written = 0
        self._ended = False
        self._changed = threading.Condition()
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="ftwb save", daemon=True)

    def written(self, size: int) -> None:
        """So many bytes are written."""
        with self._changed:
            self._written = size
            if size - self._synced >= _SYNC:
                self._changed.notify()

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        if error is None:
            if self._failed is not None:
                raise self._failed
            os.fsync(self._fd)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._written - self._synced >= _SYNC)
                if self._ended:
                    return
                size = self._written
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._failed = error
                return
            with self._changed:
                self._synced = size
