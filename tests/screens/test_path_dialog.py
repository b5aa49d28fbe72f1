"""Asking for a file: typed or chosen, folders entered, names that a terminal would obey shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Input

from workbench.screens.dialogs.path import Listed, PathDialog, entries_of, size_text
from workbench.testing.idle import settled


class Asking(App[None]):
    """An app of somebody else with nothing but the dialog."""

    answer: Path | None = None

    def __init__(self, dialog: PathDialog) -> None:
        super().__init__()
        self.dialog = dialog

    def on_mount(self) -> None:
        def answered(path: Path | None) -> None:
            self.answer = path

        self.push_screen(self.dialog, answered)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "deep.jsonl").write_text("{}\n")
    (tmp_path / "a\x1b[31m.jsonl").write_text("x" * 1500)
    (tmp_path / "train.jsonl").write_text("{}\n")
    (tmp_path / "test.jsonl").write_text("{}\n")
    (tmp_path / ".hidden").write_text("")
    return tmp_path


def asking(folder: Path, **options: bool) -> Asking:
    made: Asking = settled(Asking)(PathDialog("Open", start=f"{folder}/", **options))
    return made


async def test_a_file_is_chosen_with_the_arrows(folder: Path) -> None:
    app = asking(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "down", "enter")  # into the list, past the folder, the first file
        await pilot.pause()
        assert app.answer == folder / "a\x1b[31m.jsonl"


async def test_a_folder_is_entered_and_typing_goes_on_there(folder: Path) -> None:
    app = asking(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.screen.query_one(Input).value == f"{folder}/inner/"
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.answer == folder / "inner" / "deep.jsonl"


async def test_typing_narrows_the_list_and_up_goes_back(folder: Path) -> None:
    app = asking(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("t", "r")
        await pilot.pause()
        await pilot.press("down")
        assert app.screen.focused is not app.screen.query_one(Input)
        await pilot.press("up")
        assert app.screen.focused is app.screen.query_one(Input)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.answer == folder / "train.jsonl"


async def test_a_path_that_is_typed_need_not_exist(folder: Path) -> None:
    """It may be one to write to."""
    app = asking(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*"new", "enter")
        await pilot.pause()
        assert app.answer == folder / "new"


async def test_only_folders_are_listed_where_a_folder_is_asked_for(folder: Path) -> None:
    app = asking(folder, folders=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.screen.query_one(Input).value == f"{folder}/inner/"


async def test_a_folder_that_cannot_be_read_says_why(folder: Path) -> None:
    app = asking(folder / "nothing-here")
    seen: list[Listed] = []
    async with app.run_test(size=(80, 24), message_hook=lambda m: seen.append(m) if isinstance(m, Listed) else None):
        await app.workers.wait_for_complete()
    assert seen[-1].problem == "No such file or directory"


def test_folders_come_first_and_hidden_names_not_at_all(folder: Path) -> None:
    assert [entry.name for entry in entries_of(folder)] == ["inner", "a\x1b[31m.jsonl", "test.jsonl", "train.jsonl"]


def test_sizes_are_short() -> None:
    assert [size_text(size) for size in (0, 999, 1500, 2_340_000, 1_080_000_000)] == [
        "0 B", "999 B", "1.5 kB", "2.34 MB", "1.08 GB",
    ]  # fmt: skip


async def test_its_keys_are_told_at_80x24_below_a_title_of_two_lines(until, screen_text) -> None:
    """The list gives way, not the line that says how to go on."""
    title = "Follow a run by its files: TensorBoard, trainer_state.json, results.csv, a log, or their folder"
    app = Asking(PathDialog(title, does="follows"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "enter follows · → completes · ↓ list · escape closes" in screen_text(app))
