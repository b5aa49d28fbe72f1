"""Filter, sort and sample on the Datasets screen."""

from __future__ import annotations

import json

from workbench.screens.datasets import DatasetsScreen
from workbench.screens.datasets.filtering import FilterInput
from workbench.testing import wait_idle


def chat(question: str, answer: str = "yes", *more: tuple[str, str]) -> dict:
    """A record of an exchange and what follows it."""
    turns = [("user", question), ("assistant", answer), *more]
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


async def press(pilot, *keys: str) -> None:
    """Keys one after another, each when the one before is through."""
    for key in keys:
        await pilot.press(key)
        await wait_idle(pilot)


async def typed(pilot, text: str) -> DatasetsScreen:
    """A filter, put in at once."""
    if not pilot.app.screen.query(FilterInput):
        await press(pilot, "slash")
    pilot.app.screen.query_one(FilterInput).value = text
    await wait_idle(pilot)
    return pilot.app.screen


def shown(screen: DatasetsScreen) -> list[int]:
    return screen.view.rows().tolist()


async def test_the_query_language_works_in_the_filter_line(ftwb_app, dataset, screen_text) -> None:
    """Columns of the analysis, text, roles, rules."""
    records = [
        chat("short"),
        chat("long " * 400),
        chat("call", "ok", ("tool", "result"), ("assistant", "done")),
        {"messages": [{"role": "human", "content": "x"}, {"role": "assistant", "content": "refund"}]},
        "{broken",
    ]
    app = ftwb_app(file=dataset(*records))
    async with app.run_test(size=(110, 24)) as pilot:
        await wait_idle(pilot)
        for text, expected in (
            ("tokens>300", [1]),
            ("turns>=4", [2]),
            ("role:tool", [2]),
            ("rule:M003", [3]),
            ("label:refund", [3]),
            ("has:broken", [4]),
            ("size>1k or has:broken", [1, 4]),
            ("-has:error", [0, 1, 2]),
            ("assistant:/^(done|refund)$/", [2, 3]),
            ("line:2-3 -long", [2]),
        ):
            screen = await typed(pilot, text)
            assert shown(screen) == expected, text
            assert f"{len(expected)} fit" in screen_text(app)
            await press(pilot, "escape")
            assert shown(screen) == [0, 1, 2, 3, 4]


async def test_what_is_no_filter_says_where_and_changes_nothing(ftwb_app, dataset, screen_text) -> None:
    """The rows of the last one that could be read stay."""
    app = ftwb_app(file=dataset(chat("one"), chat("two")))
    async with app.run_test(size=(130, 24)) as pilot:
        await wait_idle(pilot)
        screen = await typed(pilot, "two")
        assert shown(screen) == [1]
        screen = await typed(pilot, "two tokens>")
        assert shown(screen) == [1]
        assert "column 12: a number is expected after tokens>" in screen_text(app)
        await typed(pilot, "two turns>1")
        assert "column" not in screen_text(app)


async def test_up_and_down_go_through_earlier_filters(ftwb_app, dataset) -> None:
    """And down from the newest to the records."""
    app = ftwb_app(file=dataset(chat("one"), chat("two")))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = await typed(pilot, "one")
        await press(pilot, "enter", "escape")
        await typed(pilot, "two")
        await press(pilot, "enter", "escape", "slash", "up")
        field = screen.query_one(FilterInput)
        assert field.value == "two"
        await press(pilot, "up")
        assert field.value == "one"
        assert shown(screen) == [0]
        await press(pilot, "down")
        assert field.value == "two"
        await press(pilot, "down", "down")
        assert screen.records.has_focus


async def test_the_filter_sees_what_was_edited(ftwb_app, dataset) -> None:
    app = ftwb_app(file=dataset(chat("one"), chat("two"), chat("three")))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        screen.put_record(1, screen.file.document.raw(1), chat("changed"), "edit")
        await wait_idle(pilot)
        await typed(pilot, "has:edited")
        assert len(shown(screen)) == 1
        await typed(pilot, "changed")
        assert len(shown(screen)) == 1
        await typed(pilot, "two")
        assert shown(screen) == []


async def test_an_edited_record_stays_where_it_is_although_it_fits_no_more(ftwb_app, dataset) -> None:
    """Nothing jumps away under the cursor."""
    app = ftwb_app(file=dataset(chat("fix me 1"), chat("fine"), chat("fix me 2")))
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = await typed(pilot, '"fix me"')
        await press(pilot, "enter")
        screen.put_record(0, screen.file.document.raw(0), chat("repaired"), "edit")
        await wait_idle(pilot)
        assert screen.records.count == 2
        assert "repaired" in screen.record.text


async def test_sort_by_letter_and_again_turns_it_round(ftwb_app, dataset, screen_text) -> None:
    """Shown in the heading; the file's own order stays."""
    app = ftwb_app(file=dataset(chat("x" * 30), chat("x" * 10), chat("x" * 20)))
    async with app.run_test(size=(110, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "s", "b")
        assert shown(screen) == [0, 2, 1]
        assert "bytes▼" in screen_text(app)
        await press(pilot, "s", "enter")
        assert shown(screen) == [1, 2, 0]
        assert "bytes▲" in screen_text(app)
        assert screen.file.unsaved == 0
        await press(pilot, "s", "t")
        assert shown(screen) == [0, 2, 1]
        await press(pilot, "s", "l")
        assert shown(screen) == [0, 1, 2]
        assert "▼" not in screen_text(app)


async def test_a_sample_is_drawn_of_what_the_filter_shows(ftwb_app, dataset, screen_text) -> None:
    """S again draws others; 0 and escape show all."""
    app = ftwb_app(file=dataset(*(chat(f"{'even' if n % 2 == 0 else 'odd'} {n}") for n in range(100))))
    async with app.run_test(size=(110, 24)) as pilot:
        await wait_idle(pilot)
        screen = await typed(pilot, "even")
        await press(pilot, "enter", "S")
        app.screen.query_one("Input").value = "5"
        await press(pilot, "enter")
        first = shown(screen)
        assert len(first) == 5
        assert all(row % 2 == 0 for row in first)
        assert "5 drawn at random" in screen_text(app)
        await press(pilot, "S", "enter")
        assert len(shown(screen)) == 5
        assert shown(screen) != first
        await press(pilot, "escape")
        assert len(shown(screen)) == 100


async def test_a_long_filter_shows_its_first_rows_at_once(ftwb_app, tmp_path, until) -> None:
    """And a new one does not wait for it."""
    path = tmp_path / "large.jsonl"
    path.write_text("".join(json.dumps(chat(f"number {n}")) + "\n" for n in range(60_000)))
    app = ftwb_app(file=path)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await pilot.press("slash")
        screen.query_one(FilterInput).value = "user:number"
        await until(pilot, lambda: 0 < screen.records.count < 60_000)
        screen.query_one(FilterInput).value = '"number 59999"'
        await until(pilot, lambda: screen.records.count == 1)
        assert shown(screen) == [59_999]
