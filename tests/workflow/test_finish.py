"""The end of a job reaches who looks elsewhere, as far as they want it."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from workbench.errors import WorkbenchError
from workbench.providers.jobs import Job
from workbench.workflow.config import Preferences
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


@pytest.mark.parametrize("command", ["/nowhere/at/all", "a 'b"])
def test_a_command_that_cannot_run_is_said(command) -> None:
    """With the setting that names it; the bell has rung before."""
    rung = []
    with pytest.raises(WorkbenchError, match=r"preferences\.on_job_end: cannot run"):
        tell(JOB, Preferences(on_job_end=command, notify=False), TERMINAL, rung.append)
    assert rung == ["\a"]
