"""What a person asks for, as the body that a profile understands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from workbench.errors import WorkbenchError
from workbench.providers.profiles import Profile

_COMMON = frozenset({"n_epochs", "batch_size", "learning_rate_multiplier"})
HYPERPARAMETERS: Mapping[str, frozenset[str]] = {
    "sft": _COMMON,
    "dpo": _COMMON | {"beta"},
    "reinforcement": _COMMON | {"compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"},
}
"""OpenAI's names by method (published OpenAPI document, 2026-08-21)."""
_API_NAMES = {"sft": "supervised", "dpo": "dpo", "reinforcement": "reinforcement"}
_BESIDE = {"reinforcement": ("grader", "response_format")}
"""What stands beside the hyperparameters of a method, not in them."""


class JobRequest(BaseModel):
    """A job that a person wants."""

    profile: str
    model: str
    training_file: Path
    validation_file: Path | None = None
    method: str = "sft"
    suffix: str | None = None
    seed: int | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    """OpenAI's hyperparameters and trainer settings by their own names, flat."""
    metadata: dict[str, str] = Field(default_factory=dict)


def body(
    profile: Profile,
    request: JobRequest,
    *,
    training_file: str,
    validation_file: str | None,
    metadata: Mapping[str, str],
) -> dict[str, Any]:
    """The arguments of the SDK's `jobs.create`. Raises `WorkbenchError` naming what the profile does not take."""
    _check(profile, request)
    able = profile.capabilities
    names = HYPERPARAMETERS.get(request.method, _COMMON)
    hyper = {name: value for name, value in request.settings.items() if name in names}
    beside = {name: request.settings[name] for name in _BESIDE.get(request.method, ()) if name in request.settings}
    trainer = {name: value for name, value in request.settings.items() if name not in names and name not in beside}
    extra = {name: trainer.pop(name) for name in able.body_settings if name in trainer}
    sent: dict[str, Any] = {"model": request.model, "training_file": training_file}
    if able.method_style == "method":
        # A method that only we know is a supervised one to the API; the real name travels in `ftwb`.
        api_name = _API_NAMES.get(request.method, "supervised")
        sent["method"] = {"type": api_name, api_name: {**beside, **({"hyperparameters": hyper} if hyper else {})}}
    elif hyper:
        sent["hyperparameters"] = hyper
    if able.ftwb:
        extra["ftwb"] = {"method": request.method, "settings": trainer}
    optional = {"validation_file": validation_file, "suffix": request.suffix, "seed": request.seed}
    sent |= {name: value for name, value in optional.items() if value is not None}
    if able.metadata and metadata:
        sent["metadata"] = dict(metadata)
    if extra:
        sent["extra_body"] = extra
    return sent


def beside_hyperparameters(profile: Profile, method: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a job's JSON that are no hyperparameters: a grader, Azure's `trainingType`."""
    table = raw.get("method")
    name = _API_NAMES.get(method, "supervised")
    inner = table.get(name) if isinstance(table, Mapping) else None
    found = {key: inner[key] for key in _BESIDE.get(method, ()) if isinstance(inner, Mapping) and inner.get(key)}
    return found | {key: raw[key] for key in profile.capabilities.body_settings if raw.get(key) is not None}


def _check(profile: Profile, request: JobRequest) -> None:
    able, place = profile.capabilities, f"profile {profile.name}"
    if not able.jobs:
        raise _refused(place, "cannot train", "choose another one with --profile")
    if request.suffix is not None and not 1 <= len(request.suffix) <= able.suffix_max:
        raise _refused("the suffix", f"has {len(request.suffix)} characters", f"use 1 to {able.suffix_max}")
    if request.suffix and profile.kind == "azure" and "." in request.suffix:
        raise _refused("the suffix", "holds a dot, which Azure does not take", "use letters, digits and dashes")
    if able.ftwb:
        return  # our engine knows its trainer's settings and methods itself, and refuses by name
    if request.method not in able.methods:
        raise _refused(place, f"has no method {request.method!r}", f"it has {', '.join(able.methods)}")
    known = HYPERPARAMETERS.get(request.method, _COMMON) | {*_BESIDE.get(request.method, ()), *able.body_settings}
    if unknown := sorted(set(request.settings) - known):
        raise _refused(
            f"setting {unknown[0]!r}",
            f"profile {profile.name} does not take it",
            f"it takes {', '.join(sorted(known))}",
        )


def _refused(what: str, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(what, why, hint, code="not_supported", exit_code=2)
