"""The end of a job is told on whatever screen the app is."""

from __future__ import annotations

import asyncio

import pytest

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.terminal import workarounds
from workbench.testing import wait_idle
from workbench.workflow.finish import tell
from workbench.workflow.job_records import recorded_jobs


@pytest.fixture
def written(monkeypatch) -> list[str]:
    """What goes to the terminal past Textual; looks follow each other quickly."""
    found: list[str] = []
    monkeypatch.setattr("workbench.background.ENDS_AFTER_S", 0.01)
    monkeypatch.setattr("workbench.workflow.ends.LOOK_S", 0.05)
    monkeypatch.setattr("workbench.workflow.ends.ASK_S", 0.05)
    monkeypatch.setattr(workarounds, "terminal_writer", lambda _: found.append)
    return found


async def running(loop) -> str:  # noqa: F811
    """A job that trains."""
    job = await asyncio.to_thread(loop.job, "tickets")
    loop.provider.advance(times=2)
    return job.id


@pytest.mark.parametrize("mode", ["datasets", "decide"])
async def test_a_job_ends_while_another_screen_is_shown(loop, until, screen_text, written, mode) -> None:  # noqa: F811
    """Bell and OSC 9 once, and a line on the screen."""
    await running(loop)
    app = loop.app(mode)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_idle(pilot)
        asked = len(loop.provider.requests)
        await until(pilot, lambda: len(loop.provider.requests) > asked)
        assert written == []
        loop.provider.end_with("succeeded")
        await until(pilot, lambda: written)
        await until(pilot, lambda: "starter succeeded: 4 shows it" in screen_text(app))
        asked = len(loop.provider.requests)
        await asyncio.sleep(0.3)
        assert len(loop.provider.requests) == asked, "an ended job is asked for no more"
    assert written == ["\a\x1b]9;ftwb: starter succeeded\a"]


async def test_what_another_process_has_told_is_not_told_again(loop, until, screen_text, written) -> None:  # noqa: F811
    """Such as `job create --wait` in the window beside it."""
    job_id = await running(loop)
    app = loop.app("datasets")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_idle(pilot)
        job = recorded_jobs(loop.context)[job_id].job.model_copy(update={"status": "succeeded"})
        elsewhere: list[str] = []
        assert tell(loop.context, job, elsewhere.append)
        loop.provider.end_with("succeeded")
        await until(pilot, lambda: recorded_jobs(loop.context)[job_id].job.ended)
        await asyncio.sleep(0.3)
        assert "succeeded" not in screen_text(app)
    assert elsewhere
    assert written == []


async def test_a_command_that_cannot_run_is_said_where_the_person_is(loop, until, screen_text, written) -> None:  # noqa: F811
    """The bell rings all the same."""
    await running(loop)
    config = loop.context.home / "config.toml"
    config.write_text(config.read_text() + '\n[preferences]\non_job_end = "/nowhere/at/all"\nnotify = false\n')
    app = loop.app("datasets")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await wait_idle(pilot)
        loop.provider.end_with("failed")
        await until(pilot, lambda: "cannot run" in screen_text(app))
    assert written == ["\a"]
