"""The Datasets screen on a large file, in a pseudo-terminal of 120×40, as a person meets it.

    python tests/benchmarks/dataset_screen.py FILE [SMALL_FILE] [--peer VD]

Prints: seconds until the first records stand on the screen, for FILE and for SMALL_FILE (ten records, made where none
is given); until the last one can be reached; the time between a key and the screen that answers it (page down, last,
first, a filter's first hits) while the analysis runs and afterwards; and the memory of the app: at its most, and once
the analysis is through, just then and when the file is opened again. Goals for 1,000,000 records: as soon as with ten,
1.5 s more, 100 ms at p95, 90 MB when it is settled.

With --peer, or where `vd` is installed, VisiData opens FILE in the same run: its first rows, its last row on the screen
(it loads behind the screen, and `G` goes to the last row there is), its memory then. It takes minutes and gigabytes.
Goals: our last record 100 times as soon, in a fortieth of the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import psutil

from workbench.dataset.rows import open_rows

PATIENCE_S = 600.0
STARTED_S, SETTLED_S = 3.0, 3.0
"""By when an analysis that is not in the cache has started workers, and after which nothing goes on behind it."""
QUIET_S = 0.03
"""A screen that nothing was written to for so long is complete."""
GOAL_SOONER, GOAL_SMALLER = 100.0, 40.0
"""How many times as soon as in VisiData the last record is there, and in how much less memory."""
_LOOKED_S = 2.0  # between two looks at how many rows the peer has
PAGE, LAST, FIRST = b"\x1b[6~", b"\x1b[F", b"\x1b[H"


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a file took: seconds, and megabytes at rest."""

    first: float
    last: float = 0.0
    memory: float = 0.0


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), dict(environ))
        ioctl(self.fd, TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.seen = b""

    def _read(self, wait: float) -> bool:
        if not select.select([self.fd], [], [], wait)[0]:
            return False
        self.seen = (self.seen + os.read(self.fd, 1 << 16))[-400_000:]
        return True

    def until(self, shown: Callable[[bytes], object]) -> float:
        """Seconds from the start until what was written fits."""
        while not shown(self.seen):
            if time.monotonic() - self.started > PATIENCE_S:
                raise TimeoutError(f"the end of what was written: {self.seen[-300:]!r}")
            self._read(0.02)
        return time.monotonic() - self.started

    def key(self, key: bytes) -> float:
        """Seconds between a key and the last of what it makes the program write."""
        while self._read(0.15):
            pass
        begun = last = time.monotonic()
        os.write(self.fd, key)
        answered = False
        while time.monotonic() - last < (QUIET_S if answered else 2.0):
            if self._read(0.002):
                last, answered = time.monotonic(), True
        return last - begun

    def megabytes(self) -> float:
        """Resident memory, the workers not counted."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1e6

    def memory(self) -> str:
        """The same in words, with what no other process shares, and the most there was."""
        private, most = 0, 0
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            private += int(line.split()[1]) * 1024 if line.startswith("Private_") else 0
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            most = int(line.split()[1]) * 1024 if line.startswith("VmHWM") else most
        return f"{self.megabytes():6.0f} MB, {private / 1e6:.0f} of them private, {most / 1e6:.0f} at most"

    def idle(self) -> None:
        """Wait until the workers have come and are gone, and memory was given back."""
        children = psutil.Process(self.pid).children
        begun = time.monotonic()
        while not children() and time.monotonic() - begun < STARTED_S:
            self._read(0.05)
        while children():
            self._read(0.05)
        self.wait(SETTLED_S)

    def wait(self, seconds: float) -> None:
        """Read what is written meanwhile."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            self._read(0.05)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def spread(seconds: Sequence[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    return f"median {ordered[len(ordered) // 2] * 1000:4.0f} ms, p95 {ordered[int(len(ordered) * 0.95)] * 1000:4.0f} ms"


def ours(path: Path, environ: Mapping[str, str], *, closely: bool) -> Opened:
    """Open a file."""
    terminal = Terminal([sys.executable, "-m", "workbench.cli", str(path)], environ)
    try:
        first = terminal.until(lambda seen: re.search(rb"record 1 of", seen))
        print(f"{path.name:<20} first records    {first:6.2f} s")
        if not closely:
            return Opened(first)
        terminal.until(lambda seen: re.search(rb"checking", seen))
        os.write(terminal.fd, LAST)
        whole = terminal.until(lambda seen: re.search(rb"record ([1-9][0-9,]+) of \1", seen))
        print(f"{'':<20} last on screen   {whole:6.2f} s, {whole - first:.2f} s later")
        terminal.key(FIRST)  # a page down from the last record shows nothing that could be waited for
        keys = [terminal.key(key) for key in [PAGE] * 25 + [LAST, FIRST] * 8]
        print(f"{'':<20} pages and jumps  {spread(keys)}, while the analysis runs")
        terminal.idle()
        memory = terminal.megabytes()
        print(f"{'':<20} memory           {terminal.memory()}, analysed")
        keys = [terminal.key(key) for key in [PAGE] * 25 + [LAST, FIRST] * 8]
        print(f"{'':<20} pages and jumps  {spread(keys)}")
        terminal.key(b"/")
        print(f"{'':<20} filter           first hits of a letter {terminal.key(b'o') * 1000:.0f} ms")
        return Opened(first, whole, memory)
    finally:
        terminal.close()


def visidata(command: str, path: Path, records: int, environ: Mapping[str, str]) -> Opened:
    """The peer: loaded once its rows are as many as the records, or no more come."""
    terminal = Terminal([command, str(path)], environ)
    try:
        first = terminal.until(lambda seen: b"messages" in seen)
        print(f"{'VisiData':<20} first records    {first:6.2f} s")
        before = -1
        while (rows := _rows(terminal)) < records and rows != before:
            before = rows
            terminal.wait(_LOOKED_S)
        terminal.key(b"G")
        last = time.monotonic() - terminal.started
        memory = terminal.megabytes()
        print(f"{'':<20} last on screen   {last:6.2f} s, {rows:,} rows of {records:,}")
        print(f"{'':<20} memory           {terminal.memory()}")
        return Opened(first, last, memory)
    finally:
        terminal.close()


def _rows(terminal: Terminal) -> int:
    """How many rows the peer's status line says there are; it is drawn anew for that, which may take seconds."""
    terminal.seen = b""
    os.write(terminal.fd, b"\x0c")
    terminal.until(lambda seen: re.search(rb"\d+ rows", seen))
    return int(re.findall(rb"(\d+) rows", terminal.seen)[-1])


def main() -> None:
    """One file closely, a small one for comparison, the peer."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file", type=Path)
    arguments.add_argument("small", type=Path, nargs="?")
    arguments.add_argument("--peer", default=shutil.which("vd"), help="the command of VisiData")
    chosen = arguments.parse_args()
    path: Path = chosen.file.resolve()
    left_out = ("TEXTUAL", "SSH_", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")  # an app that is installed has its byte code
    quiet = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **quiet,
            "TERM": "xterm-256color",
            "FTWB_HOME": str(Path(folder) / "home"),
            "FTWB_CACHE": str(Path(folder) / "cache"),
        }
        small = chosen.small or Path(folder) / "ten.jsonl"
        if not chosen.small:
            record = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
            small.write_text("".join(json.dumps({**record, "n": number}) + "\n" for number in range(10)))
        subprocess.run([sys.executable, "-m", "workbench.cli", "--version"], env=environ, check=True)
        ours(small, environ, closely=False)  # makes the project and the byte code
        few = min(ours(small, environ, closely=False).first for _ in range(3))
        many = ours(path, environ, closely=True)
        again = Terminal([sys.executable, "-m", "workbench.cli", str(path)], environ)
        try:
            again.idle()
            print(f"{'':<20} memory           {again.memory()}, opened again")
        finally:
            again.close()
        print(f"first records: {many.first / few:.2f} of the time with ten records")
        if chosen.peer:
            with open_rows(path) as rows:
                records = len(rows)
            peer = visidata(chosen.peer, path, records, {**environ, "HOME": folder})
            sooner, smaller = peer.last / many.last, peer.memory / many.memory
            met = sooner >= GOAL_SOONER and smaller >= GOAL_SMALLER
            print(
                f"VisiData: first records {peer.first / many.first:.1f}× our time, last record {sooner:.0f}× (goal"
                f" {GOAL_SOONER:.0f}×), memory {smaller:.0f}× (goal {GOAL_SMALLER:.0f}×): {'met' if met else 'missed'}"
            )


if __name__ == "__main__":
    main()
