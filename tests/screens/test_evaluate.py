"""The Evaluate screen: the newest run in one table, comparisons, items, and new runs."""

from __future__ import annotations

import asyncio
import re

from tests.screens.loop_workspace import ACCURACY, TUNED, loop  # noqa: F401 - a fixture
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.new_run import NewRunDialog, RunPlan
from workbench.screens.evaluate import EvaluateScreen
from workbench.screens.evaluate_messages import Progressed, RunEnded
from workbench.screens.items import ItemsScreen
from workbench.testing import wait_idle
from workbench.workflow.runs import list_runs


async def shown(pilot) -> EvaluateScreen:
    """The screen once its runs are read."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, EvaluateScreen)
    return pilot.app.screen


async def test_nothing_measured_says_what_to_do(loop, screen_text) -> None:  # noqa: F811
    """One sentence with the key."""
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "Nothing measured yet: r measures the baselines." in screen_text(app)


async def test_candidates_are_ranked_and_compared(loop, screen_text) -> None:  # noqa: F811
    """The best first, every column there, and below how it does against each of the others."""
    loop.measured({**ACCURACY, TUNED: 0.95})
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        assert screen.candidate is not None
        assert screen.candidate.candidate == TUNED
        text = screen_text(app)
        rows = [line for line in text.splitlines() if "/" in line]
        for word in ("score", "95 %", "in/out", "p50", "$/1k", "failed", "difference", "▲ better", "✓ no leak"):
            assert word in text
        assert rows.index(next(r for r in rows if TUNED in r)) < rows.index(next(r for r in rows if "majority" in r))
        await pilot.press("G")
        assert "▼ worse" in screen_text(app)


async def test_few_items_are_called_underpowered(loop, screen_text) -> None:  # noqa: F811
    """And how many it would need."""
    loop.measured(items=8)
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        assert re.search(r"better · needs \d+ items|tied · needs \d+ items", screen_text(app))


async def test_an_older_run_can_be_chosen(loop) -> None:  # noqa: F811
    """o, down, enter."""
    older = loop.measured(run="run-20261101-090000-aaaaaa", hour=9)
    newer = loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        assert screen.run_id == newer.run
        await pilot.press("o", "j", "enter")
        await wait_idle(pilot)
        assert screen.run_id == older.run


async def test_items_show_what_was_sent_and_said(loop, screen_text) -> None:  # noqa: F811
    """Enter opens them; d keeps those on which candidates differ; nothing in an answer is obeyed; escape goes back."""
    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        await pilot.press("enter")
        await wait_idle(pilot)
        items = app.screen
        assert isinstance(items, ItemsScreen)
        assert items.candidate == screen.candidate.candidate
        text = screen_text(app)
        assert f"prompt as sent to {items.candidate}" in text
        assert "reference" in text
        assert "billing [b]no markup[/b] ␛[2J" in text
        everything = len(items._shown)
        await pilot.press("d")
        assert 0 < len(items._shown) < everything
        before = items.candidate
        await pilot.press("c")
        assert items.candidate != before
        await pilot.press("escape")
        assert app.screen is screen


async def test_measuring_ends_in_a_run_that_is_shown(loop, screen_text) -> None:  # noqa: F811
    """The dialog offers the project's candidates; the answers come over HTTP; the run is kept and shown."""
    loop.few_records()
    loop.provider.replies = lambda body: "billing"
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("r")
        assert isinstance(app.screen, NewRunDialog)
        await pilot.press("tab", "tab", *"12", "enter")
        await wait_idle(pilot)
        assert isinstance(app.screen, ConfirmDialog), "this profile is no engine of ours: it can cost money"
        assert "Make 24 calls to providers for an unknown price?" in screen_text(app)
        await pilot.press("y")
        await wait_idle(pilot)
        assert app.screen is screen
        assert not screen.measuring
        assert screen.run_result is not None
        assert screen.run_result.items == 12
        named = {row.candidate for row in screen.run_result.candidates}
        assert {"local/starter", "local/starter+few-shot:5", "trivial/majority"} <= named
    assert [run.run for run in list_runs(loop.context, loop.project)] == [screen.run_id]


async def test_progress_is_shown_and_a_stopped_run_goes_on(loop, screen_text, until) -> None:  # noqa: F811
    """x stops; the dialog keeps the choice; the same plan goes on under the same name, nothing asked twice."""
    loop.few_records()
    gate = asyncio.Event()
    asked = []
    running = asyncio.get_running_loop()

    def reply(body) -> str:
        asked.append(body["messages"][-1]["content"])
        if len(asked) > 5 and not gate.is_set():
            asyncio.run_coroutine_threadsafe(gate.wait(), running).result(30)
        return "billing"

    loop.provider.replies = reply
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen.start(RunPlan(("local/starter",), 10, "run-20261101-120000-cccccc", agreed=True))
        await until(pilot, lambda: len(asked) > 5)
        await until(pilot, lambda: " of " in str(screen._progress.left))
        assert "x stops" in screen_text(app)
        await pilot.app.run_action("screen.cancel")
        gate.set()
        await until(pilot, lambda: not screen.measuring)
        await wait_idle(pilot)
        assert "r goes on" in screen_text(app)
        plan = screen._plan
        assert plan is not None
        before = len(asked)
        await pilot.press("r")
        assert isinstance(app.screen, NewRunDialog)
        await pilot.press("enter")
        await wait_idle(pilot)
        await pilot.press("y")
        await wait_idle(pilot)
        assert screen.run_id == plan.run_id
        assert len(asked) - before < 10


async def test_a_failure_is_told_with_its_way_out(loop, until) -> None:  # noqa: F811
    """A model that does not exist: a dialog, not a traceback; the screen goes on working."""
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen.start(RunPlan(("nowhere/model",), 5, "run-20261101-130000-dddddd"))
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))
        await pilot.press("escape")
        assert not screen.measuring


async def test_a_wrong_candidate_is_told_where_it_is_typed(loop, screen_text) -> None:  # noqa: F811
    """The dialog stays open; a right one is added and chosen."""
    app = loop.app("evaluate")
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot)
        await pilot.press("r", "tab", *"nonsense", "enter")
        assert "✗ candidate 'nonsense'" in screen_text(app)
        dialog = app.screen
        assert isinstance(dialog, NewRunDialog)
        dialog._another.value = "local/starter+few-shot:2"
        await pilot.press("enter")
        assert [each.candidate for each in dialog._list.choices if each.chosen][-1] == "local/starter+few-shot:2"
        await pilot.press("escape")


async def test_what_arrives_after_the_end_changes_nothing(loop) -> None:  # noqa: F811
    """A late progress message of a stopped run does not bring its line back."""
    from workbench.evaluate.runner import Progress

    loop.measured()
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        screen.post_message(RunEnded(None))
        screen.post_message(Progressed(Progress(1, 2, 0, 0, "local/starter", 1.0, 1.0)))
        await pilot.pause()
        assert "Stopped" in str(screen._progress.left)


async def test_the_validation_side_can_be_chosen_and_says_that_it_judges_nobody(loop, screen_text) -> None:  # noqa: F811
    """Its run names the best and leaves the test set closed; a no to the price measures nothing."""
    loop.few_records()
    loop.provider.replies = lambda body: "billing"
    app = loop.app("evaluate")
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await shown(pilot)
        await pilot.press("r", "tab", "tab", *"4", "tab")
        dialog = app.screen
        assert isinstance(dialog, NewRunDialog)
        dialog._side.value = "validation"
        dialog._ceiling.value = "."
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        assert not screen.measuring and not screen.runs
        await pilot.press("r", "ctrl+s")
        await wait_idle(pilot)
        await pilot.press("y")
        await wait_idle(pilot)
        assert screen.run_result is not None
        assert (screen.run_result.side, screen.run_result.opened) == ("validation", None)
        assert "to choose by, not to judge by" in screen_text(app)
