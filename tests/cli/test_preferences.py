"""What a person sets changes what happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from workbench.workflow.context import Context

Ftwb = Callable[..., Ran]


class FakeTerminal:
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def flush(self) -> None: ...

    def write(self, text: str) -> int:
        return len(text)


@pytest.mark.parametrize(
    ("value", "flag", "said"), [("true", (), "1"), ("false", (), "0"), ("false", ("--low-bandwidth",), "1")]
)
def test_low_bandwidth_reaches_the_app(
    ftwb: Ftwb, monkeypatch: pytest.MonkeyPatch, value: str, flag: tuple[str, ...], said: str
) -> None:
    """As the environment that the app reads; the flag wins."""
    seen: list[str | None] = []
    monkeypatch.setattr("workbench.app.run", lambda *_, **__: seen.append(os.environ.get("FTWB_LOW_BANDWIDTH")) or 0)
    monkeypatch.setattr("workbench.terminal.startup.begin_quickly", lambda _: None)
    for name in (
        "FTWB_LOW_BANDWIDTH",
        "TEXTUAL_FPS",
        "TEXTUAL_ANIMATIONS",
        "TEXTUAL_SMOOTH_SCROLL",
        "COLUMNS",
        "LINES",
    ):
        monkeypatch.setenv(name, "")  # so that what is set now is taken back
    assert ftwb("config", "set", "preferences.low_bandwidth", value).code == 0
    monkeypatch.setattr(sys, "stdin", FakeTerminal())
    monkeypatch.setattr(sys, "stdout", FakeTerminal())
    assert ftwb("open", *flag).code == 0
    assert seen == [said]


def test_the_theme_is_the_apps(ftwb: Ftwb, tmp_path: Path) -> None:
    from workbench.app import WorkbenchApp

    context = Context(home=tmp_path / "home", cache=tmp_path / "cache")
    assert WorkbenchApp(context).theme == "ftwb-dark"
    ftwb("config", "set", "preferences.theme", "ftwb-light")
    assert WorkbenchApp(context).theme == "ftwb-light"


async def test_a_key_that_was_set_does_the_action(ftwb: Ftwb, tmp_path: Path) -> None:
    """`config set keymap.ID KEYS`, as the README says; the id has a dot of its own, and `9` is a key."""
    from workbench.app import WorkbenchApp
    from workbench.testing import wait_idle

    assert ftwb("config", "set", "keymap.app.jobs", "9").code == 0
    assert ftwb("config", "get", "keymap.app.jobs", "--json").json["value"] == "9"
    app = WorkbenchApp(Context(home=tmp_path / "home", cache=tmp_path / "cache", environ={}))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("9")
        await wait_idle(pilot)
        assert app.current_mode == "jobs"
