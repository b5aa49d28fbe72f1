"""A dialog looks the same wherever the app began: its sheet is its own, for Textual scopes a screen's to the screen."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
from textual.screen import Screen
from textual.widgets import Input

import workbench.screens
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
        fields = [field for field in app.screen.query(Input) if field.visible]
        shown = [field for field in fields if all(one.display for one in field.ancestors_with_self)]
        sizes = [field.size for field in shown]
        assert len(sizes) > 4 and all(size.width >= 10 and size.height == 1 for size in sizes), sizes


def every_screen() -> dict[str, type[Screen]]:
    """All screens and dialogs by name."""
    for module in pkgutil.walk_packages(workbench.screens.__path__, "workbench.screens."):
        importlib.import_module(module.name)
    found: dict[str, type[Screen]] = {}
    waiting: list[type[Screen]] = [Screen]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found |= {one.__name__: one for one in below}
    return found


@pytest.mark.parametrize("sheet", sorted(path.stem for path in styles_dir().glob("*.tcss")))
def test_a_screen_brings_the_sheets_that_style_it(sheet: str) -> None:
    """What another screen's sheet says of it would hold only where the app began with that screen."""
    text = (styles_dir() / f"{sheet}.tcss").read_text("utf-8")
    rules = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    screens = every_screen()
    for name in set(re.findall(r"^(\w+(?:Dialog|Screen))\b", rules, flags=re.M)):
        assert text in str(screens[name].CSS), f"{sheet}.tcss styles {name}, which does not bring it"
