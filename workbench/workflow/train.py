"""Training: create, list and control jobs, for every profile through the same calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkbenchError
from workbench.providers.profiles import missing
from workbench.workflow.context import Context
from workbench.workflow.job_records import JobRecord, job_folder, keep_job, recorded_jobs
from workbench.workflow.prepare import keep_bytes

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.event_log import Event
    from workbench.providers.jobs import Checkpoint, Job
    from workbench.providers.profiles import Profile
    from workbench.providers.request import JobRequest

CREATING = "creating the job"
"""What is told when the files are there, and nothing can be taken back any more."""
WORTH_TELLING = 1_000_000
"""Bytes of a file whose upload is told."""
ATTACHED = "attached"
"""The profile that runs are listed under which we did not start; see `workflow.attach`."""
JobAction = Literal["cancel", "pause", "resume"]


@dataclass(frozen=True)
class JobList:
    """The jobs of all profiles, newest first, and the profiles that could not be asked."""

    jobs: tuple[Job, ...]
    unreachable: tuple[tuple[str, str], ...]
    """(profile, why)"""


async def create_job(
    context: Context,
    request: JobRequest,
    *,
    project: str | None = None,
    again: JobRecord | None = None,
    progress: Callable[[str], None] = lambda _: None,
    also: Callable[[Job], object] = lambda _: None,
) -> Job:
    """Create a job and keep its data and record; never blindly retried.

    `again` is the record of the job that this one repeats: its data came from the same files. `progress` gets a
    sentence about the upload. Cancelled while it uploads, the next try goes on there where the provider lets it.
    `also` keeps what belongs to the job; it comes before the record, so that a recorded job never lacks it.
    """
    from workbench.providers import jobs
    from workbench.providers.sent import SentFiles

    refuse_early(request, context.profile(request.profile))
    profile = context.complete_profile(request.profile)
    train, validation = request.training_file, request.validation_file
    record = JobRecord(
        profile=profile.name,
        train_sha256=await asyncio.to_thread(keep_bytes, context, train),
        validation_sha256=await asyncio.to_thread(keep_bytes, context, validation) if validation else None,
        train_path=again.train_path if again else str(train.absolute()),
        validation_path=again.validation_path if again else str(validation.absolute()) if validation else None,
        project=project,
        created_at=int(time.time()),
        settings=json.dumps(request.settings),
        again=(again.again or again.id) if again else None,
    )
    async with await context.client(request.profile) as client:
        sent = None if profile.replay else SentFiles(context.home / "uploads" / profile.name)
        job = await jobs.create_job(client, profile, request, sent=sent, progress=_told(progress))
    document = str((job_folder(context, job.profile, job.id) / "job.toml").relative_to(context.home))
    try:
        also(job)
        context.store.update(document, JobRecord, lambda _: record.model_copy(update={"id": job.id}))
        keep_job(context, job)
    except WorkbenchError as error:
        # Whoever took this for a job that was not created would pay for a second one.
        why = f"was created and runs, but could not be recorded here ({error.message})"
        raise WorkbenchError(f"job {job.id}", why, error.hint, code="job_not_recorded") from error
    return job


def _told(progress: Callable[[str], None]) -> Callable[[Path | None, int, int], None]:
    """How far an upload is, in a sentence; small files need none."""

    def told(path: Path | None, done: int, total: int) -> None:
        if path is None:
            progress(CREATING)
        elif total >= WORTH_TELLING:
            progress(f"uploading {path.name}: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB")

    return told


def refuse_early(request: JobRequest, profile: Profile) -> None:
    """Raise what makes the job impossible, before anything is started, asked or uploaded."""
    from workbench.providers.request import body

    for path in (request.training_file, request.validation_file):
        if path is None:
            continue
        if not path.is_file():
            raise WorkbenchError(str(path), "is not a file", "give the path of a JSONL file", code="unreadable")
        try:
            str(path.absolute()).encode()
        except UnicodeEncodeError:
            hint = "rename it: a job records the names of its files"
            raise WorkbenchError(repr(path), "is not valid Unicode", hint, code="not_unicode") from None
    body(profile, request, training_file="", validation_file=None, metadata={})


async def list_jobs(context: Context) -> JobList:
    """The jobs of every profile that is configured; recorded copies stand in for those that cannot be asked."""
    from workbench.providers import jobs

    seen: dict[str, Job] = {}
    unreachable: list[tuple[str, str]] = []
    for name, profile in context.profiles().items():
        if missing(profile, context.environ):
            continue
        try:
            async with await context.client(name) as client:
                for job in await jobs.list_jobs(client, profile):
                    seen[job.id] = job
        except WorkbenchError as error:
            unreachable.append((name, error.message))
    for job_id, recorded in recorded_jobs(context).items():
        seen.setdefault(job_id, recorded.job)
    newest_first = sorted(seen.values(), key=lambda job: (job.created_at or 0, job.id), reverse=True)
    return JobList(jobs=tuple(newest_first), unreachable=tuple(unreachable))


async def find_profile(context: Context, job_id: str) -> Profile:
    """The profile that a job belongs to: by our record, else by asking. A run that is only followed has none."""
    recorded = recorded_jobs(context).get(job_id)
    if recorded is not None:
        if recorded.job.profile == ATTACHED:
            why = "was not started by ftwb: it is followed, nothing more"
            raise WorkbenchError(f"run {job_id}", why, "use what started it", code="not_supported", exit_code=2)
        return context.profile(recorded.job.profile)
    listed = await list_jobs(context)
    for job in listed.jobs:
        if job.id == job_id:
            return context.profile(job.profile)
    asked = f"; could not ask {', '.join(name for name, _ in listed.unreachable)}" if listed.unreachable else ""
    raise WorkbenchError(
        f"job {job_id!r}", f"is not known to any profile{asked}", "see `ftwb job list`", code="unknown_job"
    )


async def with_job(context: Context, job_id: str, call: Callable[[AsyncOpenAI, Profile, str], Awaitable[Any]]) -> Any:
    """Call a provider function for a job on the profile it belongs to."""
    profile = await find_profile(context, job_id)
    async with await context.client(profile.name) as client:
        return await call(client, profile, job_id)


async def methods_of(context: Context, name: str) -> tuple[str, ...]:
    """What a profile trains with; of our own engine what its interpreter can, which it is asked for."""
    profile = context.profile(name)
    if profile.kind != "local":
        return profile.capabilities.methods
    answer: dict[str, Any] = await context.engine.call("GET", "methods")
    return tuple(str(method["name"]) for method in answer["methods"])


async def show_job(context: Context, job_id: str, *, stale: Callable[[WorkbenchError], None] = lambda _: None) -> Job:
    """The job as its provider has it now; our copy, and why to `stale`, where the provider cannot say."""

    from workbench.workflow.attach import attached, look

    if attached(context, job_id) is not None:
        return (await look(context, job_id)).job

    async def show(client: AsyncOpenAI, profile: Profile, job_id: str) -> Job:
        return (await bring_up_to_date(context, client, profile, job_id))[0]

    try:
        job: Job = await with_job(context, job_id, show)
    except WorkbenchError as error:
        recorded = recorded_jobs(context).get(job_id)
        if recorded is None:
            raise
        stale(error)
        return recorded.job
    return job


async def job_action(context: Context, job_id: str, action: JobAction) -> Job:
    """Cancel, pause or resume a job."""
    from workbench.providers import jobs

    calls = {"cancel": jobs.cancel_job, "pause": jobs.pause_job, "resume": jobs.resume_job}

    async def act(client: AsyncOpenAI, profile: Profile, job_id: str) -> Job:
        job = await calls[action](client, profile, job_id)
        with contextlib.suppress(WorkbenchError):  # it is done; what is not kept now is kept by the next look
            await bring_up_to_date(context, client, profile, job_id)
        return job

    job: Job = await with_job(context, job_id, act)
    return job


async def bring_up_to_date(
    context: Context, client: AsyncOpenAI, profile: Profile, job_id: str
) -> tuple[Job, list[Event]]:
    """Ask once for the job and the events that we have not, and keep both; returns the job and its whole history.

    A job is kept as ended only with the whole history beside it: whoever finds it so asks for nothing more.
    """
    from workbench.providers.errors import ProviderError
    from workbench.providers.event_log import EventLog
    from workbench.providers.events import poll_events
    from workbench.providers.jobs import retrieve_job

    log = EventLog(job_folder(context, profile.name, job_id))
    lease = log.lease()
    try:
        writing = lease.take()
        events = log.read_new()
        job = await retrieve_job(client, profile, job_id)
        try:
            fresh = await poll_events(client, profile, job_id, log.known, every_page=job.ended)
        except ProviderError:  # this provider has none, or not now
            fresh, writing = [], writing and not (job.ended and events)
        if writing:
            fresh = log.append(fresh)
            log.save_job(job)
        return job, events + fresh
    finally:
        lease.release()


async def checkpoints(context: Context, job_id: str) -> list[Checkpoint]:
    """The checkpoints of a job, newest first."""
    from workbench.providers import jobs

    found: list[Checkpoint] = await with_job(context, job_id, jobs.list_checkpoints)
    return found


async def checkpoint_candidates(context: Context, job_id: str) -> list[str]:
    """A job's checkpoints as candidates, the first step first, and the model that it made, as far as they are there."""
    profile = await find_profile(context, job_id)
    found = sorted(await checkpoints(context, job_id), key=lambda one: one.step_number or 0)
    names = [one.fine_tuned_model_checkpoint for one in found]
    names.append((await show_job(context, job_id)).fine_tuned_model)
    candidates = [f"{profile.name}/{name}" for name in dict.fromkeys(names) if name]
    if not candidates:
        raise WorkbenchError(f"job {job_id}", "has no checkpoint yet", "wait for one", code="no_checkpoint")
    return candidates


async def lineage(context: Context, job_id: str) -> dict[str, Any]:
    """What made a model: its manifest from the engine, and our own record of data and project."""
    recorded = recorded_jobs(context).get(job_id)
    profile = await find_profile(context, job_id)
    manifest: Any = None
    if profile.kind == "local":
        manifest = await context.engine.call("GET", "manifest", params={"job": job_id})
    return {
        "job": job_id,
        "profile": profile.name,
        "record": recorded.record.model_dump(mode="json") if recorded else None,
        "manifest": manifest,
    }


async def export_job(context: Context, job_id: str, to: Path, *, merge: bool) -> dict[str, Any]:
    """Copy a local job's adapter, or the merged model, into a folder, an absolute path."""
    profile = await find_profile(context, job_id)
    if profile.kind != "local":
        raise WorkbenchError(
            f"job {job_id!r}",
            f"was trained at {profile.name}, which gives no weights out",
            "only local models can be exported",
        )
    answer: dict[str, Any] = await context.engine.call("POST", "export", {"job": job_id, "to": str(to), "merge": merge})
    return answer
