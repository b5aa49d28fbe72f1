"""What every test here can rely on: no keys, no network settings and no terminal of the machine that runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A workspace of its own for what asks no fixture for one, and none of the person's keys or endpoints."""
    for name in list(os.environ):
        ours = name.startswith("FTWB_") and name != "FTWB_CACHE"  # there the pulled starter model is
        if ours or name.startswith(("OPENAI_", "AZURE_OPENAI_")) or name in ("HF_TOKEN", "NO_COLOR", "TMUX"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FTWB_HOME", str(tmp_path_factory.mktemp("home") / "ftwb"))


@pytest.fixture(autouse=True)
def _no_engine_stays(_own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine outlives whoever started it, on purpose; not the test that did."""
    before = set(tmp_path_factory.getbasetemp().glob("*/*/engine/lock"))
    yield
    for path in set(tmp_path_factory.getbasetemp().glob("*/*/engine/lock")) - before:
        with suppress(OSError, ValueError, TypeError, KeyError, psutil.Error):
            process = psutil.Process(int(json.loads(path.read_text())["pid"]))
            if "workbench.engine" in process.cmdline():  # some tests write locks of other living processes: this one's
                process.terminate()


@pytest.fixture
def write(tmp_path: Path):
    """Write a file of bytes or text into the test's folder; returns its path."""

    def write_file(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file
