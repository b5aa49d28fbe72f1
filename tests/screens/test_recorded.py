"""What a recording says is marked on every screen that shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.screens.loop_workspace import Loop, loop  # noqa: F401 - a fixture
from workbench.catalog.figure import Origin
from workbench.evaluate.results import RunResult
from workbench.screens.dialogs.runs import RunsDialog
from workbench.testing import wait_idle
from workbench.workflow.guide import next_step
from workbench.workflow.measure import measure
from workbench.workflow.profiles import add_profile
from workbench.workflow.project import update_project

MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def demo(loop: Loop, tmp_path: Path) -> Loop:  # noqa: F811
    """A run of a recording's model beside the trivial candidates."""
    add_profile(loop.context, "demo", replay="openai")
    loop.few_records()
    update_project(loop.context, loop.project, requests_per_month=10_000)
    asyncio.run(measure(loop.context, loop.project, [f"demo/{MODEL}"], limit=20))
    return loop


async def test_the_table_and_the_line_below_say_recorded(demo: Loop, screen_text) -> None:
    app = demo.app("evaluate")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        rows = [line for line in screen_text(app).splitlines() if "/" in line]
        assert any("demo/" in row and "· recorded" in row for row in rows), "complete at 80 columns"
        assert not any(row.lstrip("▸ ").startswith("trivial/") and "· recorded" in row for row in rows)
        await pilot.press("G")
        await wait_idle(pilot)
        text = screen_text(app)
        assert " recorded: a recording answers, nothing is measured · " in text
        assert text.count("· recorded") == 3, "its own row, and both comparisons with it"


async def test_the_list_of_runs_says_whose_best_is_recorded(demo: Loop, screen_text) -> None:
    made = demo.measured({f"demo/{MODEL}": 0.9, "trivial/nearest": 0.1})
    rows = [
        row.model_copy(update={"origin": Origin.RECORDED}) if "demo/" in row.candidate else row
        for row in made.candidates
    ]
    path = f"projects/{demo.project.slug}/runs/{made.run}/run.toml"
    demo.context.store.update(path, RunResult, lambda run: run.model_copy(update={"candidates": rows}))
    app = demo.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await pilot.press("o")
        await wait_idle(pilot)
        assert isinstance(app.screen, RunsDialog)
        lines = [line for line in screen_text(app).splitlines() if "best " in line]
        assert sorted("  recorded," in line for line in lines) == [False, True], lines


async def test_each_answer_of_a_recording_says_so(demo: Loop, screen_text) -> None:
    app = demo.app("evaluate")
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        await pilot.press("G", "i")
        await wait_idle(pilot)
        text = screen_text(app)
        assert sum(
            f"demo/{MODEL}" in line and line.rstrip(" │▕▐█▂▃▄▅▆▇").endswith("recorded") for line in text.splitlines()
        )
        assert not any("trivial/" in line and "recorded" in line for line in text.splitlines())


async def test_a_recording_s_run_is_no_step_of_the_loop(demo: Loop) -> None:
    assert "measure the untuned baselines" in next_step(demo.context, demo.project)
    demo.measured()
    assert "Baselines are measured" in next_step(demo.context, demo.project)


async def test_costs_and_reasons_of_a_decision_say_recorded(demo: Loop, screen_text) -> None:
    app = demo.app("decide")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        app.screen._lines.go_to(f"cost demo/{MODEL}")
        await wait_idle(pilot)
        text = screen_text(app)
        assert "r recorded" in text
        assert any(line.startswith("▸ …gpt-4.1-mini-2025-04-14 $") and " r " in line for line in text.splitlines())
        assert "recorded answers of a replay" in text


async def test_a_reply_of_a_recording_says_so_also_when_it_is_read_again(demo: Loop, screen_text) -> None:
    for _ in range(2):
        app = demo.app("playground")
        async with app.run_test(size=(120, 40)) as pilot:
            await wait_idle(pilot)
            if app.screen.conversation.turns:
                assert "recorded · " in screen_text(app), "it was kept with the conversation"
                continue
            app.screen.conversation.models["left"] = f"demo/{MODEL}"
            await pilot.press(*"Add 2 and 2.", "enter")
            await wait_idle(pilot)
            assert "recorded · " in screen_text(app)


async def test_a_job_of_a_recording_says_so(demo: Loop, screen_text) -> None:
    app = demo.app("jobs")
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_idle(pilot)
        assert "· recorded" in screen_text(app)
