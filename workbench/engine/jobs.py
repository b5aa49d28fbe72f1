"""The job folder: what a job is, on disk. One writer a file; job.json and control.json are the engine's."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.engine.durable import read_json, sync_folder, text, write_json
from workbench.engine.events import EventLog
from workbench.engine.identity import ProcessIdentity
from workbench.errors import WorkbenchError


class Status(StrEnum):
    """A job's states. `pausing` and `paused` are ours, the others OpenAI's."""

    VALIDATING = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
WITH_TRAINER = frozenset({Status.RUNNING, Status.PAUSING})

Want = Literal["run", "pause", "cancel"]


class _Document(BaseModel):
    """Unknown keys of a newer engine survive a rewrite by an older one."""

    model_config = ConfigDict(extra="allow")


class JobError(_Document):
    """Why a job failed, in OpenAI's shape."""

    code: str
    message: str
    param: str | None = None


class JobFailure(WorkbenchError):
    """A job cannot go on; its text and code become the job's error."""

    def __init__(self, message: str, code: str, param: str | None = None) -> None:
        message = text(message)
        super().__init__("the job", message, code=code)
        self.error = JobError(code=code, message=message, param=param)


class SourceFile(_Document):
    """A file whose exact bytes the job keeps."""

    id: str
    filename: str
    sha256: str
    bytes: int


class Launch(_Document):
    """One start of the trainer."""

    number: int
    at: float
    from_step: int
    """The newest checkpoint then, 0 for none."""
    pid: int | None = None
    start: float | None = None
    boot_id: str | None = None
    host: str | None = None

    def identity(self) -> ProcessIdentity | None:
        """The process that was started; None where the engine was killed before it could note it."""
        if self.pid is None or self.start is None or self.boot_id is None or self.host is None:
            return None
        return ProcessIdentity(self.host, self.boot_id, self.pid, self.start)


class JobRecord(_Document):
    """job.json: everything the engine knows of a job that is not in a file of the trainer."""

    schema_version: int = 1
    id: str
    created: float
    """Unix seconds with fractions: the queue's order."""
    status: Status = Status.VALIDATING
    model: str
    """The base model as it was asked for."""
    model_id: str
    """The id that the tuned model gets."""
    suffix: str | None = None
    seed: int
    method: str
    """The engine's name (sft, …)."""
    method_type: str
    """OpenAI's type (supervised, dpo)."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """OpenAI's names: as asked for, numbers once resolved."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Trainer settings as asked for."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """What the trainer of this interpreter takes for settings that nobody gave."""
    resolved: dict[str, Any] = Field(default_factory=dict)
    """Trainer settings as they went into settings.json."""
    trainer_python: str | None = None
    metadata: dict[str, str] | None = None
    training: SourceFile
    validation: SourceFile | None = None
    base: dict[str, Any] = Field(default_factory=dict)
    """id, path, sha256, template_sha256 of the base model."""
    prepared: dict[str, Any] | None = None
    """Counts of records and tokens, once the data was tokenized."""
    versions: dict[str, Any] = Field(default_factory=dict)
    """The trainer interpreter's version and packages."""
    launches: list[Launch] = Field(default_factory=list)
    device: str | None = None
    """What the trainer said it ran on."""
    deaths_without_progress: int = 0
    pauses: int = 0
    error: JobError | None = None
    finished: float | None = None
    trained_tokens: int | None = None
    result_files: list[str] = Field(default_factory=list)
    content_sha256: str | None = None
    """Of the tuned model: adapter and base together."""
    model_deleted: bool = False

    @property
    def terminal(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in TERMINAL


class JobFolder:
    """One job's folder, its record and its events, held in memory by the one engine that writes them."""

    def __init__(self, path: Path, record: JobRecord) -> None:
        self.path = path
        self.record = record
        self.events = EventLog(path / "events.jsonl", record.id)

    def update(self, **changes: Any) -> None:
        """Change the record, on disk first: a full disk leaves disk and memory as they were."""
        changed = self.record.model_copy(update=changes)
        write_json(self.path / "job.json", changed.model_dump(mode="json"))
        self.record = changed

    @property
    def want(self) -> Want:
        """What a person last asked for."""
        wanted = (read_json(self.path / "control.json") or {}).get("want")
        return wanted if wanted in ("pause", "cancel") else "run"

    @want.setter
    def want(self, wanted: Want) -> None:
        write_json(self.path / "control.json", {"want": wanted})

    def state(self) -> dict[str, Any]:
        """The trainer's state.json, {} where it has not written one."""
        return read_json(self.path / "state.json") or {}

    def checkpoints(self) -> dict[int, Path]:
        """The complete checkpoints by step, in order."""
        found: dict[int, Path] = {}
        with contextlib.suppress(FileNotFoundError):
            for entry in (self.path / "checkpoints").iterdir():
                step = entry.name.removeprefix("step-")
                if entry.name.startswith("step-") and step.isdigit() and entry.is_dir():
                    found[int(step)] = entry
        return dict(sorted(found.items()))

    def log_tail(self, lines: int, *, longest: int = 1 << 20) -> str:
        """The last lines of train.log, at most `longest` bytes of them; "" for no log."""
        try:
            with (self.path / "train.log").open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                stream.seek(max(0, size - longest))
                text = stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:]) if lines > 0 else ""


class JobStore:
    """All jobs of one engine folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._jobs: dict[str, JobFolder] = {}
        self.broken: dict[str, str] = {}
        """Folders whose job.json cannot be read, and why: shown in the log, left alone."""
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(".new-"):
                shutil.rmtree(path, ignore_errors=True)  # a creation that was never acknowledged
            elif path.name.startswith("ftjob-"):
                self._load(path)

    def _load(self, path: Path) -> None:
        try:
            self._jobs[path.name] = JobFolder(path, JobRecord.model_validate(read_json(path / "job.json")))
        except (ValidationError, OSError) as error:
            self.broken[path.name] = str(error).splitlines()[0]

    def __iter__(self) -> Iterator[JobFolder]:
        return iter(sorted(self._jobs.values(), key=lambda job: (job.record.created, job.record.id)))

    def get(self, job_id: str) -> JobFolder | None:
        """One job, None if there is none of that id."""
        return self._jobs.get(job_id)

    def create(self, record: JobRecord, sources: dict[str, Path]) -> JobFolder:
        """Make a job's folder, whole or not at all. `sources`: name in data/ → file whose bytes it keeps.

        Raises OSError (a full disk).
        """
        building = self.folder / f".new-{record.id}"
        try:
            (building / "data").mkdir(parents=True)
            for name, source in sources.items():
                _same_bytes(source, building / "data" / name)
            write_json(building / "control.json", {"want": "run"})
            write_json(building / "job.json", record.model_dump(mode="json"))
            final = building.rename(self.folder / record.id)
        except OSError:
            shutil.rmtree(building, ignore_errors=True)
            raise
        sync_folder(self.folder)
        job = JobFolder(final, record)
        self._jobs[record.id] = job
        return job

    def next_created(self) -> float:
        """A creation time later than that of every job: two jobs of one moment keep their order."""
        newest = max((job.record.created for job in self._jobs.values()), default=0.0)
        return max(time.time(), newest + 1e-4)


def _same_bytes(source: Path, target: Path) -> None:
    """A second name for the same bytes where the file system can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
