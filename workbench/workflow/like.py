"""A job like an earlier one: its data, base, method, settings and seed as the start of a request to be changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.evaluate.task import content_hash
from workbench.workflow.context import Context
from workbench.workflow.job_records import JobRecord, RecordedJob, job_folder, recorded_jobs
from workbench.workflow.reproduce import settings_of
from workbench.workflow.train import find_profile

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.jobs import Job
    from workbench.providers.profiles import Profile
    from workbench.providers.request import JobRequest


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a new job begins with; the data may be missing."""

    profile: str
    model: str
    method: str = "sft"
    suffix: str | None = None
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    training_file: Path | None = None
    validation_file: Path | None = None
    missing: str | None = None
    """Why its data is not here, a sentence."""

    def request(self, *, unset: Collection[str] = (), **changes: Any) -> JobRequest:
        """The request with these changes; `settings` are laid over the job's own, less those in `unset`.

        Raises `WorkbenchError` where there is no training file.
        """
        from workbench.providers.request import JobRequest

        for name in unset:
            if name not in self.settings:
                held = ", ".join(sorted(self.settings)) or "nothing"
                why = "is not among the job's settings"
                raise WorkbenchError(f"setting {name!r}", why, f"it has {held}", code="usage", exit_code=2)
        own = {name: value for name, value in self.settings.items() if name not in unset}
        wanted = {name: value for name, value in changes.items() if value is not None}
        settings = own | dict(wanted.pop("settings", {}))
        training = wanted.pop("training_file", self.training_file)
        if training is None:
            raise WorkbenchError(
                "training file", self.missing or "is not given", "give it with --train", code="data_not_kept"
            )
        # Another training file has another validation side, and that of the job would judge what it did not see.
        validation = self.validation_file if training == self.training_file else None
        fields = {
            "profile": self.profile, "model": self.model, "method": self.method, "suffix": self.suffix,
            "seed": self.seed, "training_file": training, "validation_file": validation,
        }  # fmt: skip
        return JobRequest(**{**fields, **wanted, "settings": settings})


async def pattern_of(context: Context, job_id: str) -> Pattern:
    """A job of any state, of ours or of its provider's list, as a pattern."""
    from workbench.providers.jobs import retrieve_job
    from workbench.workflow.train import with_job

    profile = await find_profile(context, job_id)
    made = recorded_jobs(context).get(job_id)
    if made is None:

        async def ask(client: AsyncOpenAI, profile: Profile, job_id: str) -> Job:
            return await retrieve_job(client, profile, job_id)

        job = await with_job(context, job_id, ask)
        document = str((job_folder(context, profile.name, job_id) / "job.toml").relative_to(context.home))
        made = RecordedJob(context.store.read(document, JobRecord), job)
    return await asyncio.to_thread(pattern_from, context, made, profile)


def pattern_from(context: Context, made: RecordedJob, profile: Profile) -> Pattern:
    """The pattern of a job that is at hand. Reads its files to know them again."""
    job, record = made.job, made.record
    training = data_of(context, record.train_sha256, record.train_path)
    validation = data_of(context, record.validation_sha256, record.validation_path)
    missing = None if training else f"the data of job {job.id} is not kept in this workspace"
    return Pattern(
        job.profile, job.model, job.method, job.suffix, job.seed, settings_of(made, profile), training, validation,
        missing,
    )  # fmt: skip


def data_of(context: Context, sha256: str | None, path: str | None) -> Path | None:
    """A file of exactly that content: where it was, if it is still the same there, else the bytes that were kept."""
    if sha256 is None:
        return None
    kept = context.home / "data" / sha256
    for place in (Path(path) if path else None, kept):
        if place is not None and place.is_file() and content_hash(place) == sha256:
            return place
    return None
