"""Fine-tuning jobs of every provider: one shape, created once."""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.catalog.figure import Figure
from workbench.errors import WorkbenchError
from workbench.providers.errors import ProviderError, speaking, strange
from workbench.providers.pages import as_dict, pages
from workbench.providers.profiles import Profile
from workbench.providers.request import JobRequest, body
from workbench.providers.sent import SentFiles
from workbench.providers.uploads import AGAIN_S, READY_S, Uploaded, upload

if TYPE_CHECKING:
    import openai

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
"""No other status ends a job; all others, also ones nobody knows yet, mean that it goes on."""
RUN_KEY = "ftwb_run"
"""The metadata key that makes a job ours to find."""
LOOK_UP_S = (0.5, 2.0, 5.0)
"""When to look for a job after an ambiguous failure: lists lag behind."""
NOT_READY_S = 5.0
"""How often a job is tried whose file the provider still looks at."""
_NOT_READY = re.compile(r"\bnot (?:yet )?ready\b|\bstill being processed\b", re.IGNORECASE)
"""OpenAI: "File 'file-…' is still being processed and is not ready to be used for fine-tuning."."""

_METHODS = {"supervised": "sft"}
"""The API's names for what everybody calls otherwise."""


class JobError(BaseModel):
    """Why a job failed."""

    model_config = ConfigDict(extra="allow")

    code: str | None = None
    message: str | None = None
    param: str | None = None


class Job(BaseModel):
    """One fine-tuning job, as its provider last described it. Times are unix seconds."""

    model_config = ConfigDict(extra="allow", ser_json_inf_nan="constants")

    id: str
    profile: str
    model: str
    method: str = "sft"
    status: str = "unknown"
    """An open string: providers have more of them than the SDK knows."""
    created_at: int | None = None
    finished_at: int | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    error: JobError | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    """Hyperparameters ("auto" where the provider chooses) and trainer settings, flat."""
    cost: Figure = Field(default_factory=lambda: Figure.not_measured("USD", "no provider reports it"))
    suffix: str | None = None
    seed: int | None = None
    training_file: str | None = None
    validation_file: str | None = None
    result_files: list[str] = Field(default_factory=list)
    integrations: list[dict[str, Any]] = Field(default_factory=list)
    """Services that it reports to, as the API has them."""
    estimated_finish: int | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict)
    """The provider's answer with everything that has no field here."""
    replay: str | None = None
    """The recording that it is of; then every figure of it is *recorded*. None of a provider's job."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in TERMINAL

    @classmethod
    def from_api(cls, profile: Profile, raw: Mapping[str, Any]) -> Job:
        """A job from a provider's JSON, of which only `id` is taken for granted."""
        own, method = _table(raw.get("ftwb")), _table(raw.get("method"))
        kind = str(method.get("type") or "supervised")
        inner = _table(_table(method.get(kind)).get("hyperparameters"))
        hyper = {**_table(raw.get("hyperparameters")), **inner}
        return cls(
            id=str(raw["id"]),
            profile=profile.name,
            model=str(raw.get("model") or ""),
            method=str(own.get("method") or _METHODS.get(kind, kind)),
            status=str(raw.get("status") or "unknown"),
            created_at=_seconds(raw.get("created_at")),
            finished_at=_seconds(raw.get("finished_at")),
            fine_tuned_model=raw.get("fine_tuned_model") or None,
            trained_tokens=_seconds(raw.get("trained_tokens")),
            error=_error(_table(raw.get("error"))),
            settings={name: _auto(value) for name, value in hyper.items() if value is not None}
            | dict(_table(own.get("settings"))),
            suffix=raw.get("suffix") or raw.get("user_provided_suffix") or None,
            seed=_seconds(raw.get("seed")),
            training_file=raw.get("training_file") or None,
            validation_file=raw.get("validation_file") or None,
            result_files=[_file_id(item) for item in raw.get("result_files") or []],
            integrations=[dict(one) for one in raw.get("integrations") or [] if isinstance(one, Mapping)],
            estimated_finish=_seconds(raw.get("estimated_finish")),
            metadata={str(key): str(value) for key, value in _table(raw.get("metadata")).items()},
            raw=dict(raw),
            replay=profile.replay,
        )


class Checkpoint(BaseModel):
    """A state of the model in the middle of a job, usable as a model. Keys are OpenAI's."""

    model_config = ConfigDict(extra="allow")

    id: str
    created_at: int | None = None
    fine_tuned_model_checkpoint: str | None = None
    fine_tuning_job_id: str | None = None
    step_number: int | None = None
    metrics: dict[str, Any] = Field(default_factory=dict)


async def create_job(
    client: openai.AsyncOpenAI,
    profile: Profile,
    request: JobRequest,
    *,
    run_id: str | None = None,
    look_up_s: Sequence[float] = LOOK_UP_S,
    again_s: Sequence[float] = AGAIN_S,
    not_ready_s: float = NOT_READY_S,
    sent: SentFiles | None = None,
    progress: Callable[[Path | None, int, int], None] = lambda _path, _done, _total: None,
) -> Job:
    """Upload the files and create the job, once; with `sent` files that are at the provider already are used again.

    `progress` gets a file, its bytes that were sent and all of them; no file when the job is about to be created. What
    is cancelled before that leaves no job; after it the job is made, and returned, all the same.

    The creating call is never repeated. Where it is not known whether it arrived (the connection broke, the provider
    failed), the job is looked for by `run_id` in its metadata, elsewhere by its file and suffix. A `ProviderError` with
    code `create_unknown` means that even this did not tell.
    """
    run_id = run_id or uuid.uuid4().hex
    body(profile, request, training_file="", validation_file=None, metadata={})  # refuse before anything is uploaded

    async def uploaded(path: Path) -> Uploaded:
        def told(done: int, total: int) -> None:
            progress(path, done, total)

        return await upload(client, path, profile=profile, sent=sent, progress=told, again_s=again_s)

    training = await uploaded(request.training_file)
    validation = await uploaded(request.validation_file) if request.validation_file is not None else None
    metadata = {**request.metadata, RUN_KEY: run_id}
    # A file of several jobs does not tell which of them is ours: those that are there now are not.
    others = await _known_ids(client, profile) if training.reused and not profile.capabilities.find_by_metadata else ()
    what = "creating the job"
    sent_body = body(
        profile,
        request,
        training_file=training.id,
        validation_file=validation.id if validation else None,
        metadata=metadata,
    )
    progress(None, 0, 0)

    async def create(may_wait: bool) -> Job | None:
        """One try; None where the file is not ready yet and that may be waited for."""
        try:
            with speaking(profile, what, client):
                created = await client.with_options(max_retries=0).fine_tuning.jobs.create(**sent_body)
            return _job(profile, what, created)
        except ProviderError as error:
            if may_wait and error.status == 400 and _NOT_READY.search(error.why):
                return None
            if not error.ambiguous:
                raise
            return await _look_up(client, profile, error, run_id, training.id, others, look_up_s)

    began = time.monotonic()
    while True:
        trying = asyncio.ensure_future(create(time.monotonic() - began < READY_S))
        try:
            job = await asyncio.shield(trying)
        except asyncio.CancelledError:
            # The request is out: whoever let go of it now would have a job that nobody knows of, and that costs.
            job = await trying
            if job is None:
                raise
        if job is not None:
            return job
        await asyncio.sleep(not_ready_s)


async def _known_ids(client: openai.AsyncOpenAI, profile: Profile) -> frozenset[str]:
    return frozenset(job.id for job in await list_jobs(client, profile, limit=100))


async def list_jobs(client: openai.AsyncOpenAI, profile: Profile, *, limit: int | None = 100) -> list[Job]:
    """The newest jobs first, at most `limit` of them (None: all)."""
    if not profile.capabilities.jobs:
        return []
    found: list[Job] = []
    what = "listing jobs"
    first = client.fine_tuning.jobs.list(limit=min(limit or 100, 100))
    async for page in pages(first, profile, what, client):
        found += [_job(profile, what, item) for item in page]
        if limit is not None and len(found) >= limit:
            break
    return found[:limit]


async def find_jobs(client: openai.AsyncOpenAI, profile: Profile, key: str, value: str) -> list[Job]:
    """The jobs with this entry in their metadata, the newest first; none where the profile keeps no metadata."""
    if not profile.capabilities.metadata:
        return []
    if not profile.capabilities.find_by_metadata:
        listed = await list_jobs(client, profile, limit=100)
    else:
        first = client.fine_tuning.jobs.list(metadata={key: value}, limit=100)
        what = "looking for jobs"
        listed = [_job(profile, what, item) async for page in pages(first, profile, what, client) for item in page]
    return [job for job in listed if job.metadata.get(key) == value]


async def retrieve_job(client: openai.AsyncOpenAI, profile: Profile, job_id: str) -> Job:
    """The job as it is now."""
    with speaking(profile, f"job {job_id}", client):
        return _job(profile, f"job {job_id}", await client.fine_tuning.jobs.retrieve(job_id))


async def cancel_job(client: openai.AsyncOpenAI, profile: Profile, job_id: str) -> Job:
    """End the job for good; what it has trained so far stays as checkpoints."""
    with speaking(profile, f"cancelling {job_id}", client):
        return _job(profile, f"cancelling {job_id}", await client.fine_tuning.jobs.cancel(job_id))


async def pause_job(client: openai.AsyncOpenAI, profile: Profile, job_id: str) -> Job:
    """Stop the job so that it can go on later."""
    _needs_pause(profile)
    with speaking(profile, f"pausing {job_id}", client):
        return _job(profile, f"pausing {job_id}", await client.fine_tuning.jobs.pause(job_id))


async def resume_job(client: openai.AsyncOpenAI, profile: Profile, job_id: str) -> Job:
    """Let a paused job go on."""
    _needs_pause(profile)
    with speaking(profile, f"resuming {job_id}", client):
        return _job(profile, f"resuming {job_id}", await client.fine_tuning.jobs.resume(job_id))


async def list_checkpoints(client: openai.AsyncOpenAI, profile: Profile, job_id: str) -> list[Checkpoint]:
    """All checkpoints of a job, the newest first; none where the profile has none."""
    if not profile.capabilities.checkpoints:
        return []
    first = client.fine_tuning.jobs.checkpoints.list(job_id, limit=100)
    return [
        _checkpoint(as_dict(item))
        async for page in pages(first, profile, f"checkpoints of {job_id}", client)
        for item in page
    ]


async def _look_up(
    client: openai.AsyncOpenAI,
    profile: Profile,
    error: ProviderError,
    run_id: str,
    training_file: str,
    others: Collection[str],
    delays_s: Sequence[float],
) -> Job:
    """The job that an ambiguous creating call may have made: by its run, else the one of its file that is no other."""
    listed = False
    for delay in delays_s:
        await asyncio.sleep(delay)
        try:
            jobs = await _candidates(client, profile, run_id)
        except ProviderError:
            continue
        listed = True
        for job in jobs:
            ours = job.metadata.get(RUN_KEY)
            if ours == run_id or (ours is None and job.training_file == training_file and job.id not in others):
                return job
    if listed:
        raise ProviderError(
            error.what,
            f"{error.why}, and no such job is in the provider's list",
            "nothing seems to have started; run it again",
            code="create_failed",
        )
    raise ProviderError(
        error.what,
        f"{error.why}, and the provider's job list cannot be read",
        f"it may have started: before you try again, look with `ftwb job list` for the run {run_id}",
        code="create_unknown",
        ambiguous=True,
    )


async def _candidates(client: openai.AsyncOpenAI, profile: Profile, run_id: str) -> list[Job]:
    if not profile.capabilities.find_by_metadata:
        return await list_jobs(client, profile, limit=100)
    first = client.fine_tuning.jobs.list(metadata={RUN_KEY: run_id}, limit=100)
    what = "looking for the job"
    return [_job(profile, what, item) async for page in pages(first, profile, what, client) for item in page]


def _needs_pause(profile: Profile) -> None:
    if not profile.capabilities.pause:
        raise WorkbenchError(
            f"profile {profile.name}", "cannot pause jobs", "cancel it instead", code="not_supported", exit_code=2
        )


def _checkpoint(raw: dict[str, Any]) -> Checkpoint:
    metrics = {name: value for name, value in _table(raw.get("metrics")).items() if value is not None}
    return Checkpoint.model_validate(raw | {"metrics": metrics, "created_at": _seconds(raw.get("created_at"))})


def _job(profile: Profile, what: str, obj: Any) -> Job:
    if not getattr(obj, "id", None):
        raise strange(profile, what)
    try:
        return Job.from_api(profile, as_dict(obj))
    except ValidationError:  # a model that is a number, metadata that is a list
        raise strange(profile, what) from None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _error(raw: Mapping[str, Any]) -> JobError | None:
    """OpenAI sends `"error": {}`, others empty fields, with jobs that are well."""
    if not raw.get("code") and not raw.get("message"):
        return None
    return JobError.model_validate({key: None if value is None else str(value) for key, value in raw.items()})


def _auto(value: Any) -> Any:
    """Azure sends -1 for what it chooses itself."""
    return "auto" if value == -1 else value


def _seconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value)


def _file_id(item: Any) -> str:
    return str(item.get("id")) if isinstance(item, Mapping) else str(item)
