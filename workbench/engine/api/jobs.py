"""/v1/fine_tuning/jobs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from workbench.engine.api.bodies import CreateJob, parse, read_json
from workbench.engine.api.context import engine_of, is_private, refuse_folders
from workbench.engine.api.errors import ApiError, from_workbench, invalid, not_found
from workbench.engine.api.numbers import NUMBERS, check_numbers
from workbench.engine.api.pages import page
from workbench.engine.api.plain import plain
from workbench.engine.hyperparameters import twice_given
from workbench.engine.ids import ORGANIZATION, checkpoint_model_id, derived_id, new_id, tuned_model_id
from workbench.engine.jobs import TERMINAL, JobFolder, JobRecord, SourceFile, Status
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.engine.daemon import Engine
    from workbench.engine.parts import Method

CANCEL_WAIT_S = 8.0
"""How long a cancel call waits for the trainer's end, so that its answer can already say `cancelled`."""


def job_to_wire(engine: Engine, job: JobFolder) -> dict[str, Any]:
    """As OpenAI shapes a job, with `ftwb` beside it."""
    record = job.record
    hyperparameters = {
        name: record.hyperparameters.get(name, "auto")
        for name in ("n_epochs", "batch_size", "learning_rate_multiplier")
    }
    if "beta" in record.hyperparameters:
        hyperparameters["beta"] = record.hyperparameters["beta"]
    running = record.status is Status.RUNNING
    return {
        "object": "fine_tuning.job",
        "id": record.id,
        "created_at": int(record.created),
        "finished_at": int(record.finished) if record.finished is not None else None,
        "status": str(record.status),
        "model": record.model,
        "fine_tuned_model": record.model_id if record.status is Status.SUCCEEDED else None,
        "organization_id": ORGANIZATION,
        "training_file": record.training.id,
        "validation_file": record.validation.id if record.validation else None,
        "result_files": record.result_files,
        "trained_tokens": record.trained_tokens,
        "error": record.error.model_dump(include={"code", "message", "param"}) if record.error else None,
        "hyperparameters": hyperparameters,
        "method": {"type": record.method_type, record.method_type: {"hyperparameters": hyperparameters}},
        "integrations": [],
        "seed": record.seed,
        "metadata": record.metadata,
        "estimated_finish": engine.queue.progress(job).estimated_finish() if running else None,
        "user_provided_suffix": record.suffix,
        "ftwb": {
            "method": record.method,
            "settings": record.settings,
            "resolved": record.resolved or None,
            "trainer_python": record.trainer_python,
            "base_sha256": record.base.get("sha256"),
            "training_sha256": record.training.sha256,
            "validation_sha256": record.validation.sha256 if record.validation else None,
            "model_deleted": record.model_deleted,
        },
    }


async def create(request: Request) -> JSONResponse:
    """Take a job in; validation and training come later."""
    engine = engine_of(request)
    asked = parse(CreateJob, await read_json(request))
    extra = asked.ftwb
    settings = dict(extra.settings) if extra else {}
    python = extra.trainer_python if extra else None
    if python is not None and not is_private(request):
        raise ApiError(
            403,
            "trainer_python names a program of this machine: only its own user may, not over TCP.",
            code="not_over_tcp",
            param="ftwb.trainer_python",
        )
    if asked.integrations:
        raise invalid("Invalid value for 'integrations': this engine reports to nobody else.", "integrations")
    if asked.model.startswith("ft:"):
        raise invalid(
            "Invalid value for 'model': this engine fine-tunes base models only.", "model", "model_not_tunable"
        )
    refuse_folders(request, asked.model)
    sources = {"training": _file(engine, asked.training_file, "training_file")}
    if asked.validation_file:
        sources["validation"] = _file(engine, asked.validation_file, "validation_file")
    method = await _method(engine, asked, python, settings)
    hyperparameters = _hyperparameters(asked)
    doubled = twice_given(hyperparameters, settings)
    if doubled:
        raise invalid(f"'{doubled}' is given twice, once as OpenAI's hyperparameter.", f"ftwb.settings.{doubled}")
    base_id = _base_id(engine, asked.model)
    job_id = new_id("ftjob")
    record = JobRecord(
        id=job_id,
        created=engine.jobs.next_created(),
        model=asked.model,
        model_id=tuned_model_id(base_id, asked.suffix, job_id),
        suffix=asked.suffix,
        seed=asked.seed if asked.seed is not None else secrets.randbelow(2**31),
        method=method.name,
        method_type=method.type,
        hyperparameters=hyperparameters,
        settings=settings,
        defaults=setting_defaults(method),
        trainer_python=python,
        metadata=asked.metadata,
        training=sources["training"],
        validation=sources.get("validation"),
    )
    names = {"training": "train.jsonl", "validation": "validation.jsonl"}
    job = engine.jobs.create(record, {names[side]: engine.files.path(file.id) for side, file in sources.items()})
    engine.queue.kick()
    return JSONResponse(job_to_wire(engine, job))


def _file(engine: Engine, file_id: str, param: str) -> SourceFile:
    """An uploaded file that may be trained on. Raises ApiError 400."""
    file = engine.files.get(file_id)
    if file is None:
        raise invalid(f"Invalid value for '{param}': there is no file {file_id!r}.", param, "file_not_found")
    if file.purpose != "fine-tune":
        raise invalid(f"Invalid value for '{param}': {file_id!r} has the purpose {file.purpose!r}.", param)
    return SourceFile(id=file.id, filename=file.filename, sha256=file.sha256, bytes=file.bytes)


def _base_id(engine: Engine, name: str) -> str:
    """The base model's id. Raises ApiError 400 for one that is neither here nor can be fetched without asking."""
    try:
        return engine.parts.models.resolve(name).id
    except WorkbenchError as error:
        if name == "starter":
            return name
        raise ApiError(
            400, f"The model {name!r} cannot be fine-tuned: {error}", code="model_not_found", param="model"
        ) from error


def _hyperparameters(asked: CreateJob) -> dict[str, Any]:
    """Those of the method or of the old top level. Raises ApiError 400 where both are given."""
    chosen = asked.method and (asked.method.supervised or asked.method.dpo)
    of_method = chosen.hyperparameters if chosen else None
    if of_method is not None and asked.hyperparameters is not None:
        raise invalid("'hyperparameters' is given twice; put it under 'method' only.", "hyperparameters")
    given = of_method or asked.hyperparameters
    return given.model_dump(exclude_unset=True) if given else {}


async def _method(engine: Engine, asked: CreateJob, python: str | None, settings: Mapping[str, Any]) -> Method:
    """The method that was asked for, if this interpreter can do it with these settings. Raises ApiError 400."""
    try:
        probe = await engine.parts.probe(python or engine.config.trainer_python)
    except WorkbenchError as error:
        raise from_workbench(error, "ftwb.trainer_python") from error
    can = {method.name: method for method in probe.methods}
    listed = ", ".join(f"{method.name} ({method.type})" for method in can.values()) or "nothing"
    wire_type = asked.method.type if asked.method else None
    name = asked.ftwb.method if asked.ftwb else None
    if name is not None and name not in can:
        raise invalid(f"Invalid value for 'ftwb.method': this engine can do {listed}, not {name!r}.", "ftwb.method")
    fitting = [method for method in can.values() if wire_type in (None, method.type) and name in (None, method.name)]
    if not fitting:
        raise invalid(
            f"Invalid value for 'method.type': this engine can do {listed}, not {wire_type!r}.", "method.type"
        )
    wrong_part = asked.method and next(
        (part for part in ("supervised", "dpo", "reinforcement") if part != wire_type and getattr(asked.method, part)),
        None,
    )
    if wrong_part:
        raise invalid(f"'method.{wrong_part}' does not belong to the type {wire_type!r}.", f"method.{wrong_part}")
    method = next((method for method in fitting if method.name == "sft"), fitting[0])
    try:
        engine.parts.check_settings(probe, method.name, settings)
    except WorkbenchError as error:
        setting = getattr(error, "setting", None)
        raise from_workbench(error, f"ftwb.settings.{setting}" if setting else "ftwb.settings") from error
    check_numbers(settings, NUMBERS, "ftwb.settings")
    return method


def setting_defaults(method: Method) -> dict[str, Any]:
    """A method's settings that have a default, as the probe tells them."""
    rows = [plain(row) for row in method.settings]
    return {str(row["name"]): row["default"] for row in rows if row.get("default") is not None}


def _job(request: Request) -> JobFolder:
    job_id = request.path_params["job_id"]
    job = engine_of(request).jobs.get(job_id)
    if job is None:
        raise not_found("fine-tuning job", job_id, "fine_tuning_job_id")
    return job


async def list_all(request: Request) -> JSONResponse:
    """Newest first; `metadata[k]=v` filters, `metadata=null` finds those without."""
    engine = engine_of(request)
    wanted: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        match = re.fullmatch(r"metadata\[(.+)\]", name)
        if match:
            wanted[match[1]] = value
    without = request.query_params.get("metadata") == "null"
    jobs = [
        job
        for job in reversed(list(engine.jobs))
        if wanted.items() <= (job.record.metadata or {}).items() and not (without and job.record.metadata)
    ]
    return page(request, jobs, lambda job: job.record.id, lambda job: job_to_wire(engine, job), default_limit=20)


async def retrieve(request: Request) -> JSONResponse:
    """One job."""
    return JSONResponse(job_to_wire(engine_of(request), _job(request)))


async def cancel(request: Request) -> JSONResponse:
    """End a job, whatever it does. Waits a little for the trainer's end."""
    engine, job = engine_of(request), _job(request)
    status = job.record.status
    if status in TERMINAL and status is not Status.CANCELLED:
        raise ApiError(
            400, f"The job {job.record.id} is already over: {status}.", code="job_over", param="fine_tuning_job_id"
        )
    if status is not Status.CANCELLED:
        engine.queue.ask(job, "cancel")
        await engine.queue.settled(job, CANCEL_WAIT_S, Status.CANCELLED)
    return JSONResponse(job_to_wire(engine, job))


async def pause(request: Request) -> JSONResponse:
    """Write a checkpoint and stop; `pausing` until that is done."""
    engine, job = engine_of(request), _job(request)
    if job.record.status in TERMINAL:
        raise ApiError(
            400, f"The job {job.record.id} is over: {job.record.status}.", code="job_over", param="fine_tuning_job_id"
        )
    if job.record.status not in (Status.PAUSED, Status.PAUSING):
        engine.queue.ask(job, "pause")
        if str(job.record.status) != Status.PAUSING:
            await engine.queue.settled(job, CANCEL_WAIT_S, Status.PAUSED)
    return JSONResponse(job_to_wire(engine, job))


async def resume(request: Request) -> JSONResponse:
    """Go on from the last checkpoint."""
    engine, job = engine_of(request), _job(request)
    if job.record.status not in (Status.PAUSED, Status.PAUSING):
        raise ApiError(
            400,
            f"The job {job.record.id} is not paused but {job.record.status}.",
            code="job_not_paused",
            param="fine_tuning_job_id",
        )
    engine.queue.ask(job, "run")
    return JSONResponse(job_to_wire(engine, job))


async def events(request: Request) -> JSONResponse:
    """Newest first."""
    newest_first = list(reversed(_job(request).events.all()))
    return page(request, newest_first, lambda event: str(event["id"]), lambda event: event, default_limit=20)


async def checkpoints(request: Request) -> JSONResponse:
    """Newest first; those whose weights are still there."""
    engine, job = engine_of(request), _job(request)
    progress = engine.queue.progress(job)
    record = job.record

    def to_wire(step: int) -> dict[str, Any]:
        at = progress.checkpoints.get(step)
        numbers = {key: value for key, value in progress.metrics.get(step, {}).items() if key in _CHECKPOINT_METRICS}
        return {
            "object": "fine_tuning.job.checkpoint",
            "id": derived_id("ftckpt", record.id, step),
            "created_at": int(at if at is not None else (job.path / "checkpoints").stat().st_mtime),
            "fine_tuned_model_checkpoint": checkpoint_model_id(record.model_id, step),
            "fine_tuning_job_id": record.id,
            "step_number": step,
            "metrics": {"step": step, **numbers},
        }

    steps = list(reversed(list(job.checkpoints())))
    return page(request, steps, lambda step: derived_id("ftckpt", record.id, step), to_wire, default_limit=10)


_CHECKPOINT_METRICS = frozenset(
    f"{side}_{what}" for side in ("train", "valid", "full_valid") for what in ("loss", "mean_token_accuracy")
)

_ONE = "/v1/fine_tuning/jobs/{job_id}"
routes = [
    Route("/v1/fine_tuning/jobs", create, methods=["POST"]),
    Route("/v1/fine_tuning/jobs", list_all, methods=["GET"]),
    Route(_ONE, retrieve, methods=["GET"]),
    Route(f"{_ONE}/cancel", cancel, methods=["POST"]),
    Route(f"{_ONE}/pause", pause, methods=["POST"]),
    Route(f"{_ONE}/resume", resume, methods=["POST"]),
    Route(f"{_ONE}/events", events, methods=["GET"]),
    Route(f"{_ONE}/checkpoints", checkpoints, methods=["GET"]),
]
