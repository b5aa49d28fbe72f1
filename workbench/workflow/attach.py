"""Runs that we did not start: listed beside the jobs, their history kept and shown like a job's."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.job_records import job_folder, recorded_jobs
from workbench.workflow.train import ATTACHED

if TYPE_CHECKING:
    from workbench.providers.attached import Reading, Source
    from workbench.providers.event_log import Event, EventLog
    from workbench.providers.jobs import Job
    from workbench.workflow.follow import JobView

    Taken = tuple[Source, list[Reading]]

_REMOVED = ".removed-"
"""Folders that are on their way out; a killed removal is finished by the next one."""
QUIET_S = 600.0
"""A run that wrote nothing for so long is called quiet: its files do not say whether it goes on."""


def attached(context: Context, job_id: str) -> Job | None:
    """The attached run of that id, as it was last seen; None where there is none."""
    from workbench.providers.event_log import EventLog

    return EventLog(job_folder(context, ATTACHED, job_id)).job()


async def attach(context: Context, path: Path) -> JobView:
    """Take up the run at `path`: what it wrote so far is in our log when this returns.

    The same path is always the same run. Raises WorkbenchError where there is nothing that can be followed.
    """
    from workbench.providers.attached import open_source
    from workbench.providers.event_log import EventLog

    source = await asyncio.to_thread(open_source, path)
    job_id = run_id(source.path)
    log = EventLog(job_folder(context, ATTACHED, job_id))
    readings = await asyncio.to_thread(source.read_new)
    if not readings and source.kind == "log lines":
        why = "has no line with numbers such as {'loss': 0.4}"
        if log.job() is None and not source.path.stat().st_size == 0:
            raise WorkbenchError(str(source.path), why, "attach it when the run has reported", code="not_a_run")
    await asyncio.to_thread(log.save_job, _seen(source, job_id, log.job(), bool(readings)))
    return await look(context, job_id, taken=(source, readings))


def detach(context: Context, job_id: str) -> Job:
    """Forget an attached run: our record of it goes, the run and its files stay as they are. Returns what it was.

    Raises WorkbenchError where there is no such run; a job is not forgotten, since its provider still has it.
    """
    job = attached(context, job_id)
    if job is None:
        known = job_id in recorded_jobs(context)
        why = "is a job, not an attached run" if known else "is not attached"
        hint = "a job stays in the list as long as its provider has it" if known else "see `ftwb job list`"
        raise WorkbenchError(f"run {job_id}", why, hint, code="not_attached")
    jobs = context.home / "jobs"
    try:
        # Renamed first: whoever reads the list meanwhile finds all of it or nothing.
        job_folder(context, ATTACHED, job_id).rename(jobs / f"{_REMOVED}{uuid.uuid4().hex}")
        for left in jobs.glob(f"{_REMOVED}*"):
            shutil.rmtree(left)
    except OSError as error:
        why = f"cannot be removed ({(error.strerror or str(error)).lower()})"
        raise WorkbenchError(str(job_folder(context, ATTACHED, job_id)), why, "check its permissions") from error
    return job


async def look(context: Context, job_id: str, *, taken: Taken | None = None) -> JobView:
    """An attached run as its files are now, all of them read."""
    views = [view async for view in follow_attached(context, job_id, interval_s=0.0, once=True, taken=taken)]
    if not views:
        raise WorkbenchError(f"run {job_id}", "is not attached", "see `ftwb job list`", code="unknown_job")
    return views[-1]


async def follow_attached(
    context: Context, job_id: str, *, interval_s: float = 1.0, once: bool = False, taken: Taken | None = None
) -> AsyncIterator[JobView]:
    """Views of an attached run: what we have of it, then its files as they grow, until it is through.

    With `once` until its files have nothing new; `taken` is what was read of them just before. Of several that watch
    one run, one writes the log.
    """
    from workbench.providers.attached import open_source
    from workbench.providers.event_log import READ_AT_ONCE, EventLog
    from workbench.workflow.follow import Folding

    job = attached(context, job_id)
    if job is None:
        return
    folding = Folding(log := EventLog(job_folder(context, ATTACHED, job_id)))
    lease = log.lease()
    source: Source | None = None
    told: dict[str, set[tuple[int, float]]] | None = None
    last: JobView | None = None
    trouble: str | None = None
    try:
        while (kept := log.job()) is not None:  # else somebody detached it: nothing is written for it any more
            writing = await asyncio.to_thread(lease.take)
            new = await asyncio.to_thread(log.read_new, READ_AT_ONCE)
            folding.add(new)
            while last is None or new:  # the history, before the files are asked
                last = folding.view(job)
                yield last
                new = await asyncio.to_thread(log.read_new)
                folding.add(new)
            if writing and log.job() is not None:
                try:
                    if source is None:
                        source = await asyncio.to_thread(open_source, Path(job.metadata["path"]))
                        if job.ended and log.known and int(source.changed_at()) == job.finished_at:
                            return  # nobody wrote since: it need not be read again
                        told = {name: set(points) for name, points in folding.view(job).series.items()}
                    (source, readings), taken = taken or (source, await asyncio.to_thread(source.read_new)), None
                    added = await asyncio.to_thread(_kept, log, _untold(readings, told))
                    told = told if readings else None
                    seen = _seen(source, job_id, job, bool(added))
                    folding.add(added)
                    new, trouble = [*new, *added], None
                    if seen != job:
                        job = seen
                        await asyncio.to_thread(log.save_job, job)
                except WorkbenchError as error:
                    trouble = error.message
            else:
                job = kept
            view = folding.view(job, trouble)
            if last is None or new or (view.job, view.trouble) != (last.job, last.trouble):
                last = view
                yield view
            if not new and (once or job.ended):
                return
            await asyncio.sleep(0.0 if new else interval_s)
    finally:
        lease.release()


def _kept(log: EventLog, readings: list[Reading]) -> list[Event]:
    from workbench.providers.attached import event_of
    from workbench.providers.event_log import collecting_later

    with collecting_later():
        return log.append([event_of(one) for one in readings])


def _untold(readings: list[Reading], told: dict[str, set[tuple[int, float]]] | None) -> list[Reading]:
    """Without what the log has: files that are read from their start may cut a step into readings differently."""
    if not told:
        return readings
    found = []
    for one in readings:
        values = {name: value for name, value in one.values.items() if (one.step, value) not in told.get(name, ())}
        if values:
            found.append(replace(one, values=values))
    return found


def _seen(source: Source, job_id: str, before: Job | None, grew: bool = False) -> Job:
    """The run as a job: its files say no more than this."""
    from workbench.providers.jobs import Job

    changed = source.changed_at()
    done = source.finished and not grew
    status = "succeeded" if done else "running" if time.time() - changed < QUIET_S else "quiet"
    return Job(
        id=job_id,
        profile=ATTACHED,
        model="/".join(source.path.parts[-2:]).lstrip("/"),
        method="",
        status=status,
        created_at=before.created_at if before is not None else int(changed) or None,
        finished_at=int(changed) if done else None,
        metadata={"path": str(source.path), "kind": source.kind},
    )


def run_id(path: Path) -> str:
    """The id of the run at a real path."""
    return f"run-{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"
