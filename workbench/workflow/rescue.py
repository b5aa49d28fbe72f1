"""Rescue: what a provider still has of our fine-tuned models, brought home before it is switched off.

At the provider it only reads. What is on the disk already is not fetched again, so a rescue that broke off goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.catalog.encodings import base_name
from workbench.catalog.models import lifecycle
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.job_records import JobRecord, job_folder
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.train import bring_up_to_date

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workbench.providers.jobs import Job
    from workbench.providers.models import Model
    from workbench.providers.profiles import Profile


class TunedModel(BaseModel):
    """A fine-tuned model of a profile, and what of it is on our disk."""

    model_config = ConfigDict(frozen=True)

    id: str
    base: str
    retires: str | None = None
    """ISO date on which it stops answering; None where nobody says."""
    days_left: int | None = None
    """Negative once it has stopped."""
    saved: tuple[str, ...] = ()
    """Of `job`, `events`, `checkpoints`, `results`, `training file`, `validation file`, `answers`."""
    missing: tuple[str, ...] = ()
    """What could not be saved, and why, a sentence each."""
    job: str | None = None
    """The job that made it, where the provider still knows it."""
    source: str | None = None
    """Who says when it retires."""
    listed: bool = True
    """Whether the provider still lists it; its job may outlive it."""

    @property
    def answers(self) -> bool:
        """It can still be asked, as far as anybody knows."""
        return self.listed and (self.days_left is None or self.days_left > 0)


@dataclass(frozen=True)
class Inventory:
    """What a profile has, the most urgent first."""

    models: tuple[TunedModel, ...]
    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()
    """What could not be asked."""


def rescue_folder(context: Context, profile: str) -> Path:
    """Where files, answers and re-training commands of a profile are kept."""
    return context.home / "rescue" / profile


async def inventory(context: Context, name: str, *, today: date | None = None) -> Inventory:
    """A profile's fine-tuned models with the days they have left: two lists, nothing is downloaded."""
    from workbench.providers.jobs import list_jobs
    from workbench.providers.models import list_models

    profile, notes = context.profile(name), []
    async with await context.client(name) as client:
        asked = await asyncio.gather(
            list_models(client, profile), list_jobs(client, profile, limit=None), return_exceptions=True
        )
    models, jobs = asked
    for answer in asked:
        if isinstance(answer, BaseException):
            if not isinstance(answer, WorkbenchError) or all(isinstance(one, BaseException) for one in asked):
                raise answer
            notes.append(answer.message)
    found = _joined(
        profile,
        [] if isinstance(models, BaseException) else models,
        [] if isinstance(jobs, BaseException) else jobs,
        today or date.today(),
    )
    saved = [model.model_copy(update={"saved": saved_of(context, name, model)}) for model in found]
    return Inventory(tuple(saved), () if isinstance(jobs, BaseException) else tuple(jobs), tuple(notes))


async def save_everything(
    context: Context, name: str, found: Inventory, *, progress: Callable[[str], None] = lambda _: None
) -> Inventory:
    """Download the jobs, their events, checkpoints, result files and training files, as far as they may be had.

    What a provider refuses becomes a sentence in `missing`; only a provider that can no longer be reached at all ends
    it. Raises `WorkbenchError`.
    """
    profile = context.profile(name)
    missing: dict[str, tuple[str, ...]] = {}
    async with await context.client(name) as client:
        for number, job in enumerate(found.jobs, 1):
            progress(f"job {number} of {len(found.jobs)}: {job.id}")
            missing[job.id] = await _save_job(context, client, profile, job)
    return Inventory(
        tuple(
            model.model_copy(
                update={
                    "saved": saved_of(context, name, model),
                    "missing": missing.get(model.job or "", ("no job of it is listed any more",)),
                }
            )
            for model in found.models
        ),
        found.jobs,
        found.notes,
    )


def saved_of(context: Context, name: str, model: TunedModel) -> tuple[str, ...]:
    """What of a model is on the disk, by looking there."""
    from workbench.workflow.golden import answer_files

    answers = ("answers",) if answer_files(context, name, model.id) else ()
    if model.job is None:
        return answers
    folder = job_folder(context, name, model.job)
    record = context.store.read(str((folder / "job.toml").relative_to(context.home)), JobRecord)
    parts = {
        "job": (folder / "job.json").exists(),
        "events": (folder / "events.jsonl").exists(),
        "checkpoints": (folder / "checkpoints.jsonl").exists(),
        "results": any(folder.glob("result-*.csv")),
        "training file": kept(context, record.train_sha256) is not None,
        "validation file": kept(context, record.validation_sha256) is not None,
    }
    return (*(part for part, there in parts.items() if there), *answers)


def kept(context: Context, sha256: str | None) -> Path | None:
    """The bytes of that content under `data/`, if they are there."""
    path = context.home / "data" / sha256 if sha256 else None
    return path if path is not None and path.is_file() else None


def _joined(profile: Profile, models: Iterable[Model], jobs: Iterable[Job], today: date) -> list[TunedModel]:
    """Tuned models of both lists: a model may have outlived its job, a job its model."""
    made = {job.fine_tuned_model: job for job in reversed(list(jobs)) if job.fine_tuned_model}
    listed = {model.id: model for model in models if model.kind == "tuned"}
    found = []
    for name in dict.fromkeys([*listed, *made]):
        job, model = made.get(name), listed.get(name)
        base = (model.base if model else None) or (base_name(job.model) if job else base_name(name))
        retires: str | None = model.retires if model else None
        source: str | None = f"{profile.name}'s own list" if retires else None
        known = lifecycle(base, profile.kind) if profile.kind in ("openai", "azure") else None
        if retires is None and known is not None and known.tuned_retires:
            retires, source = known.tuned_retires.isoformat(), f"{known.source} (as of {known.as_of})"
        found.append(
            TunedModel(
                id=name,
                base=base,
                retires=retires,
                days_left=_days_left(retires, today),
                job=job.id if job else None,
                source=source,
                listed=model is not None,
            )
        )
    return sorted(found, key=lambda one: (one.days_left is None, one.days_left or 0, one.id))


def _days_left(retires: str | None, today: date) -> int | None:
    try:
        return (date.fromisoformat(retires) - today).days if retires else None
    except ValueError:  # a provider's own way of writing it
        return None


async def _save_job(context: Context, client: AsyncOpenAI, profile: Profile, job: Job) -> tuple[str, ...]:
    """Everything of one job; returns what could not be had."""
    folder, missing = job_folder(context, profile.name, job.id), list[str]()
    if not (job.ended and (folder / "events.jsonl").exists() and (folder / "job.json").exists()):
        with _telling(missing, "job and events"):
            await bring_up_to_date(context, client, profile, job.id)
    with _telling(missing, "checkpoints"):
        await _save_checkpoints(client, profile, job, folder)
    for file_id in job.result_files:
        path = folder / f"result-{_plain(file_id)}.csv"
        if not path.exists():
            with _telling(missing, f"result file {file_id}"):
                await _save_result(client, profile, file_id, path)
    hashes: dict[str, str] = {}
    for field, what, trained_on in (
        ("train_sha256", "training file", job.training_file),
        ("validation_sha256", "validation file", job.validation_file),
    ):
        if trained_on:
            with _telling(missing, f"{what} {trained_on}"):
                hashes[field] = await _save_training_file(context, client, profile, job, field, trained_on)
    document = str((folder / "job.toml").relative_to(context.home))
    if hashes or not context.store.exists(document):
        named = {"id": job.id, "profile": profile.name, "created_at": job.created_at or 0}

        def change(record: JobRecord) -> JobRecord:
            return record.model_copy(update={**(named if not record.id else {}), **hashes})

        context.store.update(document, JobRecord, change)
    return tuple(missing)


async def _save_checkpoints(client: AsyncOpenAI, profile: Profile, job: Job, folder: Path) -> None:
    from workbench.providers.jobs import list_checkpoints
    from workbench.workspace.lines import append_line

    path = folder / "checkpoints.jsonl"
    if path.exists() or not job.ended:
        return
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    for checkpoint in await list_checkpoints(client, profile, job.id):
        append_line(draft, checkpoint.model_dump(mode="json"))
    if draft.exists():
        draft.replace(path)


async def _save_result(client: AsyncOpenAI, profile: Profile, file_id: str, path: Path) -> None:
    from workbench.providers.downloads import plain_results, save_file

    draft = path.with_suffix(".download")
    try:
        await save_file(client, profile, file_id, draft)
        content = draft.read_bytes()
        plain = plain_results(content)
        if plain != content:
            draft.write_bytes(plain)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


async def _save_training_file(
    context: Context, client: AsyncOpenAI, profile: Profile, job: Job, field: str, file_id: str
) -> str:
    """The sha256 under which the file lies in `data/`: ours if we trained it, else downloaded."""
    from workbench.providers.downloads import save_file

    document = str((job_folder(context, profile.name, job.id) / "job.toml").relative_to(context.home))
    ours: str | None = getattr(context.store.read(document, JobRecord), field)
    if kept(context, ours) is not None:
        return str(ours)
    path = rescue_folder(context, profile.name) / "files" / f"{_plain(file_id)}.jsonl"
    if not path.exists():
        await save_file(client, profile, file_id, path)
    return await asyncio.to_thread(keep_bytes, context, path)


@contextlib.contextmanager
def _telling(missing: list[str], what: str) -> Iterator[None]:
    """What a provider refuses is told; a provider that is gone, and a full disk, end the rescue."""
    from workbench.providers.errors import ProviderError

    try:
        yield
    except ProviderError as error:
        if error.code in ("offline", "unauthorized"):
            raise
        missing.append(f"{what}: {error.why}")


def _plain(text: str) -> str:
    """An id as a file name: it comes from a server."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".") or "_"
