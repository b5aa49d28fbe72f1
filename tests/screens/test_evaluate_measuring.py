"""The run dialog's training seeds, questions of general ability and checkpoints, as the command line has them."""

from __future__ import annotations

import asyncio
import json

import pytest
from textual.widgets import Input, Select

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.new_run import NewRunDialog, RunPlan
from workbench.screens.evaluate import EvaluateScreen
from workbench.testing import wait_idle
from workbench.workflow.runs import list_runs
from workbench.workflow.train import show_job


@pytest.fixture
def tuned(loop):  # noqa: F811
    """A model that a job has made, with its checkpoints; it and they answer."""
    loop.few_records()
    loop.provider._work._total_steps = 2
    loop.provider.replies = lambda body: "billing"
    job = loop.job()
    loop.provider.finish(job.id)
    for one in loop.provider._work.checkpoints[job.id]:
        loop.provider.add_model(one["fine_tuned_model_checkpoint"])
    made = asyncio.run(show_job(loop.context, job.id))
    return loop, f"local/{made.fine_tuned_model}"


async def opened(pilot) -> NewRunDialog:
    """The run dialog of the Evaluate screen."""
    await wait_idle(pilot)
    await pilot.press("r")
    dialog = pilot.app.screen
    assert isinstance(dialog, NewRunDialog)
    return dialog


async def yes_to_all(pilot) -> list[str]:
    """Answer every question about money with yes; returns the questions."""
    asked = []
    await wait_idle(pilot)
    while isinstance(pilot.app.screen, ConfirmDialog):
        asked.append(pilot.app.screen._question)
        await pilot.press("y")
        await wait_idle(pilot)
    return asked


async def test_other_seeds_are_trained_after_a_yes_and_measured_along(tuned, until) -> None:
    """First the price of the trainings, then that of the calls; the run shows the spread between seeds."""
    loop, model = tuned  # noqa: F811
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot)
        dialog.query_one("#seeds", Input).value = "2"
        dialog.query_one("#limit", Input).value = "4"
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert isinstance(app.screen, ConfirmDialog) and len(loop.provider.jobs) == 1
        assert app.screen._question == f"Train {model} 1 more times for an unknown price?"
        await pilot.press("y")
        await until(pilot, lambda: len(loop.provider.jobs) == 2)
        screen = app.screen
        assert isinstance(screen, EvaluateScreen)
        await until(pilot, lambda: "seed" in str(screen._progress.left))
        loop.provider.finish(loop.provider.jobs[-1]["id"])
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog), 60)
        (asked,) = await yes_to_all(pilot)
        assert asked.startswith("Make ")
        await until(pilot, lambda: screen.run_result is not None, 60)
        assert screen.run_result is not None
        (spread,) = screen.run_result.seeds
        assert (spread.candidate, len(spread.siblings)) == (model, 1)
    assert len(loop.provider.jobs) == 2


async def test_a_no_to_the_trainings_trains_nothing(tuned) -> None:
    loop, _ = tuned  # noqa: F811
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot)
        dialog.query_one("#seeds", Input).value = "3"
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        screen = app.screen
        assert isinstance(screen, EvaluateScreen) and not screen.measuring
    assert len(loop.provider.jobs) == 1


async def test_seeds_without_a_tuned_candidate_are_refused(loop, until) -> None:  # noqa: F811
    loop.few_records()
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        assert isinstance(screen, EvaluateScreen)
        screen.start(RunPlan(("local/starter",), 4, "run-20261101-120000-aaaaaa", seeds=2))
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))
        assert not screen.measuring


async def test_general_ability_is_asked_with_own_questions(tuned, tmp_path) -> None:
    """The run names the other one; what is shown is the task."""
    loop, model = tuned  # noqa: F811
    own = tmp_path / "own.jsonl"
    pair = [{"role": "user", "content": "capital of France?"}, {"role": "assistant", "content": "Paris"}]
    own.write_text(json.dumps({"messages": pair}) + "\n")
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot)
        dialog.query_one("#limit", Input).value = "4"
        dialog.query_one("#general", Select).value = "yes"
        dialog.query_one("#questions", Input).value = str(own)
        await pilot.press("ctrl+s")
        (asked,) = await yes_to_all(pilot)
        assert asked == "Make 14 calls to providers for an unknown price?", "3 x 4 of the task, 2 of general ability"
        screen = app.screen
        assert isinstance(screen, EvaluateScreen) and screen.run_result is not None
        (general,) = list_runs(loop.context, loop.project, "regression")
        assert (screen.run_result.side, screen.run_result.regression) == ("test", general.run)
        assert (general.items, {row.candidate for row in general.candidates}) == (1, {"local/starter", model})


async def test_checkpoints_are_added_for_the_validation_side_and_can_be_picked(tuned, screen_text) -> None:
    """c lists those of the model under the cursor; on the test set only one of a job may be measured."""
    loop, model = tuned  # noqa: F811
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot)
        await pilot.press("c")
        assert "✗ No job of this workspace made this candidate." in screen_text(app)
        await pilot.press("G", "c")
        await wait_idle(pilot)
        assert dialog._side.value == "validation"
        added = [each.candidate for each in dialog._list.choices if each.about == "checkpoint"]
        assert [text.rpartition(":")[2] for text in added] == ["ckpt-step-1", "ckpt-step-2"]
        assert dialog._list.choices[dialog._list.cursor].candidate == added[0]
        await pilot.press("c")
        await wait_idle(pilot)
        assert "There are no other checkpoints." in screen_text(app)
        dialog._side.value = "test"
        await pilot.press("enter")
        assert app.screen is dialog and "✗ Of one job, only one checkpoint goes to the test set." in screen_text(app)
        dialog._side.value = "validation"
        dialog.query_one("#limit", Input).value = "3"
        dialog._list.focus()
        await pilot.press("space", "ctrl+s")
        await yes_to_all(pilot)
        screen = app.screen
        assert isinstance(screen, EvaluateScreen) and screen.run_result is not None
        assert screen.run_result.side == "validation" and screen.run_result.best is not None
        measured = {row.candidate for row in screen.run_result.candidates}
        assert {model, added[1]} <= measured and added[0] not in measured, "one was taken off"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("limit", "0", "✗ At least one item."),
        ("seeds", "0", "✗ At least one training seed."),
        ("questions", "/nowhere.jsonl", "✗ Own questions are for general ability, which is not asked."),
    ],
)
async def test_what_cannot_be_meant_is_said_in_the_dialog(loop, screen_text, field, value, sentence) -> None:  # noqa: F811
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot)
        dialog.query_one(f"#{field}", Input).value = value
        await pilot.press("ctrl+s")
        assert app.screen is dialog and sentence in screen_text(app)
        if field == "questions":
            dialog.query_one("#general", Select).value = "yes"
            await pilot.press("ctrl+s")
            assert "✗ /nowhere.jsonl is not a file." in screen_text(app)


async def test_a_plan_that_was_stopped_is_offered_with_all_of_it(loop) -> None:  # noqa: F811
    """Seeds and questions too; with other seeds it is another run."""
    plan = RunPlan(("local/starter",), 4, "run-20261101-120000-bbbbbb", seeds=3, general="own.jsonl")
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        dialog = NewRunDialog(loop.context, loop.project, [], plan)
        app.push_screen(dialog)
        await pilot.pause()
        shown = {name: dialog.query_one(f"#{name}").value for name in ("seeds", "general", "questions", "limit")}  # type: ignore[attr-defined]
        assert shown == {"seeds": "3", "general": "yes", "questions": "own.jsonl", "limit": "4"}
    assert not plan.same_as(RunPlan(plan.candidates, 4, "x", seeds=1))
