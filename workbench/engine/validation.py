"""The state `validating_files`: the base model is fetched, the data tokenized, every `auto` becomes a number."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.engine.durable import write_json
from workbench.engine.events import NewEvent
from workbench.engine.hyperparameters import resolve
from workbench.engine.jobs import JobFailure, JobFolder
from workbench.engine.launchers.environment import child_environment, interpreter_command
from workbench.engine.parts import BaseModelFolder, Parts
from workbench.errors import WorkbenchError

FREEZE_TIMEOUT_S = 120

_FREEZE = """
import importlib.metadata, json, platform, sys
packages = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
print(json.dumps({"python": platform.python_version(), "executable": sys.executable,
                  "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower()))}))
"""


async def validate(job: JobFolder, parts: Parts, default_python: str) -> None:
    """Make a job ready to train. Raises JobFailure with OpenAI's code and param; cancelling it ends its children."""
    record = job.record
    job.events.append([NewEvent("created", f"Created fine-tuning job: {record.id}", at=record.created)])
    if record.prepared:
        return  # a killed engine got this far
    base = await _base(job, parts)
    for name, source in (("training", record.training), ("validation", record.validation)):
        if source is not None:
            job.events.append([NewEvent(f"validating:{name}", f"Validating {name} file: {source.id}")])
    records = await asyncio.to_thread(count_lines, job.path / "data" / "train.jsonl")
    resolved = resolve(record.hyperparameters, record.settings, records)
    versions = await freeze(record.trainer_python or default_python)
    settings = {
        "method": record.method,
        "base": {"id": base.id, "path": str(base.path), "sha256": base.sha256},
        "train": "data/train.tokens.jsonl",
        "validation": "data/validation.tokens.jsonl" if record.validation else None,
        "settings": resolved.settings,
        "seed": record.seed,
        "model_id": record.model_id,
    }
    write_json(job.path / "settings.json", settings)
    prepared = await _prepare(job, parts)
    job.events.append(_warnings(prepared))
    job.update(
        base={
            "id": base.id,
            "path": str(base.path),
            "sha256": base.sha256,
            "template_sha256": hashlib.sha256((base.chat_template or "").encode()).hexdigest(),
        },
        hyperparameters=resolved.hyperparameters,
        resolved=resolved.settings,
        versions=versions,
        prepared=prepared,
    )


async def _base(job: JobFolder, parts: Parts) -> BaseModelFolder:
    """The base model's folder; one that is not here yet is fetched."""
    try:
        return parts.models.resolve(job.record.model)
    except WorkbenchError:
        job.events.append([NewEvent("fetching", f"Fetching the base model {job.record.model}")])
    try:
        return await parts.models.pull(job.record.model, lambda _progress: None)
    except WorkbenchError as error:
        raise JobFailure(str(error), error.code, "model") from error


def count_lines(path: Path) -> int:
    """The lines of a file that are not blank."""
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


async def _prepare(job: JobFolder, parts: Parts) -> dict[str, Any]:
    """Tokenize the data in a child process; its counts, or JobFailure."""
    status, out, err = await run_child([*parts.prepare, str(job.path)])
    answer = _last_json(out)
    if status == 0 and answer is not None:
        return answer
    error = (answer or {}).get("error")
    if isinstance(error, dict):
        raise JobFailure(
            str(error.get("message", "the data cannot be used")),
            str(error.get("code") or "invalid_training_file"),
            error.get("param"),
        )
    tail = "\n".join(err.decode("utf-8", "replace").splitlines()[-5:])
    raise JobFailure(f"preparing the data ended with status {status}: {tail}", "prepare_failed")


def _warnings(prepared: dict[str, Any]) -> Iterator[NewEvent]:
    """What a person should know of data that can be trained on."""
    for side, name in (("train", "training"), ("validation", "validation")):
        counts = prepared.get(side) or {}
        for what, text in (
            ("truncated", "were cut at max_length"),
            ("skipped", "have nothing to train and are left out"),
        ):
            if counts.get(what):
                message = f"{counts[what]} records of the {name} file {text}"
                yield NewEvent(f"{what}:{side}", message, level="warn")


def _last_json(out: bytes) -> dict[str, Any] | None:
    """The JSON object on the last line, None if there is none."""
    lines = out.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


async def run_child(command: list[str]) -> tuple[int, bytes, bytes]:
    """Exit status, stdout and stderr of a child, which is killed when the caller is cancelled."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment(),
    )
    try:
        out, err = await child.communicate()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return child.returncode or 0, out, err


async def freeze(python: str) -> dict[str, Any]:
    """Version and packages of an interpreter: {python, executable, packages}. Raises JobFailure if it does not run."""
    try:
        status, out, err = await asyncio.wait_for(
            run_child([*interpreter_command(python), "-c", _FREEZE]), timeout=FREEZE_TIMEOUT_S
        )
    except (OSError, TimeoutError) as error:
        raise JobFailure(f"{python} does not run: {error}", "launch_failed", "ftwb.trainer_python") from error
    answer = _last_json(out)
    if status != 0 or answer is None:
        tail = err.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise JobFailure(f"{python} does not run: {' '.join(tail)}", "launch_failed", "ftwb.trainer_python")
    return answer
