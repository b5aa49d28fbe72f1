"""The Jobs screen: all jobs, the one under the cursor live, and the form for a new one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.errors import WorkbenchError
from workbench.screens.dialogs.confirm import ConfirmDialog
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.new_job import NewJobDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.screens.job_form import JobForm, form_for, parse_settings, request_of
from workbench.screens.job_messages import JobChanged
from workbench.screens.jobs import JobsScreen
from workbench.testing import wait_idle


async def shown(pilot) -> JobsScreen:
    """The screen once the profiles were asked."""
    await wait_idle(pilot)
    assert isinstance(pilot.app.screen, JobsScreen)
    return pilot.app.screen


async def test_no_jobs_says_what_to_do(loop, screen_text) -> None:  # noqa: F811
    """One sentence with the key."""
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "No jobs yet: n starts one." in screen_text(app)


def test_a_form_is_the_projects_own_training(loop) -> None:  # noqa: F811
    """Files, suffix and settings as the project has them; what has no field of its own is in the last line."""
    document = loop.project.document
    document.training.settings.update({"num_train_epochs": 2, "lora_r": 16, "name": "a b"})
    form = form_for(loop.context, loop.project)
    assert form.train == str(loop.project.files["train"])
    assert form.epochs == "2"
    assert parse_settings(form.more) == {"lora_r": 16, "name": "a b"}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("epochs", "many", "epochs: 'many' is not a number"),
        ("batch", "2.5", "batch size: '2.5' is not a whole number"),
        ("more", "lora_r", "more settings: 'lora_r' is not name=value"),
        ("more", "a='b", "more settings: a quotation mark has no partner"),
        ("train", "/nowhere.jsonl", "training file: /nowhere.jsonl is not a file"),
        ("model", " ", "model: is empty"),
    ],
)
def test_a_wrong_field_is_named(loop, field, value, sentence) -> None:  # noqa: F811
    """Before anything is sent."""
    form = form_for(loop.context, loop.project)
    values = {name: getattr(form, name) for name in JobForm.__slots__} | {field: value}
    with pytest.raises(WorkbenchError) as error:
        request_of(JobForm(**values), loop.context)
    assert error.value.message == sentence


async def with_jobs(loop) -> tuple[str, str, str]:  # noqa: F811
    """A failed, a finished and a running job; the newest is running."""
    import asyncio

    def make() -> tuple[str, str, str]:
        failed = loop.job("failed")
        loop.provider.end_with("failed", error={"message": "loss is nan [b]x[/b] \x1b[2J", "code": "diverged"})
        done = loop.job("done")
        loop.provider.end_with("succeeded")
        running = loop.job("running")
        loop.provider.advance(times=2)
        return failed.id, done.id, running.id

    return await asyncio.to_thread(make)


async def test_a_running_job_is_followed_live(loop, until, screen_text) -> None:  # noqa: F811
    """Its steps, losses and events arrive while it runs; the list shows every state as glyph and word."""
    await with_jobs(loop)
    loop.train(50)
    app = loop.app("jobs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.step == 50)
        text = screen_text(app)
        for words in (
            "▶ running",
            "✓ succeeded",
            "✗ failed",
            "step 50 of 400",
            "50 / 400",
            "40,000 tokens",
            "━━ training loss",
        ):
            assert words in text
        assert "● validation loss" in text
        loop.provider.emit("Step 51/400", {"step": 51, "total_steps": 400, "train_loss": 0.123})
        await until(pilot, lambda: screen.view.step == 51)
        await until(pilot, lambda: "training loss 0.123" in screen_text(app))
        assert "Step 51/400" in screen_text(app)


async def test_the_end_of_a_job_is_seen(loop, until, screen_text) -> None:  # noqa: F811
    """Without a key being pressed."""
    await with_jobs(loop)
    loop.train(5)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.step == 5)
        loop.provider.end_with("succeeded")
        await until(pilot, lambda: screen.job.status == "succeeded")
        assert "✓ succeeded" in screen_text(app)
        assert screen.check_action("cancel", ()) is False


async def test_a_failure_says_why_and_nothing_in_it_is_obeyed(loop, until, screen_text) -> None:  # noqa: F811
    """The provider's message, markup and escapes as they are."""
    await with_jobs(loop)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("G")
        await until(pilot, lambda: screen.view is not None and screen.view.job.status == "failed")
        assert "✗ failed  loss is nan [b]x[/b] ␛[2J" in screen_text(app)


async def test_pause_resume_cancel(loop, until) -> None:  # noqa: F811
    """p, u, and c after a yes; only what the state allows is offered."""
    *_, running = await with_jobs(loop)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        assert screen.job.id == running
        await until(pilot, lambda: screen.view is not None and screen.view.job.status == "running")
        assert screen.check_action("resume", ()) is False
        await pilot.press("p")
        await until(pilot, lambda: screen.job.status == "paused")
        await pilot.press("u")
        await until(pilot, lambda: screen.job.status == "queued")
        await pilot.press("c")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape")
        await pilot.press("c", "y")
        await until(pilot, lambda: screen.job.status == "cancelled")


async def test_the_provider_being_away_is_said_beside_the_job(loop, until, screen_text) -> None:  # noqa: F811
    """No dialog for what a wire does now and then; the recorded jobs stay, and it goes on when it is back."""
    *_, running = await with_jobs(loop)
    loop.provider.fail("/events", status=503, times=50)
    app = loop.app("jobs")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.trouble is not None)
        assert not isinstance(app.screen, MessageDialog)
        assert any(job.id == running for job in screen.jobs)


async def test_a_provider_without_events_says_so_below_the_state(loop, until, screen_text) -> None:  # noqa: F811
    """In a whole sentence at 80 columns, which hides neither how the job stands nor itself."""
    await with_jobs(loop)
    loop.provider.fail("/events", status=404, times=99)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: "its status is followed" in screen_text(app))
        assert "no events from this provider (" in screen_text(app)
        assert any("running" in piece.text for piece in screen.query_one("#state").left)
        screen._monitor.show_state(None, "")
        assert not screen.query_one("#trouble").display


async def test_what_is_said_already_is_not_laid_out_again(loop, monkeypatch) -> None:  # noqa: F811
    """The state is shown with each look at the list: an idle screen sends nothing for it."""
    await with_jobs(loop)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        told: list[str] = []
        trouble = screen.query_one("#trouble")
        monkeypatch.setattr(trouble, "update", told.append)
        for problem in ("", "", "w" * 90, "w" * 90, "", ""):
            screen._monitor.show_state(screen.job, problem)
        assert told == ["w" * 90, ""]


async def test_a_provider_that_fails_is_waited_for_and_r_tries_now(loop, until, screen_text) -> None:  # noqa: F811
    """Since when, and a countdown to the next try, at 80 columns; when it is back the line is gone."""
    *_, running = await with_jobs(loop)
    loop.train(3)
    loop.provider.fail(f"/jobs/{running}", status=503, times=3, headers={"Retry-After": "100"})
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        waiting = re.compile(r"the provider fails \(503\) since 14:28, next try in (\d+) s")
        await until(pilot, lambda: waiting.search(screen_text(app)))
        first = int(waiting.search(screen_text(app))[1])
        assert 90 <= first <= 120
        await until(pilot, lambda: (seen := waiting.search(screen_text(app))) and int(seen[1]) < first)
        while left := asked_in_vain(loop):
            await pilot.press("r")
            await until(pilot, lambda left=left: asked_in_vain(loop) < left)
            await until(pilot, lambda: waiting.search(screen_text(app)))
        await pilot.press("r")
        await until(pilot, lambda: "next try" not in screen_text(app) and "step 3 of 400" in screen_text(app))


def asked_in_vain(loop) -> int:  # noqa: F811
    """Failures that are still to come."""
    return sum(fault.times for fault in loop.provider._faults)


async def test_without_network_the_history_is_shown_and_it_says_offline(loop, until, screen_text) -> None:  # noqa: F811
    """Since when, and when it is tried again."""
    from workbench.workflow.follow import caught_up

    *_, running = await with_jobs(loop)
    loop.train(3)
    await caught_up(loop.context, running)
    config = loop.context.home / "config.toml"
    config.write_text(config.read_text().replace(loop.provider.base_url, "http://127.0.0.1:9/v1"))
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await until(pilot, lambda: re.search(r"offline since 14:28, next try in \d+ s", screen_text(app)))
        assert "step 3 of 400" in screen_text(app)


async def test_what_it_has_cost_so_far_stands_beside_its_tokens(loop, until, screen_text) -> None:  # noqa: F811
    """Marked as an estimate, whole at 80 columns; gone when the job has ended."""
    await with_jobs(loop)
    loop.train(240)
    config = loop.context.home / "config.toml"
    config.write_text(config.read_text() + '\n[prices."local/starter"]\ntraining = 5.0\n')
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: "step 240 of 400" in screen_text(app))
        await until(pilot, lambda: "192,000 tokens · ≈ $0.96" in screen_text(app))
        assert "left ·" in screen_text(app)
        loop.provider.emit("Step 260/400", {"step": 260, "total_steps": 400, "train_loss": 1.0, "tokens": 260_000})
        await until(pilot, lambda: "260,000 tokens · ≈ $1.30" in screen_text(app))
        loop.provider.end_with("succeeded")
        await until(pilot, lambda: screen.job.status == "succeeded" and "≈" not in screen_text(app))


async def test_leaving_the_screen_stops_asking_and_coming_back_goes_on(loop, until) -> None:  # noqa: F811
    """Off screen nobody is asked; back on screen the job is further on."""
    await with_jobs(loop)
    loop.train(3)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.step == 3)
        await pilot.press("1")
        await until(pilot, lambda: not [each for each in app.workers if each.group == "follow" and each.is_running])
        loop.provider.emit("Step 9/400", {"step": 9, "total_steps": 400, "train_loss": 1.0})
        await pilot.press("4")
        await until(pilot, lambda: screen.view is not None and screen.view.step == 9)


async def test_a_view_of_another_job_is_not_shown(loop, until) -> None:  # noqa: F811
    """What arrives late for a job that the cursor has left changes its row only."""
    await with_jobs(loop)
    loop.train(4)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.step == 4)
        late = screen.view
        await pilot.press("G")
        await until(pilot, lambda: screen.view is not None and screen.view.job.status == "failed")
        screen.post_message(JobChanged(late))
        await pilot.pause()
        assert screen.view.job.status == "failed"


async def test_m_goes_through_everything_that_is_reported(loop, until, screen_text) -> None:  # noqa: F811
    """Only what arrived, whatever its name; then from the start again."""
    await with_jobs(loop)
    loop.train(4)
    loop.provider.emit("Step 5/400", {"step": 5, "total_steps": 400, "train_loss": 1.0, "rewards/margins": 0.25})
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await until(pilot, lambda: screen.view is not None and screen.view.step == 5)
        seen = []
        for _ in range(4):
            text = screen_text(app)
            seen.append(next(line.strip() for line in text.splitlines() if "━━" in line))
            await pilot.press("m")
            await wait_idle(pilot)
        assert seen[0].startswith("━━ training loss 1")
        assert seen[1].startswith("━━ learning rate 0.001")
        assert any(line.startswith("━━ rewards/margins 0.25") for line in seen)


async def test_a_job_is_quoted_then_created_after_a_yes(loop, until, screen_text) -> None:  # noqa: F811
    """It can cost money: the price, or that none is known, stands there before; enter alone is no yes."""
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await shown(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        dialog = app.screen
        assert isinstance(dialog, NewJobDialog)
        text = screen_text(app)
        assert "cost    not measured" in text
        assert "! this account has no fine-tuning job" in text, "what speaks against it stands first"
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)
        assert not loop.provider.jobs
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("y")
        await until(pilot, lambda: app.screen is screen)
        await wait_idle(pilot)
        made = loop.provider.jobs[-1]
        assert made["user_provided_suffix"] == "tickets"
        assert screen.job.id == made["id"]


async def test_what_is_wrong_in_the_form_is_said_in_it(loop, screen_text) -> None:  # noqa: F811
    """The dialog stays open, the sentence names the field."""
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("n")
        app.screen.query_one("#epochs", Input).value = "many"
        await wait_idle(pilot)
        assert "✗ epochs: 'many' is not a number" in screen_text(app)
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, NewJobDialog)
        app.screen.query_one("#epochs", Input).value = "3"
        await wait_idle(pilot)
        assert "cost    not measured" in screen_text(app)
        await pilot.press("escape")
    assert not loop.provider.jobs


async def test_a_refusal_of_the_provider_is_said_in_the_form(loop, until, screen_text) -> None:  # noqa: F811
    """And nothing typed is lost."""
    error = {"message": "this model cannot be tuned", "type": "invalid_request_error", "param": "model", "code": "no"}
    loop.provider.fail("/fine_tuning/jobs", method="POST", status=400, body={"error": error})
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("n")
        await wait_idle(pilot)
        await pilot.press("ctrl+s", "y")
        await until(pilot, lambda: "this model cannot be tuned" in screen_text(app))
        assert app.screen.query_one("#train", Input).value == str(Path(loop.project.files["train"]))


async def test_lineage_is_shown_to_read(loop, until) -> None:  # noqa: F811
    """i: what made the model, as it is recorded."""
    *_, running = await with_jobs(loop)
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert running in app.screen._text
