"""What a person asks for, as the body that a profile understands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from workbench.errors import WorkbenchError
from workbench.providers import integrations
from workbench.providers.graders import check_grader
from workbench.providers.hyperparameters import check_ranges, names_of
from workbench.providers.profiles import Profile

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
    names, settings = names_of(request.method), dict(request.settings)
    reports_to = integrations.checked(profile, settings.pop(integrations.SETTING, None))
    hyper = {name: value for name, value in settings.items() if name in names}
    beside = {name: settings[name] for name in _BESIDE.get(request.method, ()) if name in settings}
    trainer = {name: value for name, value in settings.items() if name not in names and name not in beside}
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
    if reports_to:
        sent["integrations"] = reports_to
    if able.metadata and metadata:
        sent["metadata"] = dict(metadata)
    if extra:
        sent["extra_body"] = extra
    return sent


def beside_hyperparameters(profile: Profile, method: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a job's JSON that are no hyperparameters: a grader, Azure's `trainingType`, integrations."""
    table = raw.get("method")
    name = _API_NAMES.get(method, "supervised")
    inner = table.get(name) if isinstance(table, Mapping) else None
    found = {key: inner[key] for key in _BESIDE.get(method, ()) if isinstance(inner, Mapping) and inner.get(key)}
    able = profile.capabilities
    beside = (*able.body_settings, *([integrations.SETTING] if able.integrations else []))
    return found | {key: raw[key] for key in beside if raw.get(key)}


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
    known = names_of(request.method) | {*_BESIDE.get(request.method, ()), *able.body_settings}
    if unknown := sorted(set(request.settings) - known - {integrations.SETTING}):
        raise _refused(
            f"setting {unknown[0]!r}",
            f"profile {profile.name} does not take it",
            f"it takes {', '.join(sorted(known))}",
        )
    if able.ranges:
        check_ranges(request.settings)
    if request.method == "reinforcement":
        if "grader" not in request.settings:
            raise _refused(
                "method reinforcement", "needs a grader", "name its file: `--grader FILE` or the form's field"
            )
        check_grader(request.settings["grader"])


def _refused(what: str, why: str, hint: str) -> WorkbenchError:
    return WorkbenchError(what, why, hint, code="not_supported", exit_code=2)
