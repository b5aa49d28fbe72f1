"""The jobs that this workspace knows: our record of each beside its provider's, on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.providers.jobs import Job


class JobRecord(BaseModel):
    """`jobs/<profile>/<id>/job.toml`: what only we know of a job. Its state and events lie beside it (`EventLog`)."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    id: str = ""
    profile: str = ""
    train_sha256: str | None = None
    """Of the exact bytes, kept under `data/`."""
    validation_sha256: str | None = None
    train_path: str | None = None
    validation_path: str | None = None
    project: str | None = None
    created_at: int = 0
    settings: str | None = None
    """What was asked for, as JSON, before anybody filled in the rest; TOML has no null."""
    again: str | None = None
    """The job whose data and settings it repeats; see `workflow.reproduce`."""


@dataclass(frozen=True)
class RecordedJob:
    """A job as we keep it: our record, and the job as its provider last showed it."""

    record: JobRecord
    job: Job


def job_folder(context: Context, profile: str, job_id: str) -> Path:
    """Where our copy of a job lives. Ids come from servers: what is no plain name is replaced."""
    return context.home / "jobs" / profile / re.sub(r"[^A-Za-z0-9._-]", "_", job_id)


def keep_job(context: Context, job: Job) -> None:
    """Keep a job as its provider shows it now."""
    from workbench.providers.event_log import EventLog

    EventLog(job_folder(context, job.profile, job.id)).save_job(job)


def recorded_jobs(context: Context) -> dict[str, RecordedJob]:
    """Our copies of all jobs that were ever created or followed here, by job id."""
    from workbench.providers.event_log import EventLog

    found: dict[str, RecordedJob] = {}
    for path in sorted((context.home / "jobs").glob("*/*/job.json")):
        job = EventLog(path.parent).job()
        if job is not None:
            record = context.store.read(str((path.parent / "job.toml").relative_to(context.home)), JobRecord)
            found[job.id] = RecordedJob(record, job)
    return found
