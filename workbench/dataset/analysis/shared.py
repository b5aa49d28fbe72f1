"""Columns in memory that two processes share: one fills them, the other looks at the rows that it needs."""

from __future__ import annotations

import mmap
import os
import tempfile

from workbench.dataset.analysis.columns import TYPES, Columns
from workbench.errors import WorkbenchError


def memory_for(count: int) -> int:
    """A file descriptor, for the caller to close, of memory for the columns of so many rows.

    Raises WorkbenchError where there is none.
    """
    try:
        fd = _nameless()
        try:
            os.truncate(fd, sum(_sizes(count).values()))
        except OSError:
            os.close(fd)
            raise
    except OSError as error:
        why = f"gets no memory for {count:,} rows ({error.strerror})"
        raise WorkbenchError("the analysis", why, "free some memory and try again", code="no_memory") from error
    return fd


def columns_in(fd: int, count: int, *, writable: bool = False) -> Columns:
    """The columns that stand in such memory; they keep it when the descriptor is closed."""
    import numpy as np

    memory = mmap.mmap(fd, 0, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    arrays, at = {}, 0
    for name, size in _sizes(count).items():
        arrays[name] = np.frombuffer(memory, TYPES[name], count, at)
        at += size
    return Columns(**arrays)


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("ftwb-columns")
    with tempfile.TemporaryFile() as file:  # which the system keeps in memory as long as it can
        return os.dup(file.fileno())


def _sizes(count: int) -> dict[str, int]:
    """Bytes of each column, those with the largest numbers first, so that each begins where it may."""
    import numpy as np

    sizes = {name: np.dtype(kind).itemsize for name, kind in TYPES.items()}
    return {name: sizes[name] * count for name in sorted(sizes, key=lambda name: -sizes[name])}
