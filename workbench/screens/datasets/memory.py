"""Memory that a pass over a large file leaves behind, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc

WORTH_IT = 64 * 1024 * 1024
"""Bytes of a file below which there is nothing to speak of."""


def give_back(size: int) -> None:
    """After work on a file of `size` bytes. The C library keeps what was freed, a hundred megabytes after an analysis.

    Only glibc can be asked; elsewhere nothing happens.
    """
    if size < WORTH_IT:
        return
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
