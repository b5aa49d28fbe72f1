"""What every host process does about its own life: a private socket, and an end when the engine ends."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from pathlib import Path

KEY_VARIABLE = "FTWB_HOST_KEY"
"""The host's key travels in the environment: command lines are readable by other users."""

MAX_SOCKET_PATH = 103
"""Bytes: AF_UNIX ends at 107 on Linux and 103 on macOS."""


def settle(socket: Path) -> str:
    """Make this process a host: socket and files for this user only, an end with the engine. Returns the key."""
    os.umask(0o077)
    os.nice(5)  # answering gives way to training, which runs at the normal priority
    socket.unlink(missing_ok=True)
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c in the engine's terminal is the engine's to handle
    return os.environ.pop(KEY_VARIABLE)


def _die_with_parent() -> None:
    parent = os.getppid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it
    if prctl is not None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
