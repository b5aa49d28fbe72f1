"""The monitor: curves turned, laid over each other, read as numbers; alerts; runs of others."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from tests.screens.loop_workspace import loop  # noqa: F401 - a fixture
from workbench.screens.dialogs.message import MessageDialog
from workbench.screens.dialogs.path import PathDialog
from workbench.screens.dialogs.series_table import SeriesTableDialog
from workbench.screens.dialogs.text import TextDialog
from workbench.screens.jobs import JobsScreen
from workbench.screens.metric_groups import groups_of
from workbench.testing import wait_idle

AZURE = "step,train_loss,full_valid_loss\n50,0.170,1.281\n60,0.245,1.379\n70,0.074,1.509\n80,0.003,1.655\n"


@pytest.fixture
def runs(loop, tmp_path):  # noqa: F811
    """A run that overfits, as Azure published it, and one of many steps."""
    from workbench.workflow.attach import attach

    first, second = tmp_path / "results.csv", tmp_path / "train.log"
    first.write_text(AZURE)
    rows = [{"step": step, "loss": 2.0 / step, "lr": 1e-4} for step in range(1, 201)]
    begun = datetime.now() - timedelta(seconds=len(rows))
    times = [(begun + timedelta(seconds=row["step"])).isoformat(" ", "seconds") for row in rows]
    second.write_text("".join(f"{at} {json.dumps(row)}\n" for at, row in zip(times, rows, strict=True)))

    async def take_up() -> tuple[str, str]:
        return (await attach(loop.context, first)).job.id, (await attach(loop.context, second)).job.id

    return loop, asyncio.run(take_up())


async def on_job(pilot, until, job_id: str) -> JobsScreen:
    """The screen with the cursor on that job."""
    await wait_idle(pilot)
    screen = pilot.app.screen
    ids = [job.id for job in screen.jobs]
    screen._table.list.cursor = ids.index(job_id)
    await until(pilot, lambda: screen.view is not None and screen.view.job.id == job_id and screen.view.series)
    await wait_idle(pilot)
    return screen


def test_series_are_grouped_whatever_arrives() -> None:
    """Known ones first, sides together, epoch and tokens last; nothing numeric is left out."""
    names = ["epoch", "valid_loss", "zeta", "train_loss", "full_valid_loss", "train_reward_mean", "learning_rate"]
    groups = groups_of(names)
    assert [group.title for group in groups] == ["loss", "reward", "learning rate", "zeta", "epoch"]
    assert list(groups[0].series) == ["train_loss", "valid_loss", "full_valid_loss"]
    assert sorted(name for group in groups for name in group.series) == sorted(names)


async def test_an_overfit_is_said_with_its_rule(runs, until, screen_text) -> None:
    """A line over the chart; w shows the rule and the way out."""
    loop, (overfits, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_job(pilot, until, overfits)
        await until(pilot, lambda: "! overfit the validation loss is 29% above its best of step 50" in screen_text(app))
        await pilot.press("w")
        assert isinstance(app.screen, TextDialog)
        assert "Rule: the validation loss at least 10% above its best" in app.screen._text
        assert "checkpoint at or before step 50" in app.screen._text
        await pilot.press("escape")
        await on_job(pilot, until, calm)
        assert "! overfit" not in screen_text(app)
        assert screen.check_action("cancel", ()) is False


async def test_a_stall_is_seen_although_nothing_arrives(runs, until, screen_text, monkeypatch) -> None:
    """Silence brings no event: the list's own round notices it."""
    loop, (_, calm) = runs  # noqa: F811
    import time

    from workbench.widgets import clock

    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_job(pilot, until, calm)
        assert "! stall" not in screen_text(app)
        monkeypatch.setattr(clock, "now", lambda: time.time() + 3600)
        screen.action_refresh()
        await until(pilot, lambda: "! stall nothing was reported for 60 min" in screen_text(app))


async def test_the_chart_turns(runs, until, screen_text) -> None:
    """Smoothing, logarithm and zoom are said in the axis; the cursor still reads what was measured."""
    loop, (_, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_job(pilot, until, calm)
        chart = screen._monitor.chart
        await pilot.press("s", "L", "plus", "plus")
        await wait_idle(pilot)
        assert "step · smoothed 0.6 · log · zoom 4×" in screen_text(app)
        assert chart._window() == (150.25, 200)
        chart.focus()
        await pilot.press("left", "left")
        await wait_idle(pilot)
        assert "training loss 0.01005" in screen_text(app)
        await pilot.press("escape", "minus", "minus", "minus", "L", "s", "s", "s")
        await wait_idle(pilot)
        assert "smoothed" not in screen_text(app)
        assert chart._window() == (1, 200)


async def test_marked_jobs_share_one_chart(runs, until, screen_text) -> None:
    """Space marks; each curve has a letter at its end and in the legend; again: alone."""
    loop, (overfits, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(110, 30)) as pilot:
        screen = await on_job(pilot, until, calm)
        await pilot.press("space")
        await on_job(pilot, until, overfits)
        await pilot.press("space")
        await until(pilot, lambda: len(screen._monitor.chart.series) == 2)
        await wait_idle(pilot)
        text = screen_text(app)
        assert text.count("◆") == 2
        body = "\n".join(text.splitlines()[8:])
        assert body.count("A ") >= 1
        assert calm[-6:] in text
        assert overfits[-6:] in text
        await pilot.press("space")
        await on_job(pilot, until, calm)
        await pilot.press("space")
        await wait_idle(pilot)
        assert "━━ training loss" in screen_text(app)


async def test_numbers_can_be_read_and_kept(runs, until, screen_text, tmp_path) -> None:
    """T is the table, X the CSV; a file that is there is not overwritten."""
    loop, (overfits, _) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        await on_job(pilot, until, overfits)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, SeriesTableDialog))
        await wait_idle(pilot)
        text = screen_text(app)
        assert "full_valid_loss"[:13] in text
        assert "1.655" in text
        assert "← → columns" in text
        await pilot.press("escape", "X")
        assert isinstance(app.screen, PathDialog)
        out = tmp_path / "out.csv"
        app.screen.query_one("#path").value = str(out)
        await pilot.press("enter")
        await until(pilot, out.exists)
        await wait_idle(pilot)
        assert out.read_text().splitlines()[0] == "step,train_loss,full_valid_loss"
        await pilot.press("X")
        app.screen.query_one("#path").value = str(out)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))
        assert "is there already" in screen_text(app)


async def test_a_run_is_attached_from_the_screen(loop, until, screen_text, tmp_path) -> None:  # noqa: F811
    """a, a path, enter: it is listed, the cursor on it, followed as it grows."""
    path = tmp_path / "train.log"
    path.write_text("{'loss': 1.5}\n")
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await pilot.press("a")
        app.screen.query_one("#path").value = str(path)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and screen.view is not None and screen.view.step == 1)
        assert screen.job.profile == "attached"
        with path.open("a") as file:
            file.write("{'loss': 1.25}\n")
        await until(pilot, lambda: screen.view.step == 2)
        await until(pilot, lambda: "training loss 1.25" in screen_text(app))
        await pilot.press("a")
        app.screen.query_one("#path").value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MessageDialog))


async def test_an_attached_run_is_forgotten_after_a_yes(runs, until, screen_text, tmp_path) -> None:
    """D, then y: it leaves the list, the other one is shown; a job cannot be forgotten."""
    loop, (overfits, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_job(pilot, until, overfits)
        await pilot.press("space", "D")
        await wait_idle(pilot)
        assert "The run goes on" in screen_text(app)
        await pilot.press("n")
        await wait_idle(pilot)
        assert {job.id for job in screen.jobs} == {overfits, calm}
        await pilot.press("D", "y")
        await until(pilot, lambda: [job.id for job in screen.jobs] == [calm])
        await until(pilot, lambda: screen.view is not None and screen.view.job.id == calm)
        await wait_idle(pilot)
        assert overfits not in screen.marked
        assert (tmp_path / "results.csv").read_text() == AZURE
        await asyncio.to_thread(loop.job, "tickets")
        screen.action_refresh()
        await until(pilot, lambda: len(screen.jobs) == 2)
        screen._table.list.cursor = [job.profile for job in screen.jobs].index("local")
        await wait_idle(pilot)
        assert screen.check_action("detach", ()) is False
        assert screen.check_action("cancel", ()) is True


async def test_curves_over_time(runs, until, screen_text) -> None:
    """t: seconds since the first report; again: steps."""
    loop, (_, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_job(pilot, until, calm)
        await pilot.press("t")
        await wait_idle(pilot)
        assert screen._monitor.chart.by_time
        assert " time " in screen_text(app)
        assert "0 s" in screen_text(app)
        await pilot.press("t")
        await wait_idle(pilot)
        assert " step " in screen_text(app)


async def test_a_file_without_times_says_so_instead_of_a_wrong_curve(runs, until, screen_text) -> None:
    """All of it was read at one moment, which is not when its steps were."""
    loop, (overfits, _) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await on_job(pilot, until, overfits)
        await pilot.press("t")
        await wait_idle(pilot)
        assert "its files do not say when each step was: t goes back to steps" in screen_text(app)
        await pilot.press("t")
        await wait_idle(pilot)
        assert "━━ training loss 0.003" in screen_text(app)
        assert screen._monitor.chart.by_time is False


async def test_any_metric_is_chosen_by_its_name(runs, until, screen_text) -> None:
    """M lists what was reported with its newest values; the legend says which of the charts is shown."""
    loop, (overfits, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_job(pilot, until, overfits)
        await pilot.press("M")
        await wait_idle(pilot)
        assert "training 0.003   full validation 1.655" in screen_text(app)
        await pilot.press("escape")
        await on_job(pilot, until, calm)
        assert "loss 1/2" in screen_text(app)
        await pilot.press("M", "down", "enter")
        await wait_idle(pilot)
        assert "━━ learning rate 0.0001" in screen_text(app)
        assert "learning rate 2/2" in screen_text(app)
        assert screen._monitor.group.title == "learning rate"


async def test_escape_leads_back_to_the_list(runs, until) -> None:
    """Out of the cursor, out of the full screen, out of the chart, one after the other."""
    loop, (_, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await on_job(pilot, until, calm)
        chart = screen._monitor.chart
        await pilot.press("enter", "left", "z")
        assert screen.focused is chart
        assert screen.maximized is chart
        for _ in range(3):
            await pilot.press("escape")
        assert chart.cursor is None
        assert screen.maximized is None
        assert screen.focused is screen._table.list


async def test_the_step_of_a_run_without_a_known_end_is_listed(runs, until, screen_text) -> None:
    """A log does not say how many steps there will be."""
    loop, (_, calm) = runs  # noqa: F811
    app = loop.app("jobs")
    async with app.run_test(size=(80, 24)) as pilot:
        await on_job(pilot, until, calm)
        row = next(line for line in screen_text(app).splitlines() if line.startswith("▸"))
        assert " 200 " in row


async def test_the_machine_is_shown_while_a_job_trains_on_it(loop, until, screen_text, monkeypatch) -> None:  # noqa: F811
    """A line for a running job of this machine; none when it has ended, nor for another machine's."""
    await asyncio.to_thread(loop.job, "running")
    loop.provider.advance(times=2)
    loop.train(3)
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await until(pilot, lambda: screen.view is not None and screen.view.step == 3)
        assert "memory" not in screen_text(app)
        monkeypatch.setattr(JobsScreen, "_trains_here", lambda _, __: True)
        screen.show_view()
        await until(pilot, lambda: "memory" in screen_text(app))
        await asyncio.to_thread(loop.provider.end_with, "succeeded")
        await until(pilot, lambda: screen.job.status == "succeeded" and "memory" not in screen_text(app))


async def test_the_end_of_a_job_is_announced_once(loop, until, monkeypatch) -> None:  # noqa: F811
    """Not for jobs that had ended when they were first seen."""
    told: list[str] = []
    monkeypatch.setattr(JobsScreen, "announce", lambda _, ended: told.extend(job.id for job in ended))
    job = await asyncio.to_thread(loop.job, "running")
    loop.provider.advance(times=2)
    loop.train(3)
    app = loop.app("jobs")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_idle(pilot)
        screen = app.screen
        await until(pilot, lambda: screen.view is not None and screen.view.step == 3)
        await asyncio.to_thread(loop.provider.end_with, "succeeded")
        await until(pilot, lambda: screen.job.status == "succeeded")
        screen.action_refresh()
        await wait_idle(pilot)
        screen.action_refresh()
        await wait_idle(pilot)
    assert told == [job.id]
