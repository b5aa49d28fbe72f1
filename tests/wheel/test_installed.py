"""What must hold wherever ftwb is installed: CI runs this folder, copied away, from the wheel in an empty directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.resources import samples_dir, styles_dir

A_FOREIGN_TEST = '''
"""A test in a repository of one's own."""


def test_the_jobs_look_as_they_did(ftwb_app, snap_compare):
    assert snap_compare(ftwb_app(project="demo", start="jobs"), terminal_size=(80, 24))


async def test_a_screen_in_an_app_of_ones_own(ftwb_pinned):
    from textual.app import App

    from workbench.screens.evaluate import EvaluateScreen
    from workbench.testing import wait_idle
    from workbench.workflow.context import open_context
    from workbench.workflow.project import open_project

    context = open_context(ftwb_pinned)
    project = open_project(context)

    class Mine(App[None]):
        def on_mount(self) -> None:
            self.push_screen(EvaluateScreen(context, project))

    async with Mine().run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        assert isinstance(pilot.app.screen, EvaluateScreen)
'''


def test_styles_and_samples_are_found() -> None:
    assert (styles_dir() / "tokens.tcss").is_file()
    assert (samples_dir() / "recipes" / "project.toml").is_file()


async def test_the_app_opens_and_changes_modes(ftwb_app) -> None:
    """The style sheets are in the wheel, and every mode's screen can be made."""
    from workbench.testing import wait_idle

    app = ftwb_app(project="demo", start="datasets")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        for key, mode in (("2", "evaluate"), ("3", "decide"), ("4", "jobs"), ("1", "datasets")):
            await pilot.press(key)
            await wait_idle(pilot)
            assert app.current_mode == mode


def test_in_a_foreign_repository_snapshots_pass_and_stay_stable(tmp_path: Path) -> None:
    """`pip install ftwb[test]` and a test of one's own: written once, it passes from then on."""
    (tmp_path / "test_mine.py").write_text(A_FOREIGN_TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}

    def pytest_run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environ | more, capture_output=True, text=True, timeout=300)

    written = pytest_run("--snapshot-update")
    assert list(tmp_path.rglob("*.svg")), written.stdout + written.stderr
    again = pytest_run()
    assert again.returncode == 0, again.stdout + again.stderr
    elsewhere = pytest_run(TZ="Asia/Tokyo", NO_COLOR="1", TEXTUAL_THEME="nord", COLUMNS="200")
    assert elsewhere.returncode == 0, elsewhere.stdout + elsewhere.stderr


@pytest.mark.starter
@pytest.mark.timeout(600)
def test_a_short_job_runs_to_its_end(tmp_path: Path) -> None:
    """Two real steps of the real model, from the command line, and a word with the result."""
    environ = os.environ | {"FTWB_HOME": str(tmp_path / "home")}

    def ftwb(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workbench.cli", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=500)

    try:
        train = str(samples_dir() / "clippy" / "train.jsonl")
        made = ftwb("job", "create", "--train", train, "--set", "max_steps=2", "--suffix", "short", "--wait", "--json")
        assert made.returncode == 0, made.stdout + made.stderr
        job = json.loads(made.stdout)
        assert job["status"] == "succeeded"
        said = ftwb("chat", "--model", f"local/{job['fine_tuned_model']}", "--max-tokens", "8", "--json", "Hello")
        assert json.loads(said.stdout)["completion_tokens"] > 0
    finally:
        stopped = ftwb("engine", "stop", "--jobs", "cancel")
    assert stopped.returncode == 0, stopped.stderr
