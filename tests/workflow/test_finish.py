"""The end of a job reaches who looks elsewhere, as far as they want it."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.jobs import Job
from workbench.workflow.config import Preferences
from workbench.workflow.context import Context
from workbench.workflow.finish import announcement, run_command, tell

JOB = Job(id="ftjob-1", profile="openai", model="m;\x1b]0;x\a", status="succeeded")
TERMINAL = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("bell", "notify", "environ", "said"),
    [
        (True, False, TERMINAL, "\a"),
        (False, False, TERMINAL, ""),
        (False, True, TERMINAL, "\x1b]9;ftwb: m,␛]0,x␇ succeeded\a"),
        (False, True, TERMINAL | {"TMUX": "/x"}, "\x1bPtmux;\x1b\x1b]9;ftwb: m,␛]0,x␇ succeeded\a\x1b\\"),
        (True, True, {"TERM": "dumb"}, "\a"),
    ],
)
def test_bell_and_notification_as_wanted(bell, notify, environ, said) -> None:
    """Each by its own setting; a model's name is shown, never obeyed."""
    assert announcement(JOB, Preferences(bell=bell, notify=notify), environ) == said


async def test_the_command_of_ones_own_knows_the_job(tmp_path) -> None:
    """Its id, state, model and profile are in its environment; no shell reads the line."""
    out = tmp_path / "told.json"
    code = "import json,os,sys; open(sys.argv[1],'w').write(json.dumps(dict(os.environ)))"
    command = f'{sys.executable} -c "{code}" {out}'
    run_command(JOB, Preferences(on_job_end=command), {"PATH": ""})
    async with asyncio.timeout(20):
        while not out.exists() or not out.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    told = json.loads(out.read_text())
    assert told["FTWB_JOB_ID"] == "ftjob-1"
    assert told["FTWB_JOB_STATUS"] == "succeeded"
    assert told["FTWB_JOB_PROFILE"] == "openai"


def context_with(tmp_path, **preferences: object) -> Context:
    """A workspace in which a person prefers something."""
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in preferences.items())
    (tmp_path / "config.toml").write_text(f"[preferences]\n{lines}")
    return Context(home=tmp_path, cache=tmp_path / "cache", environ=TERMINAL)


@pytest.mark.parametrize("command", ["/nowhere/at/all", "a 'b"])
def test_a_command_that_cannot_run_is_said(tmp_path, command) -> None:
    """With the setting that names it; the bell has rung before."""
    rung: list[str] = []
    context = context_with(tmp_path, on_job_end=command, notify=False)
    with pytest.raises(WorkbenchError, match=r"preferences\.on_job_end: cannot run"):
        tell(context, JOB, rung.append)
    assert rung == ["\a"]


def test_several_processes_tell_it_once(tmp_path) -> None:
    """Each its own `Context`, one workspace; another job is told of its own."""
    rung: list[str] = []
    told = [tell(context_with(tmp_path, notify=False), JOB, rung.append) for _ in range(3)]
    assert (told, rung) == ([True, False, False], ["\a"])
    assert tell(context_with(tmp_path, notify=False), JOB.model_copy(update={"id": "ftjob-2"}), rung.append)
    assert rung == ["\a", "\a"]


async def test_a_script_without_a_terminal_leaves_the_bell_to_one_that_has_it(tmp_path) -> None:
    """The command runs once all the same."""
    rung: list[str] = []
    out = tmp_path / "ran"
    context = context_with(tmp_path, on_job_end=f"{sys.executable} -c \"open('{out}','a').write('x')\"", notify=False)
    assert not tell(context, JOB, None)
    async with asyncio.timeout(20):
        while not out.exists() or not out.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    assert tell(context, JOB, rung.append)
    assert rung == ["\a"]
    assert sorted(path.name for path in (tmp_path / "jobs").rglob(".told-*")) == [".told-command", ".told-terminal"]


def test_where_nothing_can_be_kept_it_is_told(tmp_path) -> None:
    """Twice is better than never."""
    rung: list[str] = []
    context = context_with(tmp_path, notify=False)
    (tmp_path / "jobs").write_text("no folder")
    assert tell(context, JOB, rung.append)
    assert rung == ["\a"]
