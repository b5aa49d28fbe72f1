"""Which models there are: base models on this machine, and those that jobs made. The job folders are the register."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.engine.finish import content_sha256
from workbench.engine.ids import checkpoint_model_id, split_checkpoint
from workbench.engine.jobs import JobFolder, JobStore, Status
from workbench.engine.parts import BaseModelFolder, BaseModels, Served
from workbench.errors import WorkbenchError


class NoSuchModel(WorkbenchError):
    """No model of that name can answer here."""

    code = "model_not_found"


class CannotDelete(WorkbenchError):
    """A model that is not deleted by this call."""

    code = "model_not_deletable"


class Registry:
    """Names to models."""

    def __init__(self, jobs: JobStore, models: BaseModels) -> None:
        self._jobs = jobs
        self._models = models
        self._checkpoint_sha256: dict[Path, str] = {}

    def base(self, name: str) -> BaseModelFolder:
        """A base model on this machine. Raises NoSuchModel, saying how to fetch it."""
        try:
            return self._models.resolve(name)
        except WorkbenchError as error:
            raise NoSuchModel(f"the model {name!r}", error.why, error.hint) from error

    def find(self, name: str) -> Served:
        """A base model, a tuned model or a checkpoint. Raises NoSuchModel."""
        if not name.startswith("ft:"):
            return self._served_base(self.base(name), name)
        model_id, step = split_checkpoint(name)
        for job in self._jobs:
            if job.record.model_id == model_id:
                served = self._tuned(job) if step is None else self._checkpoint(job, step)
                if served is not None:
                    return served
                if self._base_of(job) is None and not job.record.model_deleted:
                    base = job.record.model
                    raise NoSuchModel(
                        f"the model {name!r}",
                        f"its base model {base!r} is not here any more, or is another by now",
                        f"`ftwb model pull {base}`",
                    )
        raise NoSuchModel(f"the model {name!r}", "does not exist here", "`ftwb model list` shows those that do")

    def all(self) -> Iterator[Served]:
        """Base models, then tuned ones, newest first."""
        for folder in self._models.list():
            yield self._served_base(folder, folder.id)
        for job in reversed(list(self._jobs)):
            served = self._tuned(job)
            if served is not None:
                yield served

    def delete(self, name: str) -> list[str]:
        """Remove a tuned model's or a checkpoint's weights; the job's history stays. Raises a WorkbenchError.

        Returns the sha256 of each content that is gone: hosts have copies.
        """
        served = self.find(name)
        if served.kind == "base" or served.adapter is None:
            raise CannotDelete(f"the model {name!r}", "is a base model", "only fine-tuned models are deleted here")
        model_id, step = split_checkpoint(name)
        job = next(job for job in self._jobs if job.record.model_id == model_id)
        if not job.record.terminal:
            raise CannotDelete(f"the model {name!r}", "belongs to a job that is not over", "cancel the job first")
        if step is not None:
            shutil.rmtree(served.adapter)
            return [served.sha256]
        checkpoints = [self._checkpoint(job, one) for one in job.checkpoints()]
        job.update(model_deleted=True)  # first: weights that are half gone must not answer
        for part in ("model", "checkpoints"):
            shutil.rmtree(job.path / part, ignore_errors=True)
        return [one.sha256 for one in (served, *checkpoints) if one is not None]

    def _served_base(self, folder: BaseModelFolder, name: str) -> Served:
        try:
            created = int(folder.path.stat().st_mtime)
        except OSError:
            created = 0
        return Served(name, folder, None, folder.sha256, created, "base")

    def _base_of(self, job: JobFolder) -> BaseModelFolder | None:
        """A job's base model, None where it is gone or another by now."""
        try:
            folder = self._models.resolve(job.record.model)
        except WorkbenchError:
            return None
        return folder if folder.sha256 == job.record.base.get("sha256") else None

    def _tuned(self, job: JobFolder) -> Served | None:
        record = job.record
        if record.status is not Status.SUCCEEDED or record.model_deleted or record.content_sha256 is None:
            return None
        base = self._base_of(job)
        if base is None:
            return None
        created = int(record.finished or record.created)
        return Served(record.model_id, base, job.path / "model", record.content_sha256, created, "tuned")

    def _checkpoint(self, job: JobFolder, step: int) -> Served | None:
        folder, base = job.checkpoints().get(step), self._base_of(job)
        if folder is None or base is None or job.record.model_deleted:
            return None
        if folder not in self._checkpoint_sha256:
            self._checkpoint_sha256[folder] = content_sha256(base.sha256, folder)
        return Served(
            checkpoint_model_id(job.record.model_id, step),
            base,
            folder,
            self._checkpoint_sha256[folder],
            int(folder.stat().st_mtime),
            "checkpoint",
        )


def model_to_wire(served: Served) -> dict[str, Any]:
    """As OpenAI shapes a model, with ours beside it."""
    return {
        "id": served.id,
        "object": "model",
        "created": served.created,
        "owned_by": "local",
        "ftwb": {
            "kind": served.kind,
            "base": served.base.id if served.kind != "base" else None,
            "sha256": served.sha256,
            "host": None,
            "precision": None,
            "size": getattr(served.base.size, "bytes", served.base.size),
            "methods": ["sft"] if served.kind == "base" else [],
        },
    }
