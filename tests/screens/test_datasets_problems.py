"""The findings of a file on the Datasets screen: by rule, with their places, and the way there."""

from __future__ import annotations

from workbench.screens.dialogs.text import TextDialog
from workbench.testing import wait_idle


def chat(*turns: tuple[str, str]) -> dict:
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


GOOD = chat(("user", "x"), ("assistant", "y"))
WRONG = chat(("user", "first"), ("assistant", "line\n" * 60), ("human", "who"), ("assistant", "y"))
EMPTY = chat(("user", "x"), ("assistant", ""))


def told(app) -> list[str]:
    """What was said in passing."""
    return [notification.message for notification in app._notifications]


async def press(pilot, *keys: str) -> None:
    """Keys one after another, each when the one before is through."""
    for key in keys:
        await pilot.press(key)
        await wait_idle(pilot)


async def test_the_pane_lists_rules_with_counts_and_enter_goes_to_record_and_message(
    ftwb_app, dataset, screen_text
) -> None:
    app = ftwb_app(file=dataset(GOOD, *[{**GOOD, "n": n} for n in range(20)], WRONG, {**WRONG, "n": 1}, EMPTY))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "w")
        assert screen.problems.has_focus
        rules = {rule.code: rule.findings for rule in screen.file.facts.rules}
        assert rules["M003"] == 2
        text = screen_text(app)
        assert "2  M003 unrecognized_role" in text
        at = [rule.code for rule in screen.file.facts.rules].index("M003")
        await press(pilot, *["j"] * at, "enter")
        assert "line 22, message 3" in screen_text(app)
        await press(pilot, "j", "j", "enter")
        assert screen.row == 22
        assert screen.record.scroll_offset.y > 0, "message 3 is far down"
        assert "human" in screen_text(app)
        await press(pilot, "w")
        assert screen.records.has_focus
        assert "M003 unrecognized_role  " not in screen_text(app)


async def test_f1_in_the_pane_and_h_on_a_record_show_the_page_of_the_rule(ftwb_app, dataset, screen_text) -> None:
    app = ftwb_app(file=dataset(GOOD, WRONG))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "h")
        assert told(app) == ["No rule found anything in this record."]
        await press(pilot, "e", "h")
        assert isinstance(app.screen, TextDialog)
        assert "M003 unrecognized_role" in screen_text(app)
        await press(pilot, "escape", "w", "f1")
        assert isinstance(app.screen, TextDialog)


async def test_a_repaired_record_leaves_the_pane(ftwb_app, dataset, screen_text) -> None:
    app = ftwb_app(file=dataset(GOOD, WRONG, EMPTY))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "w")
        assert "M003 unrecognized_role" in screen_text(app)
        screen.put_record(1, screen.file.document.raw(1), {**GOOD, "n": 1}, "edit")
        await wait_idle(pilot)
        assert "M003 unrecognized_role" not in screen_text(app)
        await press(pilot, "u")
        assert "M003 unrecognized_role" in screen_text(app)


async def test_e_goes_round_through_the_records_with_findings(ftwb_app, dataset, screen_text) -> None:
    """Of those that are shown, in the order in which they are."""
    app = ftwb_app(file=dataset(WRONG, GOOD, EMPTY, {**GOOD, "n": 1}))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        seen = []
        for _ in range(3):
            await press(pilot, "e")
            seen.append(screen.row)
        assert seen == [2, 0, 2]
        await press(pilot, "slash", *"turns", "equals_sign", "4", "enter", "e")
        assert screen.row == 0


async def test_findings_about_the_file_stand_in_the_pane(ftwb_app, write, screen_text) -> None:
    """A blank line belongs to no record."""
    import json

    app = ftwb_app(file=write("data.jsonl", json.dumps(GOOD) + "\n\n"))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "w", "enter")
        assert "J002 blank_line" in screen_text(app)
        assert "line 2  the line is blank" in screen_text(app)
