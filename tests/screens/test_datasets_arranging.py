"""New records, moved records, and the order of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.screens.test_datasets_editing import chat, press, questions, told
from workbench.dataset.recipe import replay as replay_module
from workbench.dataset.recipe.replay import order_of
from workbench.dataset.rows import open_document
from workbench.screens.editor import EditorScreen
from workbench.testing import wait_idle
from workbench.workflow.recipe import services_of


@pytest.fixture
def five(dataset) -> Path:
    """Records that ask q0 to q4."""
    return dataset(*(chat(f"q{number}" + "!" * (number * 7 % 5)) for number in range(5)))


async def test_a_new_record_is_written_in_the_editor_and_stands_behind_this_one(ftwb_app, dataset, until) -> None:
    """With the instructions of the one under the cursor; leaving it as it is adds nothing."""
    system = {"role": "system", "content": "Be short."}
    first = {"messages": [system, *chat("q0")["messages"]]}
    path = dataset(first, chat("q1"))
    app = ftwb_app(file=path)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await press(pilot, "a")
        assert isinstance(app.screen, EditorScreen) and app.screen.record.title == "a new record"
        await press(pilot, "escape")
        assert app.screen is screen and len(screen.file.document) == 2
        await press(pilot, "a", "j", "i", *"what", "escape", "ctrl+s")
        assert app.screen is screen
        document = screen.file.document
        await until(pilot, lambda: len(document) == 3)
        made = json.loads(document.raw(document.id_at(1)))
        assert made["messages"][0] == system
        assert [message["role"] for message in made["messages"]] == ["system", "user", "assistant"]
        assert made["messages"][1]["content"] == "what"
        assert screen.records.cursor == 1
        await press(pilot, "u")
        assert len(document) == 2


async def test_records_are_moved_past_those_that_are_shown(ftwb_app, five) -> None:
    """One place a key, the cursor with them; marked ones together; one undo step each."""
    app = ftwb_app(file=five)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen

        def order() -> str:
            return "".join(question[1] for question in questions(screen))

        await press(pilot, "J")
        assert order() == "10234" and screen.records.cursor == 1
        await press(pilot, "shift+down", "shift+up", "K")
        assert order() == "01234" and screen.records.cursor == 0
        await press(pilot, "K")
        assert told(app)[-1] == "There is no place to move to." and order() == "01234"
        await press(pilot, "space", "down", "space", "J")  # 0 and 2: a mark goes one down
        assert order() == "13024"
        await press(pilot, "u")
        assert order() == "01234"
        await press(pilot, "escape", "g", "slash", *"q0 or q3", "enter", "J")
        assert order() == "12304"
        assert [step["kind"] for step in screen.file.document.steps()][-1] == "move"


async def test_nothing_is_moved_in_a_list_that_is_sorted(ftwb_app, five) -> None:
    """Its order is not that of the file."""
    app = ftwb_app(file=five)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        await press(pilot, "s", "b", "J")
        assert told(app)[-1].startswith("Records stand in an order that is not the file's")
        assert [question[1] for question in questions(app.screen)] == list("01234")


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("b", {"kind": "order", "by": "size"}),
        ("B", {"kind": "order", "by": "size", "descending": True}),
        ("t", {"kind": "order", "by": "tokens"}),
        ("M", {"kind": "order", "by": "turns", "descending": True}),
    ],
)
async def test_all_records_are_put_in_order(ftwb_app, five, until, key: str, step: dict) -> None:
    """As the step of the recipe does it, which is kept; one undo step."""
    app = ftwb_app(file=five)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        document = screen.file.document
        records = [(row, document.raw(row), None) for row in document.ids().tolist()]
        expected = order_of(step, records, screen.file.format, services_of(app.context))
        await press(pilot, "O", key)
        if expected == list(range(5)):
            await until(pilot, lambda: "The records stand in that order." in told(app))
        else:
            await until(pilot, lambda: document.ids().tolist() == expected)
            assert document.steps()[-1] == step
            await press(pilot, "u")
        assert document.ids().tolist() == list(range(5))


async def test_a_shuffle_draws_a_seed_and_keeps_it(ftwb_app, five, until, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the recipe does it again."""
    monkeypatch.setattr("secrets.randbelow", lambda below: 7)
    app = ftwb_app(file=five)
    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        document = app.screen.file.document
        await press(pilot, "O", "enter")
        await until(pilot, lambda: document.ids().tolist() != list(range(5)))
        assert document.steps()[-1] == {"kind": "order", "by": "shuffle", "seed": 7}


async def test_ordering_can_be_stopped(ftwb_app, five, until, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stays as it was."""
    app = ftwb_app(file=five)

    def endless(step, records, fmt, services=None) -> list[int]:
        list(records)
        while True:
            list(records_again())

    async with app.run_test(size=(100, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        document = screen.file.document
        asked: list[int] = []

        def records_again():
            tell = screen.stopped_tell
            asked.append(1)
            tell("ordering", 0, 5)
            yield 1

        pace = screen.pace

        def kept():
            screen.stopped_tell = pace()
            return screen.stopped_tell

        monkeypatch.setattr(screen, "pace", kept)
        monkeypatch.setattr(replay_module, "order_of", endless)
        await pilot.press("O")
        await wait_idle(pilot)
        await pilot.press("b")
        await until(pilot, lambda: asked)
        await pilot.press("x")
        await wait_idle(pilot)
        assert told(app)[-1] == "Stopped." and document.ids().tolist() == list(range(5))


@pytest.mark.parametrize("keys", [["a"], ["J"], ["O"]])
async def test_nothing_changes_where_somebody_else_edits(ftwb_app, five, screen_text, keys: list[str]) -> None:
    """It is said why."""
    app = ftwb_app(file=five)
    with open_document(five, app.context.home / "journals"):
        async with app.run_test(size=(100, 24)) as pilot:
            await wait_idle(pilot)
            await press(pilot, *keys)
            assert "Nothing can be changed here" in told(app)[-1]
            assert [question[1] for question in questions(app.screen)] == list("01234")
