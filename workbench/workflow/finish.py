"""Telling a person who looks elsewhere that a job has ended: bell, notification, a command of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.terminal.escape import visible_line
from workbench.workflow.job_records import job_folder

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.config import Preferences
    from workbench.workflow.context import Context

BELL = "\a"


def announcement(job: Job, preferences: Preferences, environ: Mapping[str, str]) -> str:
    """What is written to the terminal: a bell, and OSC 9 with a sentence, as far as the person wants them.

    Inside tmux the sequence is wrapped, so that tmux hands it on; where TERM is dumb there is only the bell.
    """
    said = BELL if preferences.bell else ""
    if preferences.notify and environ.get("TERM", "") not in ("", "dumb", "linux"):
        text = f"ftwb: {ended_text(job)}".replace(";", ",")
        sequence = f"\x1b]9;{text}\a"
        said += f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if "TMUX" in environ else sequence
    return said


def ended_text(job: Job) -> str:
    """What ended how, in one line."""
    return visible_line(f"{job.fine_tuned_model or job.model} {job.status}")


def run_command(job: Job, preferences: Preferences, environ: Mapping[str, str]) -> None:
    """Start the person's own command, which knows the job by FTWB_JOB_ID, _STATUS, _MODEL and _PROFILE.

    No shell is involved, nobody waits for it. Raises WorkbenchError where it cannot start.
    """
    if not preferences.on_job_end:
        return
    told = {
        "FTWB_JOB_ID": job.id,
        "FTWB_JOB_STATUS": job.status,
        "FTWB_JOB_MODEL": job.fine_tuned_model or job.model,
        "FTWB_JOB_PROFILE": job.profile,
    }
    try:
        subprocess.Popen(
            shlex.split(preferences.on_job_end),
            env={**environ, **{name: value.replace("\0", "") for name, value in told.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no command line"
        hint = "check it with `ftwb config get preferences.on_job_end`"
        raise WorkbenchError("preferences.on_job_end", f"cannot run ({why.lower()})", hint) from None


def tell(context: Context, job: Job, write: Callable[[str], object] | None) -> bool:
    """All of it when a job has ended, once in all processes of a workspace; returns whether the terminal was told.

    `write` takes what goes to the terminal; None where there is none, which leaves that to a process that has one.
    """
    preferences = context.config.preferences
    folder = job_folder(context, job.profile, job.id)
    said = announcement(job, preferences, context.environ)
    told = write is not None and _claim(folder, "terminal")
    if told and said and write is not None:
        write(said)
    if preferences.on_job_end and _claim(folder, "command"):
        run_command(job, preferences, context.environ)
    return told


def _claim(folder: Path, what: str) -> bool:
    """Whether this is the first process that tells it. Where nothing can be written nobody knows: then it is told."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(folder / f".told-{what}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    except OSError:
        return True
    return True
