"""The pytest plugin of ftwb: fixtures for tests of one's own that show or drive the workbench.

    def test_the_jobs_look_as_they_did(ftwb_app, snap_compare):
        assert snap_compare(ftwb_app(project="demo", start="jobs"), terminal_size=(80, 24))

It is loaded in every pytest run where ftwb is installed: nothing but pytest is imported until a fixture is used.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from workbench.app import WorkbenchApp

CLOCK = 1_760_000_000.0
"""What time it is in a pinned app: 2025-10-09 08:53:20 UTC."""
VERSION = "0.0.0"
"""What version a pinned app says it is."""
_UNSET = (
    "NO_COLOR", "COLUMNS", "LINES", "SSH_CONNECTION", "FTWB_LOW_BANDWIDTH", "TMUX", "HF_TOKEN", "FTWB_API_KEY",
    "OPENAI_API_KEY", "OPENAI_BASE_URL",
    "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_DEPLOYMENT",
)  # fmt: skip


class AppFactory(Protocol):
    """What the fixture `ftwb_app` gives."""

    def __call__(
        self,
        project: str = "demo",
        start: str = "datasets",
        *,
        sample: str = "recipes",
        file: Path | None = None,
        theme: str = "ftwb-dark",
        real_engine: bool = False,
    ) -> WorkbenchApp:
        """An app on a workspace of its own.

        `project` is made of the bundled `sample`; `start` is a mode; `file` a dataset to open first.
        The engine is a fake one that has no jobs, unless `real_engine`.
        """


@pytest.fixture
def ftwb_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hold still what would differ between machines and days; returns the workspace folder (`FTWB_HOME`)."""
    home = tmp_path / "ftwb-home"
    for name in list(os.environ):
        # TEXTUAL_SNAPSHOT_… is how pytest-textual-snapshot finds its own folder again.
        if name in _UNSET or (name.startswith("TEXTUAL") and not name.startswith("TEXTUAL_SNAPSHOT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("FTWB_HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    _pin_textual(monkeypatch)
    monkeypatch.setattr("workbench.__version__", VERSION)
    monkeypatch.setattr("workbench.widgets.clock.now", lambda: CLOCK)
    return home


def _pin_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual reads its environment at import, which another plugin may have done long before."""
    monkeypatch.setattr("textual.constants.FILTERS", "")
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "auto")
    monkeypatch.setattr("textual.constants.SMOOTH_SCROLL", True)
    monkeypatch.setattr("textual.widgets.Input._toggle_cursor", lambda _self: None)


@pytest.fixture
def ftwb_app(ftwb_pinned: Path) -> AppFactory:
    """A factory of workbench apps that look the same on every machine and every day."""

    def make(
        project: str = "demo",
        start: str = "datasets",
        *,
        sample: str = "recipes",
        file: Path | None = None,
        theme: str = "ftwb-dark",
        real_engine: bool = False,
    ) -> WorkbenchApp:
        from workbench.testing.factory import make_app

        return make_app(
            ftwb_pinned,
            project=project,
            start=start,
            sample=sample,
            file=file,
            theme=theme,
            real_engine=real_engine,
        )

    return make


def __getattr__(name: str) -> Any:
    """`wait_idle` too, without its imports at load."""
    if name == "wait_idle":
        from workbench.testing.idle import wait_idle

        return wait_idle
    raise AttributeError(name)
