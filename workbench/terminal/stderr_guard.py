"""While the app owns the screen, nobody else may write on it.

C libraries (CUDA, MKL, OpenSSL) and stray prints write to file descriptors 1 and 2. Inside the guard both lead to a log
file; Textual, which draws on `sys.__stderr__` and asks `sys.__stdout__` for the size, gets private copies of the
terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def guarded_screen(log: Path) -> Iterator[None]:
    """Send file descriptors 1 and 2 to the file `log` (appended, 0600) until the block ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as undo:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        undo.callback(os.close, target)
        for descriptor, name in ((1, "__stdout__"), (2, "__stderr__")):
            _guard(descriptor, name, target, undo)
        yield


def _guard(descriptor: int, name: str, target: int, undo: ExitStack) -> None:
    """Point `descriptor` at `target`, and `sys.<name>` at a private copy of what it was."""
    before: IO[str] | None = getattr(sys, name)
    if before is not None:
        with suppress(OSError, ValueError):
            before.flush()
    private = os.dup(descriptor)
    stream = os.fdopen(private, "w", encoding="utf-8", errors="replace", closefd=False)
    os.dup2(target, descriptor)
    setattr(sys, name, stream)

    def restore() -> None:
        # The terminal may be gone (hang-up): what is left to write then has nowhere to go.
        with suppress(OSError, ValueError):
            stream.flush()
        setattr(sys, name, before)
        os.dup2(private, descriptor)
        os.close(private)

    undo.callback(restore)
