"""Quitting while a record is being edited: nothing is lost unasked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from workbench.app import WorkbenchApp
from workbench.dataset.rows import Document
from workbench.errors import WorkbenchError
from workbench.screens.datasets import DatasetsScreen
from workbench.screens.dialogs.choice import ChoiceDialog
from workbench.screens.dialogs.json_text import JsonDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.editor import EditorScreen
from workbench.testing import wait_idle


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three records."""
    path = tmp_path / "data.jsonl"
    chats = (
        {"messages": [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": "a"}]}
        for number in range(3)
    )
    path.write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    return path


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """One key after another, each when the one before is through."""
    for key in keys:
        await pilot.press(key)
        await wait_idle(pilot)


async def editing(pilot: Pilot[Any]) -> EditorScreen:
    """The editor on the first record, with one change that is not applied."""
    await wait_idle(pilot)
    await press(pilot, "enter")
    await press(pilot, "r")
    screen = pilot.app.screen
    assert isinstance(screen, EditorScreen) and screen.draft.changed
    return screen


def told(app: WorkbenchApp) -> list[str]:
    return [notification.message for notification in app._notifications]


def broken_first(path: Path) -> Path:
    """The same file with a row before the others that is no JSON."""
    path.write_text("{broken\n" + path.read_text())
    return path


def kept(path: Path, journals: Path) -> list[str]:
    """The first roles of a file's records with its unsaved edits."""
    from workbench.dataset.rows import open_document

    with open_document(path, journals) as document:
        values: list[Any] = [document.value(row) for row in document.ids().tolist()]
        return [value["messages"][0]["role"] for value in values]


async def test_quitting_asks_what_becomes_of_the_changes(ftwb_app, three: Path) -> None:
    """escape stays, with everything as it was; enter alone is no answer; d drops them."""
    app = ftwb_app(file=three)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await editing(pilot)
        await press(pilot, "ctrl+q")
        assert isinstance(app.screen, ChoiceDialog) and not app._exit
        assert any("role of message 0" in str(text.render()) for text in app.screen.query(Static))
        await press(pilot, "enter")
        assert isinstance(app.screen, ChoiceDialog)
        await press(pilot, "escape")
        assert app.screen is screen and screen.draft.changed
        await press(pilot, "ctrl+q")
        await pilot.press("d")
        assert app._exit
    assert app.last_words == []
    assert kept(three, app.context.home / "journals") == ["user"] * 3


async def test_changes_are_applied_before_the_app_is_left(ftwb_app, three: Path) -> None:
    """They are an unsaved edit then, which is there when the file is opened again."""
    app = ftwb_app(file=three)
    async with app.run_test(size=(80, 24)) as pilot:
        changed = (await editing(pilot)).draft.value["messages"][0]["role"]
        await press(pilot, "ctrl+q")
        await pilot.press("a")
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "quit"])
        assert app._exit
    assert app.last_words == ["1 unsaved edit of data.jsonl is kept: they are there when the file is opened again."]
    assert changed != "user" and kept(three, app.context.home / "journals") == [changed, "user", "user"]


async def test_the_editor_of_another_mode_is_shown_and_asked_about(ftwb_app, three: Path) -> None:
    """Also under a dialog of its own, which is closed before the changes are handed over."""
    app = ftwb_app(file=three)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await editing(pilot)
        await press(pilot, "R")
        assert isinstance(app.screen, JsonDialog)
        await app.switch_mode("decide")
        await wait_idle(pilot)
        await press(pilot, "ctrl+q")
        assert app.current_mode == "datasets" and isinstance(app.screen, ChoiceDialog)
        assert screen in app.screen_stack
        await pilot.press("a")
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "quit"])
        assert app._exit
    assert kept(three, app.context.home / "journals")[0] != "user"


async def test_what_cannot_be_applied_keeps_the_app_open(
    ftwb_app, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text that is no JSON, then a file that takes no edit: the reason is shown, nothing is dropped."""
    app = ftwb_app(file=broken_first(three))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "enter")
        screen = app.screen
        assert isinstance(screen, EditorScreen) and screen.draft.is_text
        await press(pilot, "x", "ctrl+q", "a")
        assert not app._exit and isinstance(app.screen, MessageDialog) and screen in app.screen_stack
        await press(pilot, "escape", "escape", "y")
        assert isinstance(app.screen, DatasetsScreen)

        def refuse(self: Document, *_: object, **__: object) -> None:
            raise WorkbenchError("the file", "is busy", "wait", code="busy")

        monkeypatch.setattr(Document, "replace", refuse)
        await press(pilot, "j")
        await editing(pilot)
        await press(pilot, "ctrl+q", "a")
        assert not app._exit and isinstance(app.screen, MessageDialog)


async def test_without_changes_nothing_is_asked(ftwb_app, three: Path) -> None:
    """Looking at a record is no change; a change that was undone is none either."""
    app = ftwb_app(file=three)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await editing(pilot)
        await press(pilot, "u")
        assert not screen.draft.changed
        await pilot.press("ctrl+q")
        assert app._exit


async def test_interrupting_says_what_will_be_lost(ftwb_app, three: Path) -> None:
    """The second ctrl+c quits, whatever is open."""
    app = ftwb_app(file=three)
    async with app.run_test(size=(80, 24)) as pilot:
        await editing(pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert any("What is not applied is lost: role of message 0" in words for words in told(app))
        assert not app._exit
        await pilot.press("ctrl+c")
        assert app._exit
