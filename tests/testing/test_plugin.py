"""What others use to test our screens: it costs nothing where it is not used, and stays stable where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOREIGN = """
def test_jobs(ftwb_app, snap_compare):
    assert snap_compare(ftwb_app(project="demo", start="jobs"), terminal_size=(80, 24))

async def test_pilot(ftwb_app):
    from workbench.testing import wait_idle
    app = ftwb_app(project="demo", start="datasets", sample="tickets")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_idle(pilot)
        assert app.screen.file is not None
"""


def run_pytest(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """pytest in `folder`, as somebody who has ftwb installed."""
    import os

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=110, check=False
    )


def test_loading_the_plugin_imports_nothing_of_ours_or_textuals() -> None:
    """It is loaded in every pytest run of anyone who has ftwb installed."""
    code = (
        "import sys, workbench.testing.plugin;"
        "heavy = {'textual', 'openai', 'pydantic', 'torch', 'datasets', 'workbench.app', 'workbench.workflow'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_snapshot_in_a_repository_of_ones_own_passes_and_stays_stable(tmp_path: Path) -> None:
    """Made once; passes again on another day, in another zone, with a hostile environment."""
    (tmp_path / "test_mine.py").write_text(FOREIGN)
    made = run_pytest(tmp_path, "--snapshot-update")
    assert made.returncode == 0, made.stdout
    again = run_pytest(
        tmp_path, TZ="Pacific/Auckland", NO_COLOR="1", TEXTUAL_THEME="nord", COLUMNS="200", SSH_CONNECTION="a b c d"
    )
    assert again.returncode == 0, again.stdout
    assert "2 passed" in again.stdout


async def test_wait_idle_names_what_is_left(ftwb_app) -> None:
    """A hang is told with the worker's name, not by pytest's timeout."""
    import asyncio

    from workbench.testing import wait_idle

    app = ftwb_app()
    async with app.run_test() as pilot:
        await wait_idle(pilot)
        app.screen.run_worker(asyncio.Event().wait(), name="stuck")
        with pytest.raises(TimeoutError, match="stuck"):
            await wait_idle(pilot, timeout=0.05)


async def test_workers_that_follow_a_job_are_not_waited_for(ftwb_app) -> None:
    """They live as long as their screen."""
    import asyncio

    from workbench.testing import wait_idle

    app = ftwb_app()
    async with app.run_test() as pilot:
        app.screen.run_worker(asyncio.Event().wait(), group="follow")
        await wait_idle(pilot)


def test_the_fake_provider_comes_from_the_same_place() -> None:
    """Imported on first use."""
    import workbench.testing

    assert workbench.testing.FakeProvider.__name__ == "FakeProvider"
    with pytest.raises(AttributeError):
        workbench.testing.nothing_of_the_kind  # noqa: B018
