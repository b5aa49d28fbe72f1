"""What is asked in the form of a new job, done by the app on whatever screen, and told where the person is."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from textual.widgets import Input, Select

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.errors import WorkbenchError
from workbench.screens import afterwards
from workbench.screens.decide import DecideScreen
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.evaluate import EvaluateScreen
from workbench.screens.job_form import form_for, wish_of_form
from workbench.screens.jobs import JobsScreen
from workbench.testing import wait_idle
from workbench.workflow.runs import list_runs
from workbench.workflow.wish import Wish, ask, change, lease_of, wish_of

PRICES = '[prices."local/starter"]\ninput = 1.0\noutput = 2.0\n[prices."local/ft:starter"]\ninput = 1.0\noutput = 2.0\n'


@pytest.fixture
def watching(loop, monkeypatch):  # noqa: F811
    """The models have prices, the watch begins at once and looks often; a training is short and answers are right."""
    config = loop.context.home / "config.toml"
    config.write_text(config.read_text() + PRICES)
    monkeypatch.setattr("workbench.background.AFTER_START_S", 0.05)
    monkeypatch.setattr(afterwards, "HOSTED_S", 0.05)
    monkeypatch.setattr(afterwards.AfterWatch.run, "__defaults__", (0.05,))
    loop.few_records()
    loop.provider.replies = lambda body: "billing"
    return loop


def job_with(loop, **asked):  # noqa: F811
    """A job with a wish, created before the app was open."""
    job = loop.job()
    wish = ask(loop.context, job, Wish(project=loop.project.slug, limit=4, max_cost=1.0, **asked))
    return job, wish


def state_of(loop, job) -> str:  # noqa: F811
    found = wish_of(loop.context, "local", job.id)
    return found.state if found is not None else "nothing"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("items", "0", "items at most: 0 is less than 1"),
        ("items", "some", "items at most: 'some' is not a number"),
        ("ceiling", "-1", "USD at most: -1 is no amount of dollars"),
        ("ceiling", "inf", "USD at most: inf is no amount of dollars"),
        ("questions", "/nowhere.jsonl", "own questions: /nowhere.jsonl is not a file"),
    ],
)
def test_a_wrong_field_of_what_follows_is_named(loop, field, value, sentence) -> None:  # noqa: F811
    """Not where nothing is measured: there it is not shown."""
    form = form_for(loop.context, loop.project)
    assert wish_of_form(dataclasses.replace(form, **{field: value}), loop.project) is None
    with pytest.raises(WorkbenchError) as error:
        wish_of_form(dataclasses.replace(form, then="model", **{field: value}), loop.project)
    assert error.value.message == sentence


def test_the_form_becomes_the_wish(loop, tmp_path) -> None:  # noqa: F811
    """Every field of it."""
    questions = tmp_path / "own.jsonl"
    questions.write_text("")
    form = dataclasses.replace(
        form_for(loop.context, loop.project), then="checkpoints", items="7", ceiling="2.5", questions=str(questions)
    )
    wish = wish_of_form(form, loop.project)
    assert wish is not None
    assert (wish.project, wish.checkpoints, wish.limit, wish.max_cost) == ("tickets", True, 7, 2.5)
    assert wish.questions == str(questions)


async def test_it_is_asked_in_the_form_with_its_price_and_told_beside_the_job(watching, until, screen_text) -> None:
    """The yes names where measuring stops; the job's line says that it is asked."""
    loop = watching  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        dialog = app.screen
        assert isinstance(dialog, NewJobDialog)
        dialog.query_one("#then", Select).value = "checkpoints"
        dialog.query_one("#items", Input).value = "4"
        dialog.query_one("#ceiling", Input).value = "0.75"
        await wait_idle(pilot)
        assert "then    $0.0" in screen_text(app) and "then    at most:" in dialog._says.text
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)
        assert "Measuring its model then stops at $0.7500." in " ".join(screen_text(app).replace("│", " ").split())
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await until(pilot, lambda: "then asked: measured, checkpoints first" in screen_text(app))
        made = loop.provider.jobs[-1]["id"]
        wish = wish_of(loop.context, "local", made)
        assert wish is not None and (wish.limit, wish.max_cost, wish.checkpoints) == (4, 0.75, True)


async def test_what_cannot_be_measured_is_said_in_the_form(loop, screen_text) -> None:  # noqa: F811
    """No price: nobody could keep a ceiling. Without it the job can still be created."""
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        app.screen.query_one("#then", Select).value = "model"
        await wait_idle(pilot)
        assert "✗ measuring after the training: no price is known" in screen_text(app)
        await pilot.press("ctrl+s")
        await wait_idle(pilot)
        assert isinstance(app.screen, NewJobDialog) and not loop.provider.jobs
        app.screen.query_one("#then", Select).value = "nothing"
        await wait_idle(pilot)
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)


async def test_a_training_that_ended_while_nobody_looked_is_measured_on_any_screen(
    watching, until, screen_text
) -> None:
    """On Decide: the verdict that stands there is the one after training, without a key being pressed."""
    loop = watching  # noqa: F811
    job, _ = await asyncio.to_thread(job_with, loop)
    loop.provider.finish(job.id)
    app = loop.app("decide")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, DecideScreen)
        await until(pilot, lambda: state_of(loop, job) == "done", 60)
        await until(pilot, lambda: screen.decision is not None and screen.decision.run is not None)
        assert screen.decision is not None and screen.decision.stage == "after-training"
        await until(pilot, lambda: any("done: the verdict is" in note.message for note in app._notifications))
        await wait_idle(pilot)
        assert "after training" in screen_text(app)
        await pilot.press("4")
        await until(pilot, lambda: "then done: the verdict is" in screen_text(app))
        await pilot.press("2")
        await wait_idle(pilot)
        evaluate = app.screen
        assert isinstance(evaluate, EvaluateScreen) and evaluate.run_result is not None
        assert evaluate.run_result.side == "test", "not the newer one of general ability"


async def test_a_job_that_ends_while_the_app_is_open_is_measured(watching, until) -> None:
    """Asked again and again whether it has ended; what is on screen is another mode."""
    loop = watching  # noqa: F811
    job, _ = await asyncio.to_thread(job_with, loop)
    app = loop.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        assert state_of(loop, job) == "asked"
        loop.provider.finish(job.id)
        await until(pilot, lambda: state_of(loop, job) == "done", 60)
        screen = app.screen
        assert isinstance(screen, EvaluateScreen)
        await until(pilot, lambda: screen.run_result is not None and screen.run_result.side == "test")


async def test_what_another_process_does_is_told_and_not_done_twice(watching, until, screen_text) -> None:
    loop = watching  # noqa: F811
    job, wish = await asyncio.to_thread(job_with, loop)
    loop.provider.finish(job.id)
    lease = lease_of(loop.context, wish)
    assert lease.take()
    change(loop.context, wish, state="running", part="the test set")
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "then running: measuring the test set" in screen_text(app))
        change(loop.context, wish, state="could-not", part="", why="it [b]broke[/b] \x1b[2J", hint="mend it")
        lease.release()
        await until(pilot, lambda: "then could not: it [b]broke[/b] ␛[2J; mend it" in screen_text(app))
        assert not list_runs(loop.context, loop.project)


async def test_a_training_that_failed_drops_it_beside_the_job(watching, until, screen_text) -> None:
    loop = watching  # noqa: F811
    job, _ = await asyncio.to_thread(job_with, loop)
    loop.provider.end_with("failed", job.id, error={"message": "bad data", "code": "bad"})
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "then dropped: the training failed (bad data)" in screen_text(app))


async def test_nothing_that_was_over_before_is_told_again(watching, until) -> None:
    """Opening the app does not repeat old news."""
    loop = watching  # noqa: F811
    job, wish = await asyncio.to_thread(job_with, loop)
    change(loop.context, wish, state="done", chosen="local/x", verdict="fine-tune")
    told: list[object] = []
    watch = afterwards.AfterWatch(loop.context, told.append)
    await watch.look(first=True)
    assert not told
    change(loop.context, wish, state="dropped", why="taken back")
    await watch.look()
    assert len(told) == 1
    assert job.id == told[0].wish.job  # type: ignore[attr-defined]


async def test_who_was_asked_once_is_not_made_to_start_anything_again(watching, monkeypatch) -> None:
    """An engine that was stopped stays stopped, a key command is not run at every look; a job that has ended is told
    by our own record."""
    loop = watching  # noqa: F811
    _, wish = await asyncio.to_thread(job_with, loop)
    watch = afterwards.AfterWatch(loop.context, lambda _: None)
    assert await asyncio.to_thread(watch._may_ask, wish)
    await watch.look()
    for changed, may in (("", True), ("api_key_command", False), ("kind", False)):
        profiles = loop.context.profiles()
        update = {"api_key_command": {changed: ("false",)}, "kind": {changed: "local"}}.get(changed, {})
        profiles["local"] = profiles["local"].model_copy(update=update)
        monkeypatch.setattr(type(loop.context), "profiles", lambda _, found=profiles: found)
        assert await asyncio.to_thread(watch._may_ask, wish) is may, changed
    loop.provider.finish(wish.job)
    monkeypatch.undo()
    from workbench.workflow.train import show_job

    await show_job(loop.context, wish.job)
    monkeypatch.setattr(type(loop.context), "profiles", lambda _: profiles)
    assert await asyncio.to_thread(watch._may_ask, wish), "our record says that it has ended"


async def test_a_look_that_fails_is_not_the_last_one(watching, until, monkeypatch) -> None:
    """A disk that is full for a moment, a record that somebody is mending."""
    loop = watching  # noqa: F811
    looks: list[int] = []
    enough = asyncio.Event()
    watch = afterwards.AfterWatch(loop.context, lambda _: None)

    async def look(*, first: bool = False) -> None:
        looks.append(int(first))
        if len(looks) > 3:
            enough.set()
        raise WorkbenchError("a record", "cannot be read") if first else ValueError("unforeseen")

    monkeypatch.setattr(watch, "look", look)
    task = asyncio.create_task(watch.run(0.001))
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    assert looks[:3] == [1, 0, 0]
