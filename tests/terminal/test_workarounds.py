"""The bugs and habits of Textual that we work around are still there; a failure here means that a workaround may go."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pexpect
from textual.widgets import Input

PLAIN = """
from textual.app import App
from textual.widgets import Label
class Plain(App[None]):
    BINDINGS = [("ctrl+z", "suspend_process")]
    def compose(self):
        yield Label("a plain app")
Plain().run()
"""


def read_until(child: pexpect.spawn, text: bytes, seconds: float) -> bool:
    """Whether `text` is written within some seconds."""
    seen, deadline = b"", time.monotonic() + seconds
    while text not in seen and time.monotonic() < deadline:
        try:
            seen += child.read_nonblocking(1 << 16, timeout=0.2)
        except pexpect.TIMEOUT:
            continue
    return text in seen


def test_textual_alone_leaves_the_screen_blank_after_fg(tmp_path: Path) -> None:
    """Issue 6298: when this fails, `repaint_after_resume` may go."""
    program = tmp_path / "plain.py"
    program.write_text(PLAIN)
    environ = {**os.environ, "TERM": "xterm-256color", "PS1": "shell> "}
    child = pexpect.spawn("/bin/bash", ["--norc", "--noprofile", "-i"], env=environ, dimensions=(24, 80))
    try:
        assert read_until(child, b"shell> ", 30)
        child.sendline(f"{sys.executable} {program}")
        assert read_until(child, b"a plain app", 60)
        child.send("\x1a")
        assert read_until(child, b"shell> ", 30)
        child.sendline("fg")
        assert read_until(child, b"\x1b[?1049h", 30)
        assert not read_until(child, b"a plain app", 2)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.close(force=True)


def test_inputs_still_blink_by_default() -> None:
    """When this fails, `still_cursor` may go."""
    assert Input().cursor_blink


async def test_no_input_of_the_app_blinks(ftwb_app) -> None:
    """The filter, a dialog, the command palette."""
    from workbench.testing import wait_idle

    app = ftwb_app()
    async with app.run_test() as pilot:
        for key in ("slash", "o", "ctrl+p"):
            await wait_idle(pilot)
            await pilot.press("escape", key)
            await pilot.pause()
            fields = list(app.screen.query(Input))
            assert fields
            assert not any(field.cursor_blink for field in fields)
