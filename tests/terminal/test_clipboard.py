"""The ladder of copying."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workbench.terminal import clipboard


@pytest.fixture
def tmux(tmp_path: Path) -> dict[str, str]:
    """An environment inside a tmux that writes what it is given to a file."""
    program = tmp_path / "bin" / "tmux"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ntest "$*" = "load-buffer -w -" || exit 9\ncat > {tmp_path}/buffer\n')
    program.chmod(0o755)
    return {
        "TMUX": "/tmp/tmux-0/default,1,0",
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "TERM": "screen-256color",
    }


async def test_inside_tmux_its_buffer_is_loaded(tmux: dict[str, str], tmp_path: Path) -> None:
    """OSC 52 is dropped by tmux's defaults, `load-buffer -w` is not."""
    written: list[str] = []
    copied = await clipboard.copy("héllo\n", tmux, written.append, tmp_path / "copied.txt")
    assert copied.way == "tmux"
    assert (tmp_path / "buffer").read_text() == "héllo\n"
    assert written == []


async def test_a_hanging_tmux_does_not_hold_the_app(
    tmux: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up, and the terminal is asked."""
    monkeypatch.setattr(clipboard, "TMUX_TIMEOUT_S", 0.05)
    (tmp_path / "bin" / "tmux").write_text("#!/bin/sh\nexec sleep 60\n")
    written: list[str] = []
    copied = await clipboard.copy("x", tmux, written.append, tmp_path / "copied.txt")
    assert (copied.way, written) == ("terminal", ["x"])


async def test_too_much_or_no_clipboard_becomes_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    """The notice says where; records may be private."""
    path = tmp_path / "deep" / "copied.txt"
    for text, term in (("x" * (clipboard.OSC_52_LIMIT + 1), "xterm-256color"), ("console", "linux")):
        copied = await clipboard.copy(text, {"TERM": term}, lambda _: pytest.fail("asked the terminal"), path)
        assert copied.way == "file"
        assert str(path) in copied.notice
        assert path.read_text() == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
