"""The commands that train rescued models again, here or at Azure, from what was saved of their jobs."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from workbench.catalog.models import lifecycle
from workbench.errors import WorkbenchError
from workbench.providers.request import beside_hyperparameters
from workbench.workflow.context import Context
from workbench.workflow.job_records import JobRecord, job_folder
from workbench.workflow.like import Pattern
from workbench.workflow.rescue import TunedModel, kept, rescue_folder

if TYPE_CHECKING:
    from workbench.providers.jobs import Job

_LOCAL_METHODS = ("sft",)
"""What our engine trains."""
_LOCAL_SETTINGS = ("n_epochs", "batch_size")
"""Hyperparameters that mean the same to our engine: a learning rate multiplier is one of an unknown rate."""
_HOSTED_SETTINGS = (
    *("n_epochs", "batch_size", "learning_rate_multiplier", "beta"),
    *("compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"),
)
Where = Literal["local", "azure"]
WAYS: Final[tuple[Where, ...]] = ("local", "azure")
"""Where a model can be trained again."""


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


def retrain_pattern(
    context: Context, profile: str, model: TunedModel, job: Job, where: Where, *, today: date | None = None
) -> Pattern:
    """The job that trains a model again here or at Azure, ready to be changed and created.

    Raises `WorkbenchError` that says why this way is closed.
    """
    document = str((job_folder(context, profile, job.id) / "job.toml").relative_to(context.home))
    record = context.store.read(document, JobRecord)
    train, validation = kept(context, record.train_sha256), kept(context, record.validation_sha256)
    if train is None:
        raise _closed(model, "its training file could not be had", "train from your own copy")
    if where == "local":
        if job.method not in _LOCAL_METHODS:
            raise _closed(model, f"locally: the engine has no method {job.method}")
        settings = _chosen(job, _LOCAL_SETTINGS)
        return Pattern("local", "starter", job.method, job.suffix, job.seed, settings, train, validation)
    known = lifecycle(model.base, "azure")
    method = "rft" if job.method == "reinforcement" else job.method
    if known is None:
        raise _closed(model, f"at Azure: {model.base} is not known to be offered there")
    if known.trainable(today or date.today()) is False or method not in known.methods:
        raise _closed(model, f"at Azure: {model.base} is not trained there with {job.method} (as of {known.as_of})")
    settings = _chosen(job, _HOSTED_SETTINGS)
    if job.method == "reinforcement":
        grader = beside_hyperparameters(context.profile(profile), job.method, job.raw).get("grader")
        if not grader:
            raise _closed(model, "at Azure: its grader has to be given again with --grader FILE")
        settings["grader"] = grader
    suffix = job.suffix.replace(".", "-")[:18] if job.suffix else None
    return Pattern("azure", model.base, job.method, suffix, job.seed, settings, train, validation)


def _closed(model: TunedModel, why: str, hint: str = "") -> WorkbenchError:
    return WorkbenchError(f"model {model.id}", why, hint, code="not_retrainable")


def _retraining(context: Context, profile: str, model: TunedModel, job: Job, today: date) -> Retraining:
    commands: dict[Where, str] = {}
    why: dict[str, None] = {}
    for where in WAYS:
        try:
            commands[where] = command_of(retrain_pattern(context, profile, model, job, where, today=today))
        except WorkbenchError as error:
            why[f"{error.why}: {error.hint}" if error.hint else error.why] = None
    return Retraining(model.id, job.id, commands.get("local"), commands.get("azure"), tuple(why))


def command_of(pattern: Pattern) -> str:
    """The command that creates the job of a pattern."""
    words = ["ftwb", "job", "create", "--profile", pattern.profile, "--model", pattern.model]
    words += ["--train", str(pattern.training_file)]
    words += ["--validation", str(pattern.validation_file)] if pattern.validation_file else []
    words += ["--method", pattern.method]
    words += ["--suffix", pattern.suffix] if pattern.suffix else []
    words += ["--seed", str(pattern.seed)] if pattern.seed is not None else []
    for name, value in pattern.settings.items():
        text = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"{name}={text}"]
    return shlex.join(words)


def _chosen(job: Job, names: tuple[str, ...]) -> dict[str, Any]:
    """The settings that were chosen rather than left to the provider."""
    found = {name: job.settings[name] for name in names if name in job.settings}
    return {name: value for name, value in found.items() if value not in ("auto", "default", None)}


def _comment(text: str) -> str:
    """A provider's text on one line."""
    return " ".join(text.split())
