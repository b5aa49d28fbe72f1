"""The items of a run: filters, order, words, and the ways out of an item."""

from __future__ import annotations

import json

import pytest

from tests.screens.loop_workspace import ACCURACY, TUNED, loop  # noqa: F401 - a fixture
from workbench.dataset.rows import open_document
from workbench.evaluate.grid import Which
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.items import ItemsScreen
from workbench.screens.neighbours import NeighboursScreen
from workbench.screens.playground import PlaygroundScreen
from workbench.screens.voting import VotingScreen
from workbench.testing import wait_idle

WIDE = (120, 40)


async def opened(pilot) -> ItemsScreen:
    """The items, once they are read."""
    await wait_idle(pilot)
    await pilot.press("enter")
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, ItemsScreen)
    return pilot.app.screen


async def test_regressions_are_those_of_the_chosen_against_the_other(loop, screen_text) -> None:  # noqa: F811
    """b changes the other one, c the chosen one; the count is told; r again shows all."""
    loop.measured({**ACCURACY, TUNED: 0.7})
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        assert (items.candidate, items.against) == (TUNED, "trivial/nearest")
        everything = len(items._shown)
        await pilot.press("r")
        assert 0 < len(items._shown) < everything
        assert all((item.difference(TUNED, "trivial/nearest") or 0) < 0 for item in items._shown)
        assert f"regressions: {len(items._shown)} of {everything}" in screen_text(app)
        before = [item.index for item in items._shown]
        await pilot.press("b")
        assert items.against == "local/starter+few-shot:5"
        assert before != [item.index for item in items._shown]
        await pilot.press("c")
        assert (items.candidate, items.against) == ("trivial/nearest", "local/starter+few-shot:5")
        await pilot.press("r")
        assert len(items._shown) == everything


@pytest.mark.parametrize(("key", "which"), [("e", Which.FAILED), ("x", Which.WRONG), ("d", Which.DISAGREEMENTS)])
async def test_each_filter_has_a_key_and_the_item_keeps_the_cursor(loop, key, which) -> None:  # noqa: F811
    """Going back to all items leaves the cursor where it was."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        items = await opened(pilot)
        await pilot.press(key, "G")
        assert items.which is which
        assert 0 < len(items._shown) < 60
        here = items.item.index
        await pilot.press(key)
        assert items.which is Which.ALL
        assert items.item.index == here


async def test_losses_come_first_then_gains(loop, screen_text) -> None:  # noqa: F811
    """s and s again; a third time the file's order."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)

        def first() -> float | None:
            return items._shown[0].difference(items.candidate, items.against)

        await pilot.press("s")
        assert (first(), "losses first" in screen_text(app)) == (-1.0, True)
        await pilot.press("s")
        assert (first(), "gains first" in screen_text(app)) == (1.0, True)
        await pilot.press("s")
        assert [item.index for item in items._shown] == list(range(60))


async def test_words_are_marked_against_the_reference_and_the_other(loop, screen_text) -> None:  # noqa: F811
    """Marks, not colour alone; nothing in an answer is obeyed."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        at = next(
            at for at, item in enumerate(items._shown)
            if item.scores["trivial/nearest"] == 0 and item.scores["local/starter+few-shot:5"] == 1
        )  # fmt: skip
        await pilot.press(*["j"] * at, "w")
        text = screen_text(app)
        assert "only in the reference" in text
        assert "+[" in text and "[b]no markup[/b] ␛[2J" in text
        await pilot.press("w")
        assert "only in B local/starter+few-shot:5" in screen_text(app)
        await pilot.press("w")
        assert "prompt as sent to trivial/nearest" in screen_text(app)


async def test_neighbours_are_found_in_the_training_file(loop, screen_text) -> None:  # noqa: F811
    """Nearest first, with the words they share; w compares the questions; escape goes back to the item."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        await pilot.press("N")
        await wait_idle(pilot)
        neighbours = app.screen
        assert isinstance(neighbours, NeighboursScreen)
        scores = [one.score for one in neighbours._found]
        assert scores == sorted(scores, reverse=True)
        text = screen_text(app)
        assert "%" in text and "asked in training" in text and "the item's reference" in text
        await pilot.press("w")
        assert "only in the training record" in screen_text(app)
        await pilot.press("escape")
        assert app.screen is items


async def test_the_prompt_goes_to_the_playground_and_waits_for_enter(loop, screen_text) -> None:  # noqa: F811
    """With the models of both candidates where they have one; nothing is asked before enter."""
    loop.measured({"local/starter": 0.5, "trivial/majority": 0.1})
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        prompt = items.item.answers["local/starter"].messages
        await pilot.press("P")
        await wait_idle(pilot)
        playground = app.screen
        assert isinstance(playground, PlaygroundScreen)
        assert playground.conversation is not None
        assert playground.conversation.models["left"] == "local/starter"
        assert playground.conversation.messages("left", len(playground.conversation.turns) - 1) == prompt
        assert "Enter sends the prompt to both" in screen_text(app)
        assert not [one for one in loop.provider.requests if one.path.endswith("/chat/completions")]
        loop.provider.replies = lambda body: "shipping, I think"
        await pilot.press("enter")
        await wait_idle(pilot)
        assert "shipping, I think" in screen_text(app)
        sent = next(one for one in loop.provider.requests if one.path.endswith("/chat/completions"))
        assert sent.json["messages"] == prompt


async def test_a_test_item_becomes_a_training_record_only_after_a_yes(loop, screen_text) -> None:  # noqa: F811
    """The warning says that it is a leak; enter alone and no add nothing; yes adds an edit that is not saved."""
    loop.measured()
    app = loop.app("evaluate")
    train = loop.project.files["train"]
    saved = train.read_bytes()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        items = await opened(pilot)
        for answer in ("enter", "n"):
            if not isinstance(app.screen, ConfirmDialog):
                await pilot.press("T")
                await wait_idle(pilot)
            assert isinstance(app.screen, ConfirmDialog)
            assert "Item 1 is of the test set. Training on it is a leak." in screen_text(app)
            await pilot.press(answer)
        assert app.screen is items
        await pilot.press("T")
        await wait_idle(pilot)
        await pilot.press("y")
        await wait_idle(pilot)
        assert "Not saved yet" in [notice.message for notice in app._notifications][-1]
        reference = items.item.plain.reference
    assert train.read_bytes() == saved
    document = open_document(train, loop.context.home / "journals")
    try:
        record = json.loads(document.raw(document.id_at(len(document) - 1)))
        assert record["messages"][-1]["content"] == reference
        assert [step["kind"] for step in document.steps()] == ["insert"]
    finally:
        document.close()


async def test_an_open_datasets_screen_adds_it_itself(loop, until) -> None:  # noqa: F811
    """Its list has the new record, and u takes it back there."""
    loop.measured()
    app = loop.app("datasets")
    async with app.run_test(size=WIDE) as pilot:
        await wait_idle(pilot)
        datasets = app.screen
        before = len(datasets.file.document)
        await pilot.press("2")
        await opened(pilot)
        await pilot.press("T")
        await wait_idle(pilot)
        await pilot.press("y")
        await until(pilot, lambda: len(datasets.file.document) == before + 1)
        await pilot.press("1", "u")
        await until(pilot, lambda: len(datasets.file.document) == before)


async def test_a_changed_test_file_is_told(loop, until) -> None:  # noqa: F811
    """An item that is not in the file any more cannot become a record; no traceback."""
    loop.measured()
    path = loop.project.files["test"]
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))


async def test_both_candidates_can_be_voted_on(loop) -> None:  # noqa: F811
    """v opens the blind votes of the chosen pair."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        await pilot.press("b", "v")
        await wait_idle(pilot)
        assert isinstance(app.screen, VotingScreen)
        assert set(app.screen.ballot.pair) == {items.candidate, items.against}


async def test_the_legend_names_the_persons_own_keys(loop, screen_text) -> None:  # noqa: F811
    """A keymap that moves c is followed there too."""
    loop.measured()
    config = loop.context.home / "config.toml"
    config.write_text(config.read_text() + '[keymap]\n"items.candidate" = "C"\n')
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        items = await opened(pilot)
        assert " C ▸ A trivial/nearest  b against B" in screen_text(app)
        await pilot.press("C")
        assert items.candidate == "local/starter+few-shot:5"


async def test_a_validation_item_asks_in_other_words(loop, screen_text) -> None:  # noqa: F811
    """It is no leak, but choosing by it would be blind."""
    made = loop.measured()
    folder = f"projects/{loop.project.slug}/runs/{made.run}/run.toml"
    loop.context.store.update(folder, type(made), lambda run: run.model_copy(update={"side": "validation"}))
    app = loop.app("evaluate")
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("T")
        await wait_idle(pilot)
        text = screen_text(app)
        assert "Item 1 is of the validation set." in text and "leak" not in text
        assert "the choice is blind" in " ".join(text.split())
