"""Training again: the exact data and settings of an earlier job, with the same seed or with others.

A repetition carries the id of the first job in its metadata (`ftwb_again`) and in our record, so that it is found
again: whoever asks for three seeds, is interrupted and asks again, trains what is missing and nothing twice.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.evaluate.candidates import Candidate, parse_candidate
from workbench.evaluate.task import content_hash
from workbench.workflow.context import Context
from workbench.workflow.follow import JobView, follow
from workbench.workflow.job_records import JobRecord, RecordedJob, keep_job, recorded_jobs
from workbench.workflow.quoting import Quote, quote_job
from workbench.workflow.train import create_job, find_profile

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.providers.profiles import Profile
    from workbench.providers.request import JobRequest

AGAIN = "ftwb_again"
"""The metadata key with the id of the job that is repeated."""
_CHECKPOINT = ":ckpt-step-"


@dataclass(frozen=True, slots=True)
class Siblings:
    """A tuned candidate and those that differ from it by nothing but the seed of their training."""

    candidate: str
    seeds: Mapping[str, int]
    """Seed by candidate, the candidate itself first."""


def recorded(context: Context, job_id: str) -> RecordedJob:
    """Our copy of a job; raises where we have none, for then we have not its data either."""
    found = recorded_jobs(context).get(job_id)
    if found is None:
        hint = "only a job that was created in this workspace can be trained again; see `ftwb job list`"
        raise WorkbenchError(f"job {job_id!r}", "is not recorded here", hint, code="unknown_job")
    return found


def request_again(context: Context, made: RecordedJob, seed: int | None = None) -> JobRequest:
    """The request of an earlier job with the bytes that were kept of its data; `seed` None keeps its own."""
    from workbench.providers.request import JobRequest

    job, record = made.job, made.record
    return JobRequest(
        profile=job.profile,
        model=job.model,
        training_file=_kept(context, job.id, record.train_sha256, "training"),
        validation_file=_kept(context, job.id, record.validation_sha256, "validation")
        if record.validation_sha256
        else None,
        method=job.method,
        suffix=job.suffix,
        seed=seed if seed is not None else job.seed,
        settings=settings_of(made, context.profile(job.profile)),
        metadata={AGAIN: record.again or job.id},
    )


def _kept(context: Context, job_id: str, sha256: str | None, side: str) -> Path:
    path = context.home / "data" / (sha256 or "unknown")
    if sha256 is None or not path.is_file() or content_hash(path) != sha256:
        why = f"the exact bytes of its {side} data are not kept in this workspace"
        raise WorkbenchError(f"job {job_id}", why, "train a new one with `ftwb job create`", code="data_not_kept")
    return path


def settings_of(made: RecordedJob, profile: Profile) -> dict[str, Any]:
    """What was asked for; what the provider chose itself it may choose again, from the same data.

    A job that was recorded before this was kept is asked for what its provider shows.
    """
    from workbench.providers.request import beside_hyperparameters

    job = made.job
    if made.record.settings is not None:
        settings: dict[str, Any] = json.loads(made.record.settings)
        return settings
    asked = {name: value for name, value in job.settings.items() if value != "auto"}
    return asked | beside_hyperparameters(profile, job.method, job.raw)


async def reproduce_job(
    context: Context,
    job_id: str,
    *,
    seed: int | None = None,
    agree: Callable[[Quote], None] = lambda _: None,
) -> Job:
    """Train once more what a recorded job trained, with its own seed or another.

    `agree` raises where it costs money that is not to be spent.
    """
    made = recorded(context, job_id)
    request = await asyncio.to_thread(request_again, context, made, seed)
    agree(await quote_job(context, request))
    return await create_job(context, request, project=made.record.project, again=made.record)


def other_base(first: Job, again: Job) -> str | None:
    """What a repetition cannot have kept: the base model's content, where the provider tells it."""
    before, now = (dict(job.raw.get("ftwb") or {}).get("base_sha256") for job in (first, again))
    if before and now and before != now:
        return f"the base model {first.model} is another one than {first.id} was trained on"
    return None


async def train_seeds(
    context: Context,
    candidate: str,
    count: int,
    *,
    agree: Callable[[Quote, int], None] = lambda _quote, _count: None,
    progress: Callable[[JobView, int, int], None] = lambda _view, _number, _count: None,
) -> Siblings:
    """Train a tuned candidate's job until `count` trainings with different seeds are there, itself among them.

    `agree` gets the price of all that is missing and how many those are; `progress` a job's view, its number and how
    many are waited for.
    """
    parsed = parse_candidate(candidate)
    made = job_of(context, parsed)
    if made is None:
        why = "no job that is recorded here made it, so it cannot be trained with other seeds"
        raise WorkbenchError(f"candidate {candidate}", why, "leave --seeds out", code="unknown_job", exit_code=2)
    family = await _family(context, made, count)
    own = _seed(made.job)
    wanted = [own, *(seed for seed in _seeds(family, made, own) if seed != own)][:count]
    missing = [seed for seed in wanted if seed not in family]
    if missing:
        requests = [await asyncio.to_thread(request_again, context, made, seed) for seed in missing]
        agree(_times(await quote_job(context, requests[0]), len(missing)), len(missing))
        for seed, request in zip(missing, requests, strict=True):
            family[seed] = await create_job(context, request, project=made.record.project, again=made.record)
    seeds: dict[str, int] = {}
    for number, seed in enumerate(wanted, 1):
        job = made.job if seed == own else await _ended(context, family[seed], number, len(wanted), progress)
        seeds[candidate if seed == own else _sibling(parsed, job)] = seed
    return Siblings(candidate, seeds)


def tuned_candidates(context: Context, candidates: Sequence[str]) -> list[str]:
    """Those of the candidates whose model a recorded job made."""
    jobs = recorded_jobs(context)
    return [text for text in candidates if job_of(context, parse_candidate(text), jobs) is not None]


def job_of(context: Context, candidate: Candidate, jobs: Mapping[str, RecordedJob] | None = None) -> RecordedJob | None:
    """The recorded job that made a candidate's model, or the checkpoint that it is."""
    model = candidate.model.split(_CHECKPOINT)[0]
    for made in (recorded_jobs(context) if jobs is None else jobs).values():
        if made.job.profile == candidate.profile and made.job.fine_tuned_model == model:
            return made
    return None


async def _family(context: Context, made: RecordedJob, count: int) -> dict[int, Job]:
    """The trainings that differ from a job by their seed alone, by seed: done or under way, wherever we hear of them.

    A job that was created just before a crash is known to its provider alone; it is asked unless `count` are here.
    """
    from workbench.providers import jobs as provider_jobs

    root = made.record.again or made.job.id
    known = recorded_jobs(context)
    found = {
        one.job.id: one.job
        for one in known.values()
        if one.job.profile == made.job.profile and root in (one.record.again, one.job.id)
    }
    if sum(job.status == "succeeded" for job in _by_seed(found, made)) < count:
        profile = await find_profile(context, made.job.id)
        async with await context.client(profile.name) as client:
            for job in await provider_jobs.find_jobs(client, profile, AGAIN, root):
                if job.id not in known:
                    _adopt(context, job, made.record, root)
                found[job.id] = job
    return {_seed(job): job for job in _by_seed(found, made)}


def _by_seed(jobs: Mapping[str, Job], made: RecordedJob) -> list[Job]:
    """One training a seed, none that ended badly; of the job's own seed the job itself."""
    usable = {_seed(job): job for job in jobs.values() if job.status not in ("failed", "cancelled")}
    return [*(usable | {_seed(made.job): made.job}).values()]


def _adopt(context: Context, job: Job, record: JobRecord, root: str) -> None:
    from workbench.workflow.job_records import job_folder

    document = str((job_folder(context, job.profile, job.id) / "job.toml").relative_to(context.home))
    ours = record.model_copy(update={"id": job.id, "again": root, "created_at": job.created_at or 0})
    context.store.update(document, JobRecord, lambda _: ours)
    keep_job(context, job)


def _seed(job: Job) -> int:
    return job.seed if job.seed is not None else 0


def _seeds(family: Mapping[int, Job], made: RecordedJob, own: int) -> Sequence[int]:
    """Those that are there, then the first free ones after the job's own."""
    there = sorted(family)
    free = (own + step for step in range(1, 1_000 + len(there)))
    return [*there, *(seed for seed in free if seed not in family)]


def _times(quote: Quote, count: int) -> Quote:
    cost, seconds = (
        figure if figure.value is None else figure.model_copy(update={"value": figure.value * count})
        for figure in (quote.cost, quote.seconds)
    )
    return dataclasses.replace(quote, cost=cost, seconds=seconds)


async def _ended(
    context: Context, job: Job, number: int, count: int, progress: Callable[[JobView, int, int], None]
) -> Job:
    """Wait for a training; it must end well."""
    if not job.ended:
        async for view in follow(context, job.id):
            job = view.job
            progress(view, number, count)
    if job.status != "succeeded" or not job.fine_tuned_model:
        why = f" ({job.error.message})" if job.error and job.error.message else ""
        hint = f"see `ftwb job events {job.id}`; asked again, that seed is trained anew"
        raise WorkbenchError(f"job {job.id} with seed {job.seed}", f"ended {job.status}{why}", hint, code="job_failed")
    return job


def _sibling(candidate: Candidate, job: Job) -> str:
    """The same candidate on a sibling's model, its checkpoint where the candidate is one."""
    _, mark, step = candidate.model.partition(_CHECKPOINT)
    return dataclasses.replace(candidate, model=f"{job.fine_tuned_model}{mark}{step}").text
