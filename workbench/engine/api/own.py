"""/ftwb/v1: what our own client asks of the engine beyond OpenAI's paths."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from workbench import __version__
from workbench.engine import PROTOCOL
from workbench.engine.api.bodies import Body, Hyperparameters, integer_query, parse, read_json
from workbench.engine.api.context import engine_of, is_private
from workbench.engine.api.errors import ApiError, invalid, not_found
from workbench.engine.api.numbers import NUMBERS, check_numbers
from workbench.engine.api.plain import plain
from workbench.engine.durable import is_disk_full
from workbench.engine.durable import read_json as read_document
from workbench.engine.export import export
from workbench.engine.hyperparameters import resolve
from workbench.engine.identity import boot_id, host_name
from workbench.engine.jobs import JobFolder, Status
from workbench.errors import WorkbenchError

ESTIMATED = ("max_length", "lora_r")
"""Settings that only the estimate reads, beside those that every job's arithmetic does."""
OPENAI_NAMES = ("n_epochs", "batch_size", "learning_rate_multiplier")


async def status(request: Request) -> JSONResponse:
    """The handshake: version, protocol, and what goes on."""
    engine = engine_of(request)
    states = [job.record.status for job in engine.jobs]
    return JSONResponse(
        {
            "version": __version__,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "host": host_name(),
            "boot_id": boot_id(),
            "started_at": engine.started_at,
            "socket": str(engine.socket) if is_private(request) else None,
            "listening": engine.listening(),
            "jobs": {
                "running": sum(state in (Status.RUNNING, Status.PAUSING) for state in states),
                "queued": sum(state in (Status.VALIDATING, Status.QUEUED) for state in states),
            },
            "models": list(engine.parts.hosts.loaded()),
        }
    )


async def methods(request: Request) -> JSONResponse:
    """What the interpreter (`trainer_python`, else the engine's) can train, with which settings."""
    engine = engine_of(request)
    python = request.query_params.get("trainer_python") or engine.config.trainer_python
    probe = await engine.parts.probe(python)
    return JSONResponse(
        {"methods": [plain(method) for method in probe.methods], "python": python, "versions": plain(probe.versions)}
    )


class Pull(Body):
    """POST pull."""

    model: str = Field(min_length=1)


async def pull(request: Request) -> StreamingResponse:
    """Fetch a model, a line of NDJSON for each bit of progress. Ending the request ends the fetching."""
    engine = engine_of(request)
    name = parse(Pull, await read_json(request)).model
    return StreamingResponse(_pulling(engine, name), media_type="application/x-ndjson")


async def _pulling(engine: Any, name: str) -> AsyncIterator[bytes]:
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(progress: Any) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, plain(progress))

    async def work() -> dict[str, Any]:
        try:
            folder = await engine.parts.models.pull(name, report)
        except WorkbenchError as error:
            return {"error": {"message": error.message, "code": error.code, "hint": error.hint}}
        except OSError as error:
            if not is_disk_full(error):
                raise
            hint = "free some space and try again"
            return {"error": {"message": f"{name}: the disk is full", "code": "disk_full", "hint": hint}}
        finally:
            loop.call_soon_threadsafe(lines.put_nowait, None)
        return {"phase": "ready", "id": folder.id, "path": str(folder.path)}

    task = asyncio.create_task(work())
    try:
        while (line := await lines.get()) is not None:
            yield json.dumps(line).encode() + b"\n"
        yield json.dumps(await task).encode() + b"\n"
    finally:
        task.cancel()


async def tokenizer(request: Request) -> JSONResponse:
    """Where a model's tokenizer is, and its template."""
    name = request.query_params.get("model", "")
    if not name:
        raise invalid("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    base = engine_of(request).registry.find(name).base
    return JSONResponse(
        {
            "path": str(base.path),
            "chat_template": base.chat_template,
            "bos_token": base.bos_token,
            "eos_token": base.eos_token,
            "max_length": base.max_length,
            "sha256": base.sha256,
        }
    )


async def devices(request: Request) -> JSONResponse:
    """What this machine can train on. Graphics cards are asked of the trainer's interpreter, not of this process."""
    memory = psutil.virtual_memory()
    cpu = {
        "kind": "cpu",
        "name": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_total": memory.total,
        "memory_free": memory.available,
    }
    engine = engine_of(request)
    probe = await engine.parts.probe(engine.config.trainer_python)
    return JSONResponse({"devices": [cpu], "cuda": bool(getattr(probe, "cuda", False))})


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def _job_named(request: Request, job_id: str) -> JobFolder:
    job = engine_of(request).jobs.get(job_id)
    if job is None:
        raise not_found("fine-tuning job", job_id, "job")
    return job


async def train_log(request: Request) -> PlainTextResponse:
    """The end of a trainer's log, as it is: control characters and all."""
    job = _job_named(request, request.query_params.get("job", ""))
    return PlainTextResponse(job.log_tail(integer_query(request, "tail", 200)))


async def manifest(request: Request) -> JSONResponse:
    """What made a model."""
    job = _job_named(request, request.query_params.get("job", ""))
    document = read_document(job.path / "manifest.json")
    if document is None:
        raise ApiError(
            404, f"The job {job.record.id} has not started: no manifest yet.", code="no_manifest", param="job"
        )
    return JSONResponse(document)


class Export(Body):
    """POST export."""

    job: str
    to: str = Field(min_length=1)
    merge: bool = False


async def export_job(request: Request) -> JSONResponse:
    """Copy a tuned model out."""
    asked = parse(Export, await read_json(request))
    engine = engine_of(request)
    job = _job_named(request, asked.job)
    merge = engine.parts.merge if asked.merge else None
    return JSONResponse(await export(job, engine.registry, Path(asked.to), merge=merge))


class Estimate(Body):
    """POST estimate."""

    model: str = Field(min_length=1)
    n_records: int = Field(ge=0)
    mean_tokens: float = Field(ge=0)
    max_tokens: float = Field(ge=0)
    settings: dict[str, Any] = Field(default_factory=dict)


async def estimate(request: Request) -> JSONResponse:
    """Whether model, data and settings fit the memory that is free, and how long it takes."""
    asked = parse(Estimate, await read_json(request))
    engine = engine_of(request)
    openai = parse(
        Hyperparameters, {name: value for name, value in asked.settings.items() if name in OPENAI_NAMES}
    ).model_dump(exclude_unset=True)
    others = {name: value for name, value in asked.settings.items() if name not in OPENAI_NAMES and value is not None}
    check_numbers(others, (*NUMBERS, *ESTIMATED), "settings")
    resolved = resolve(openai, others, asked.n_records)
    found = await engine.parts.estimate(
        engine.registry.base(asked.model),
        n_records=asked.n_records,
        mean_tokens=asked.mean_tokens,
        max_tokens=asked.max_tokens,
        settings=resolved.settings,
    )
    return JSONResponse(plain(found))


class Listen(Body):
    """POST listen."""

    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)
    api_key: str
    certfile: str | None = None
    keyfile: str | None = None
    insecure_http: bool = False


async def listen(request: Request) -> JSONResponse:
    """Answer on TCP too, until the engine ends."""
    asked = parse(Listen, await read_json(request))
    if not asked.api_key.strip() or not asked.api_key.isascii():
        raise invalid("A port is opened only with a key, of ASCII characters.", "api_key")
    host, port = await engine_of(request).listen(
        asked.host,
        asked.port,
        asked.api_key,
        certfile=Path(asked.certfile) if asked.certfile else None,
        keyfile=Path(asked.keyfile) if asked.keyfile else None,
        insecure_http=asked.insecure_http,
    )
    return JSONResponse({"host": host, "port": port})


class Shutdown(Body):
    """POST shutdown."""

    jobs: Literal["keep", "pause", "cancel"] = "keep"


async def shutdown(request: Request) -> Response:
    """Stop the engine: trainers run on, or are paused or cancelled first."""
    asked = parse(Shutdown, await read_json(request))
    engine_of(request).shut_down(asked.jobs)
    return JSONResponse({})


routes = [
    Route("/ftwb/v1/status", status, methods=["GET"]),
    Route("/ftwb/v1/methods", methods, methods=["GET"]),
    Route("/ftwb/v1/pull", pull, methods=["POST"]),
    Route("/ftwb/v1/tokenizer", tokenizer, methods=["GET"]),
    Route("/ftwb/v1/devices", devices, methods=["GET"]),
    Route("/ftwb/v1/log", train_log, methods=["GET"]),
    Route("/ftwb/v1/manifest", manifest, methods=["GET"]),
    Route("/ftwb/v1/export", export_job, methods=["POST"]),
    Route("/ftwb/v1/estimate", estimate, methods=["POST"]),
    Route("/ftwb/v1/listen", listen, methods=["POST"]),
    Route("/ftwb/v1/shutdown", shutdown, methods=["POST"]),
]
