"""Copying over SSH and inside tmux: a ladder of ways, each for where the one before cannot work.

Measured through tmux 3.3a: a bare OSC 52 is dropped with tmux's defaults, `tmux load-buffer -w -` arrives even with
`set-clipboard off`. Programs like xclip are never run: over SSH they hang or copy to the wrong machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

TMUX_TIMEOUT_S = 2.0
OSC_52_LIMIT = 74_994
"""Bytes of text that most terminals take: xterm and hterm end at 100,000 of base64 with its wrapping."""
_WITHOUT_CLIPBOARD = {"linux", "dumb", "vt100", "vt220", ""}
"""Values of TERM that have no clipboard to write."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Where a text went."""

    way: str
    """`tmux`, `terminal` or `file`."""
    notice: str
    """One sentence for the person."""


async def copy(text: str, environ: Mapping[str, str], osc_52: Callable[[str], None], fallback: Path) -> Copied:
    """Copy `text` by the first way that works here.

    `osc_52` writes the escape sequence (Textual's own copy); `fallback` is the file that takes what no clipboard can.
    """
    if "TMUX" in environ:
        arrived = await asyncio.to_thread(_by_tmux, text, environ)
        if arrived:
            return Copied("tmux", "Copied (tmux buffer and clipboard).")
    if environ.get("TERM", "") not in _WITHOUT_CLIPBOARD and len(text.encode("utf-8", "replace")) <= OSC_52_LIMIT:
        osc_52(text)
        return Copied("terminal", "Copied, if this terminal allows it (OSC 52).")
    await asyncio.to_thread(_to_file, text, fallback)
    return Copied("file", f"No clipboard takes this here: it is in {fallback}.")


def _by_tmux(text: str, environ: Mapping[str, str]) -> bool:
    program = shutil.which("tmux", path=environ.get("PATH"))
    if program is None:
        return False
    try:
        done = subprocess.run(
            [program, "load-buffer", "-w", "-"],
            input=text.encode("utf-8", "replace"),
            env=dict(environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TMUX_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _to_file(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
