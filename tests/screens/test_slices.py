"""The run in slices."""

from __future__ import annotations

import json

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.screens.items import ItemsScreen
from workbench.screens.slices import SlicesScreen
from workbench.testing import wait_idle


async def sliced(pilot) -> SlicesScreen:
    """The slices, once the run is cut."""
    await wait_idle(pilot)
    await pilot.press("s")
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, SlicesScreen)
    return pilot.app.screen


async def test_slices_have_scores_intervals_and_a_warning_where_items_are_few(loop, screen_text) -> None:  # noqa: F811
    """The whole run first; below, the candidates on the slice under the cursor; enter shows its items only."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await sliced(pilot)
        text = screen_text(app)
        assert "every item" in text and "short, " in text and "label" in text
        assert screen.slice is None
        await pilot.press("j")
        one = screen.slice
        assert one is not None
        text = screen_text(app)
        assert f"few {one.n}" in text
        assert f"{one.n} items: underpowered, an interval needs 50 to be trusted" in text
        assert f"{one.results[0].score:.3f}" in text
        await pilot.press("enter")
        await wait_idle(pilot)
        items = app.screen
        assert isinstance(items, ItemsScreen)
        assert [item.index for item in items._items] == list(one.indexes)
        assert one.name in screen_text(app)
        await pilot.press("escape")
        assert app.screen is screen
        await pilot.press("escape")


async def test_items_that_are_all_alike_give_no_slices(loop, screen_text) -> None:  # noqa: F811
    """The whole run is there, and why there is nothing else."""
    loop.measured(items=2)
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await sliced(pilot)
        assert not screen._slices
        assert "there is nothing to cut by" in screen_text(app)


async def test_a_label_of_markup_is_shown_as_it_is(loop, screen_text) -> None:  # noqa: F811
    """A border's title that is a string would be parsed, and `[/x]` end the app."""
    path = loop.project.files["test"]
    lines = path.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows[::2]:
        row["messages"][-1]["content"] = "[/x]"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await sliced(pilot)
        row = next(at for at, one in enumerate(screen._slices) if one.name == "[/x]")
        screen._table.list.cursor = row + 1
        await wait_idle(pilot)
        assert "label: [/x]" in screen_text(app)
