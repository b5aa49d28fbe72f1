"""Fixtures of the screens' tests: a pinned workspace and an app that waits for its workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from workbench.app import WorkbenchApp
from workbench.testing import wait_idle

CHAT = {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]}


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for a condition: `await until(pilot, lambda: …)`; fails with a TimeoutError."""

    async def wait(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await pilot.pause()
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def screen_text() -> Callable[[WorkbenchApp], str]:
    """What stands on the screen, as lines of text."""

    def text(app: WorkbenchApp) -> str:
        width, height = app.size
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        return "\n".join(line[:width].rstrip() for line in lines[:height])

    return text


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write records (objects, or lines as they are) to a file; returns its path."""

    def write(*records: object, name: str = "data.jsonl") -> Path:
        path = tmp_path / name
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8", errors="surrogatepass")
        return path

    return write


__all__ = ["CHAT", "wait_idle"]
