"""The books of a job: its manifest, and what it leaves when it succeeds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.engine.durable import write_json
from workbench.engine.events import NewEvent
from workbench.engine.files import FileStore
from workbench.engine.hyperparameters import trained_tokens
from workbench.engine.identity import boot_id, host_name
from workbench.engine.ids import derived_id
from workbench.engine.jobs import JobFolder, JobRecord, Status
from workbench.engine.progress import Progress

RESULT_COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
"""The header of OpenAI's result files."""
_METRIC_OF = {"train_accuracy": "train_mean_token_accuracy"}


def result_csv(progress: Progress) -> bytes:
    """The metrics by step, as OpenAI's result file has them (plain, where OpenAI sends base64)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(RESULT_COLUMNS)
    for step, metrics in sorted(progress.metrics.items()):
        values = [metrics.get(_METRIC_OF.get(column, column), "") for column in RESULT_COLUMNS[1:]]
        if any(value != "" for value in values):
            writer.writerow([step, *values])
    return text.getvalue().encode()


def content_sha256(base_sha256: str, adapter: Path) -> str:
    """What a tuned model is: the base's content and the adapter's weights and configuration."""
    digest = hashlib.sha256(base_sha256.encode())
    for path in sorted(adapter.iterdir()):
        if path.suffix == ".safetensors":
            with path.open("rb") as stream:
                digest.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
        elif path.name == "adapter_config.json":
            configuration = json.loads(path.read_bytes())
            configuration.pop("base_model_name_or_path", None)  # a place, not content
            for value in configuration.values():
                if isinstance(value, list) and all(isinstance(item, str) for item in value):
                    value.sort()  # PEFT writes sets of module names in any order
            digest.update(json.dumps(configuration, sort_keys=True).encode())
    return digest.hexdigest()


def succeed(job: JobFolder, progress: Progress, files: FileStore) -> None:
    """Close a job whose trainer finished. Doing it twice (a kill in between) gives the same."""
    record = job.record
    result_id = derived_id("file", record.id, "results")
    files.add(
        result_csv(progress),
        file_id=result_id,
        filename="step_metrics.csv",
        purpose="fine-tune-results",
    )
    train = (record.prepared or {}).get("train") or {}
    tokens = trained_tokens(int(train.get("tokens", 0)), int(train.get("records", 0)), record.resolved)
    sha256 = content_sha256(str(record.base.get("sha256", "")), job.path / "model")
    job.events.append(
        [
            NewEvent("result-file", f"Created results file: {result_id}"),
            NewEvent("model", f"New fine-tuned model created: {record.model_id}"),
            NewEvent("succeeded", "The job has successfully completed"),
        ]
    )
    close(
        job,
        status=Status.SUCCEEDED,
        finished=progress.finished_at or time.time(),
        trained_tokens=tokens,
        result_files=[result_id],
        content_sha256=sha256,
        device=progress.device,
    )


def tokens_per_second(job: JobFolder, progress: Progress) -> float | None:
    """Tokens of the data that the newest launch trained on a second; None where it was too short to say."""
    started, finished, total = progress.started_at, progress.finished_at, progress.total_steps
    steps = total - progress.started_step
    if started is None or finished is None or steps < 5 or finished <= started:
        return None
    return (job.record.trained_tokens or 0) * steps / total / (finished - started)


def close(job: JobFolder, **changes: Any) -> None:
    """The last change of a job's record. The manifest comes first: a job that is over has a whole one."""
    changed = job.record.model_copy(update=changes)
    if changed.prepared:
        write_manifest(job, changed)
    job.update(**changes)


def write_manifest(job: JobFolder, record: JobRecord) -> None:
    """manifest.json: all that made the model, from the record complete once the job is over."""
    base = dict(record.base)
    template = base.pop("template_sha256", None)
    counts = record.prepared or {}
    document: dict[str, Any] = {
        "schema_version": 1,
        "job": record.id,
        "model_id": record.model_id,
        "base": {"requested": record.model, **base},
        "template": {"sha256": template},
        "data": {
            "train": {**record.training.model_dump(), **(counts.get("train") or {})},
            "validation": (
                {**record.validation.model_dump(), **(counts.get("validation") or {})} if record.validation else None
            ),
        },
        "method": record.method,
        "hyperparameters": record.hyperparameters,
        "settings": {**record.defaults, **record.resolved},
        "settings_given": record.settings,
        "seed": record.seed,
        "versions": record.versions,
        "trainer": {"python": record.trainer_python, "sha256": _folder_sha256(job.path / "code")},
        "host": {
            "name": host_name(),
            "boot_id": boot_id(),
            "platform": platform.platform(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
        },
        "device": record.device,
        "engine": {"version": __version__},
        "times": {
            "created": record.created,
            "started": record.launches[0].at if record.launches else None,
            "finished": record.finished,
        },
        "launches": [launch.model_dump() for launch in record.launches],
        "status": record.status,
        "result": {"sha256": record.content_sha256, "trained_tokens": record.trained_tokens},
        "metadata": record.metadata,
    }
    write_json(job.path / "manifest.json", document)


def _folder_sha256(folder: Path) -> str | None:
    """The content of a small folder of code; None where there is none."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
