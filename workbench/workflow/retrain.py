"""The commands that train rescued models again, here or at Azure, from what was saved of their jobs."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog.models import lifecycle
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.rescue import TunedModel, kept, rescue_folder
from workbench.workflow.train import JobRecord, job_folder

if TYPE_CHECKING:
    from workbench.providers.jobs import Job

_LOCAL_METHODS = ("sft",)
"""What our engine trains."""
_LOCAL_SETTINGS = ("n_epochs", "batch_size")
"""Hyperparameters that mean the same to our engine: a learning rate multiplier is one of an unknown rate."""
_HOSTED_SETTINGS = ("n_epochs", "batch_size", "learning_rate_multiplier", "beta")


@dataclass(frozen=True, slots=True)
class Retraining:
    """How one model can be trained again."""

    model: str
    job: str
    local: str | None
    azure: str | None
    why_not: tuple[str, ...]
    """Why a way is closed, a sentence each."""


def retrainings(
    context: Context, profile: str, models: Iterable[TunedModel], jobs: Iterable[Job], *, today: date | None = None
) -> list[Retraining]:
    """A command for each way that is open to each model. They are only said: nothing is started."""
    by_id = {job.id: job for job in jobs}
    return [
        _retraining(context, profile, model, by_id[model.job], today or date.today())
        for model in models
        if model.job in by_id
    ]


def write_commands(context: Context, profile: str, found: Iterable[Retraining]) -> Path:
    """`rescue/<profile>/retrain.sh`: every command behind a `#`, to be chosen from."""
    lines = ["# Commands that train the rescued models again. Remove the # before those you want.", ""]
    for one in found:
        lines += [f"# {_comment(one.model)} (job {_comment(one.job)})"]
        lines += [f"#   {_comment(why)}" for why in one.why_not]
        lines += [f"# {command}" for command in (one.local, one.azure) if command] + [""]
    path = rescue_folder(context, profile) / "retrain.sh"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".retrain-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        Path(name).replace(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be written ({why})", "free some space", code="disk") from error
    return path


def _retraining(context: Context, profile: str, model: TunedModel, job: Job, today: date) -> Retraining:
    document = str((job_folder(context, profile, job.id) / "job.toml").relative_to(context.home))
    record = context.store.read(document, JobRecord)
    train, validation = kept(context, record.train_sha256), kept(context, record.validation_sha256)
    if train is None:
        return Retraining(
            model.id, job.id, None, None, ("its training file could not be had: train from your own copy",)
        )
    why: list[str] = []
    data = ["--train", str(train), *(["--validation", str(validation)] if validation else [])]
    local = azure = None
    if job.method in _LOCAL_METHODS:
        rest = _options(job, _LOCAL_SETTINGS, job.suffix)
        local = shlex.join(["ftwb", "job", "create", "--profile", "local", "--model", "starter", *data, *rest])
    else:
        why.append(f"locally: the engine has no method {job.method}")
    known = lifecycle(model.base, "azure")
    method = "rft" if job.method == "reinforcement" else job.method
    if known is None:
        why.append(f"at Azure: {model.base} is not known to be offered there")
    elif known.trainable(today) is False or method not in known.methods:
        why.append(f"at Azure: {model.base} is not trained there with {job.method} (as of {known.as_of})")
    elif job.method == "reinforcement":
        why.append("at Azure: its grader has to be given again with --grader FILE")
    else:
        suffix = job.suffix.replace(".", "-")[:18] if job.suffix else None
        rest = _options(job, _HOSTED_SETTINGS, suffix)
        azure = shlex.join(["ftwb", "job", "create", "--profile", "azure", "--model", model.base, *data, *rest])
    return Retraining(model.id, job.id, local, azure, tuple(why))


def _options(job: Job, names: tuple[str, ...], suffix: str | None) -> list[str]:
    """Method, suffix, seed, and the settings that were chosen rather than left to the provider."""
    options = ["--method", job.method]
    options += ["--suffix", suffix] if suffix else []
    options += ["--seed", str(job.seed)] if job.seed is not None else []
    for name in names:
        value = job.settings.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            options += ["--set", f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"]
    return options


def _comment(text: str) -> str:
    """A provider's text on one line."""
    return " ".join(text.split())
