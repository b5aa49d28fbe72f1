"""How a large file gets to the disk sooner: calls of Linux that Python does not have."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, from linux/falloc.h: the file is as long as what was written, also after a kill
_WRITE = 2  # SYNC_FILE_RANGE_WRITE, from linux/fs.h
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def reserve(fd: int, size: int) -> None:
    """Take room for the first `size` bytes of an open file, where that is quick; raises OSError where there is none.

    Writing is faster then, as the system need not look for room for each page, and a full disk is known at once.
    `os.posix_fallocate` would do it everywhere, but where the file system cannot, it writes into every block instead.
    """
    call = _call("fallocate", ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if call is None or not size:
        return
    if call(fd, _KEEP_SIZE, 0, size) and ctypes.get_errno() in _NO_ROOM:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def send(fd: int, first: int, last: int) -> None:
    """Let the disk begin with these bytes of an open file while the next are gathered; nobody waits for it.

    It promises nothing, which is what fsync is for. Unlike `os.posix_fadvise` it leaves the bytes in memory, where
    whoever reads the file next finds them.
    """
    call = _call("sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    if call is not None:
        call(fd, first, last - first, _WRITE)


@functools.cache
def _call(name: str, *types: type) -> Callable[..., int] | None:
    """A function of the C library; None elsewhere than on Linux."""
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if sys.platform == "linux" else None
    if call is not None:
        call.argtypes = types
    return call
