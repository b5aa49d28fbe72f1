"""A dialog looks the same wherever the app began: its sheet is its own, for Textual scopes a screen's to the screen."""

from __future__ import annotations

import re

import pytest
from textual.widgets import Input

from tests.screens.loop_workspace import loop  # noqa: F401
from workbench.resources import styles_dir


@pytest.mark.parametrize(("mode", "key"), [("2", "r"), ("4", "n")])
async def test_fields_have_room_when_the_app_began_in_another_mode(loop, until, mode: str, key: str) -> None:  # noqa: F811
    """A field of one cell shows nothing of what is in it."""
    loop.measured()
    app = loop.app("datasets")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(mode)
        await pilot.pause()
        await pilot.press(key)
        await until(pilot, lambda: app.screen.query(Input))
        await pilot.pause()
        sizes = [field.size for field in app.screen.query(Input)]
        assert all(size.width >= 10 and size.height == 1 for size in sizes), sizes


@pytest.mark.parametrize("sheet", sorted(path.name for path in styles_dir().glob("*.tcss")))
def test_a_sheet_has_rules_of_one_screen(sheet: str) -> None:
    """What a mode's sheet said of a dialog would hold only where the app began in that mode."""
    text = re.sub(r"/\*.*?\*/", "", (styles_dir() / sheet).read_text("utf-8"), flags=re.S)
    names = set(re.findall(r"^(\w+(?:Dialog|Screen))\b", text, flags=re.M)) - {"ItemsScreen"}
    assert len(names) <= 1, f"{sheet} styles {', '.join(sorted(names))}"
