"""A process of this room, as its parent has it.

It is started with subprocess, never multiprocessing: inside a running Textual app that fails, for the app replaces
stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import workbench
from workbench.dataset.analysis.wire import pack, unpack

LOOK_EVERY_S = 0.1
"""How soon a cancellation is seen."""

_READ = 1 << 20


class Process:
    """One process, its pipes, and how it ended."""

    def __init__(self, module: str, fds: Sequence[int], complaints: IO[bytes]) -> None:
        """Start `module` of this room; it has the open files `fds` under their numbers, `complaints` as its stderr."""
        self._buffer = bytearray()
        self._complaints = complaints
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"workbench.dataset.analysis.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=tuple(fds),
            env=_environment(),
            bufsize=0,
        )

    @property
    def answers(self) -> int:
        """The file descriptor that becomes readable when it says something, or ends."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def say(self, message: object) -> None:
        """Send a message; a process that is gone shows itself when its answers end."""
        assert self._process.stdin is not None
        data = memoryview(pack(message))
        with suppress(BrokenPipeError):
            while data:
                data = data[self._process.stdin.write(data) or 0 :]

    def heard(self) -> Iterator[Any] | None:
        """The whole messages that have arrived by now; None where there will be no more."""
        data = os.read(self.answers, _READ)
        if not data:
            return None
        self._buffer += data
        return unpack(self._buffer)

    def end(self, patience: float = 0.0) -> int:
        """Make sure that it is gone, `patience` seconds after its input has ended; returns its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if patience:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self._process.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.wait()

    def why(self, status: int) -> str:
        """How it ended, and the last that it said about it."""
        why = f"was ended by {_signal(-status)}" if status < 0 else f"ended with status {status}"
        self._complaints.seek(0)
        said = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return f"{why} ({said[-1]})" if said else why


def way_out(status: int) -> str:
    """What a person can do about a process that ended so."""
    return "free some memory and try again" if status == -signal.SIGKILL else "try again"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment() -> dict[str, str]:
    """Ours, with the way to this very package, and an allocator that keeps what a part used for the next one."""
    root = str(Path(workbench.__file__).parent.parent)
    paths: Sequence[str] = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {"MALLOC_TRIM_THRESHOLD_": "134217728", "MALLOC_MMAP_THRESHOLD_": "134217728"}
    alone = {"OPENBLAS_NUM_THREADS": "1"}  # numpy's threads for matrices, of which there are none here
    return {**kept, **alone, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "TOKENIZERS_PARALLELISM": "false"}
