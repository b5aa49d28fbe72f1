"""The real `ftwb` in a pseudo-terminal: how it starts, stands, is stopped, and leaves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"
QUIET_S = 2.0
"""How long nothing may be written for the app to count as idle; a blinking cursor writes twice a second."""


class Terminal:
    """A pseudo-terminal with a program in it, and everything that was written to it."""

    def __init__(self, command: list[str], environ: dict[str, str], size: tuple[int, int] = (80, 24)) -> None:
        self.child = pexpect.spawn(command[0], command[1:], dimensions=(size[1], size[0]), env=environ, timeout=60)
        self.written = b""
        self._looked_at = 0

    def until(self, text: str | bytes, seconds: float = 60.0) -> None:
        """Read until `text` was written behind the last text that was waited for."""
        wanted = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + seconds
        while (at := self.written.find(wanted, self._looked_at)) < 0:
            assert time.monotonic() < deadline, f"no {text!r}; the end of what came: {self.written[-400:]!r}"
            self.read(0.2)
        self._looked_at = at + len(wanted)

    def look_from_here(self) -> None:
        """What was written before does not count for `until`."""
        self._looked_at = len(self.written)

    def read(self, seconds: float) -> bytes:
        """What is written within some seconds, at the first piece."""
        try:
            piece: bytes = self.child.read_nonblocking(1 << 16, timeout=seconds)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF:
            self.child.wait() if self.child.isalive() else None
            raise AssertionError(f"the program ended: {self.written[-600:]!r}") from None
        self.written += piece
        return piece

    def until_quiet(self, seconds: float = QUIET_S) -> None:
        """Read until nothing was written for some seconds."""
        while self.read(seconds):
            pass

    def close(self) -> None:
        """End the program whatever it does; pexpect gives up on a loaded machine."""
        if not self.child.terminated and self.child.exitstatus is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.child.pid, 0)
        os.close(self.child.child_fd)
        self.child.ptyproc.closed = self.child.ptyproc.terminated = self.child.closed = self.child.terminated = True

    def rest(self) -> bytes:
        """All until the program ends; its exit status is in `child` then."""
        left: bytes = self.child.read()
        self.child.wait() if self.child.isalive() else None
        self.written += left
        return left


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A workspace of its own and an ordinary terminal."""
    dropped = ("TEXTUAL", "SSH_", "NO_COLOR", "TMUX", "COLUMNS", "LINES")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "FTWB_HOME": str(tmp_path / "home"), "TERM": "xterm-256color", "PS1": "shell> "}


@pytest.fixture
def started(environ: dict[str, str]) -> Iterator[Terminal]:
    """ftwb, started for the first time, with its records on screen and nothing left to do."""
    terminal = Terminal([sys.executable, "-m", "workbench.cli"], environ)
    terminal.until("nothing found")
    terminal.until_quiet()
    yield terminal
    terminal.close()


def test_nothing_is_written_when_nothing_happens(started: Terminal) -> None:
    """No clock, no cursor, no spinner: an idle app costs an SSH connection nothing."""
    assert started.read(3.0) == b""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_leave_cleanly(started: Terminal, number: signal.Signals, status: int) -> None:
    """The screen is restored, the mouse released, the exit code says what happened."""
    started.child.kill(number)
    left = started.rest()
    assert LEAVES_ALTERNATE_SCREEN in left
    assert b"\x1b[?1003l" in left
    assert b"Traceback" not in left
    assert started.child.exitstatus == status


def test_a_vanished_terminal_ends_the_app(started: Terminal) -> None:
    """Closing the window: no process spins on a dead tty."""
    pid = started.child.pid
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, started.child.child_fd)  # the master's last copy: the terminal hangs up
    os.close(nowhere)
    deadline = time.monotonic() + 20
    status = 0
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        pytest.fail("still running after its terminal was gone")
    assert os.waitstatus_to_exitcode(status) == 129


def test_quit_by_key_ends_with_0(started: Terminal) -> None:
    """ctrl+q."""
    started.child.send("\x11")
    assert LEAVES_ALTERNATE_SCREEN in started.rest()
    assert started.child.exitstatus == 0


def test_suspend_and_come_back(environ: dict[str, str]) -> None:
    """ctrl+z gives the shell, `fg` gives the whole screen again (Textual 8.2.8 alone leaves it blank)."""
    terminal = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], environ)
    try:
        terminal.until("shell> ")
        terminal.child.sendline(f"{sys.executable} -m workbench.cli")
        terminal.until("nothing found")
        terminal.until_quiet()
        terminal.child.send("\x1a")
        terminal.until("shell> ")
        terminal.look_from_here()
        terminal.child.sendline("fg")
        terminal.until("Playground")
        terminal.until("record 1 of")
        terminal.child.send("\x11")
        terminal.until("shell> ")
    finally:
        terminal.close()


def test_too_small_and_back(started: Terminal) -> None:
    """40×10: a notice; 80×24 again: everything as it was."""
    started.child.setwinsize(10, 40)
    started.until("needs 80")
    started.until_quiet()
    started.look_from_here()
    started.child.setwinsize(24, 80)
    started.until("record 1 of")


def test_no_escape_sequence_of_the_data_reaches_the_terminal(environ: dict[str, str], tmp_path: Path) -> None:
    """Neither an OSC 52 that writes the clipboard nor a C1 control, wherever they stand in a record."""
    evil = "\x1b]52;c;ZXZpbA==\a\x9b2J\x1b[31mEVIL"
    record = {
        "messages": [{"role": "user" + evil, "content": evil}, {"role": "assistant", "content": evil, "name": evil}]
    }
    path = tmp_path / f"evil{chr(27)}[41mname.jsonl"
    path.write_text(
        "\n".join([json.dumps(record), json.dumps(record, ensure_ascii=False), '{"messages": [' + "\x1b]52;c;x\a"])
        + "\n"
    )
    terminal = Terminal([sys.executable, "-m", "workbench.cli", str(path)], environ, size=(120, 40))
    try:
        terminal.until("EVIL")
        terminal.until_quiet(1.0)
        terminal.child.send("jj/EVIL\r")
        terminal.until_quiet(1.0)
        assert b"\x1b]52" not in terminal.written
        assert b"\x1b[31m" not in terminal.written
        assert b"\x1b[41m" not in terminal.written
        assert not re.search("[\x80-\x9f]", terminal.written.decode("utf-8", "replace"))
        assert "␛]52;c;".encode() in terminal.written
    finally:
        terminal.close()


def test_what_c_libraries_print_does_not_reach_the_screen(environ: dict[str, str], tmp_path: Path) -> None:
    """It is in the log."""
    code = (
        "import ctypes, sys; sys.argv = ['ftwb']\n"
        "import workbench.app as app\n"
        "made = app.WorkbenchApp.on_mount\n"
        "def on_mount(self):\n"
        "    made(self)\n"
        "    ctypes.CDLL(None).write(2, b'CUDA is unhappy\\n', 16)\n"
        "app.WorkbenchApp.on_mount = on_mount\n"
        "from workbench.cli import main; sys.exit(main([]))"
    )
    terminal = Terminal([sys.executable, "-c", code], environ)
    try:
        terminal.until("nothing found")
        terminal.until_quiet()
        assert b"CUDA" not in terminal.written
        assert "CUDA is unhappy" in (tmp_path / "home" / "log" / "ftwb.log").read_text()
    finally:
        terminal.close()


def test_an_unforeseen_error_ends_with_one_sentence(environ: dict[str, str], tmp_path: Path) -> None:
    """The screen is restored, the trace is in the log, values (a key, say) are nowhere."""
    code = (
        "import sys; import workbench.app as app\n"
        "def action_help(self):\n"
        "    secret = 'sk-very-secret'\n"
        "    raise ZeroDivisionError('boom')\n"
        "app.WorkbenchApp.action_help = action_help\n"
        "from workbench.cli import main; sys.exit(main([]))"
    )
    terminal = Terminal([sys.executable, "-c", code], environ)
    try:
        terminal.until("nothing found")
        terminal.until_quiet(1.0)
        terminal.child.send("\x1bOP")
        left = terminal.rest()
        shown = left[left.rindex(LEAVES_ALTERNATE_SCREEN) :].decode()
        assert "ftwb: the workbench: stopped unexpectedly (ZeroDivisionError: boom)" in shown
        assert "Traceback" not in shown
        assert terminal.child.exitstatus == 1
        log = (tmp_path / "home" / "log" / "ftwb.log").read_text()
        assert "Traceback" in log
    finally:
        terminal.close()


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_without_a_terminal_it_says_so(environ: dict[str, str], arguments: list[str]) -> None:
    """One sentence and exit code 2."""
    import subprocess

    command = [sys.executable, "-m", "workbench.cli", *arguments]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
