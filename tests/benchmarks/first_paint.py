"""How much CPU ftwb spends until its first paint, against a hello-world Textual app in the same run.

    python tests/benchmarks/first_paint.py [ROUNDS]

Both run in a pseudo-terminal of 80×24; rounds are interleaved, so that other load on the machine meets both alike. CPU
seconds are user plus system of the process, read when the marker text has been written. Goal: a ratio of at most 2.0.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import psutil

GOAL = 2.0
HELLO = """
from textual.app import App
from textual.widgets import Label
class Hello(App[None]):
    def compose(self):
        yield Label("Hello, first paint")
Hello().run()
"""
PATIENCE_S = 60.0


def cpu_until(command: Sequence[str], marker: bytes, environ: Mapping[str, str]) -> float:
    """CPU seconds of `command` when `marker` has reached its terminal; the process is killed then."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), dict(environ))
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen, deadline = b"", time.monotonic() + PATIENCE_S
    try:
        while marker not in seen:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{command}: no {marker!r} within {PATIENCE_S:.0f} s; the end of it: {seen[-200:]!r}"
                )
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 1 << 16)
        spent = psutil.Process(pid).cpu_times()
        return float(spent.user + spent.system)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> int:
    """Print medians and the ratio; 1 if it misses the goal."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    quiet = {key: value for key, value in os.environ.items() if not key.startswith(("TEXTUAL", "SSH_", "NO_COLOR"))}
    with tempfile.TemporaryDirectory() as folder:
        environ = {**quiet, "TERM": "xterm-256color", "FTWB_HOME": str(Path(folder) / "home")}
        ftwb = [sys.executable, "-m", "workbench.cli"]
        measured: dict[str, list[float]] = {"hello": [], "ftwb: first paint": [], "ftwb: records shown": []}
        cpu_until(ftwb, b"Playground", environ)  # makes the first project and the byte code
        for _ in range(rounds):
            measured["hello"].append(cpu_until([sys.executable, "-c", HELLO], b"first paint", environ))
            measured["ftwb: first paint"].append(cpu_until(ftwb, b"Playground", environ))
            measured["ftwb: records shown"].append(cpu_until(ftwb, b"record 1 of", environ))
    hello = statistics.median(measured["hello"])
    for name, values in measured.items():
        middle = statistics.median(values)
        print(f"{name:<22} {middle:.2f} s CPU (min {min(values):.2f})  {middle / hello:.2f}×")
    ratio = statistics.median(measured["ftwb: first paint"]) / hello
    print(f"goal {GOAL:.1f}×: {'met' if ratio <= GOAL else 'missed'}")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
