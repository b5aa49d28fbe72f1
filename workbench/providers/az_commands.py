"""Commands of Azure's own tools that do what we do; deployments have theirs in `arm`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from workbench.providers.profiles import Profile, base_url

if TYPE_CHECKING:
    from workbench.providers.request import JobRequest

_JOBS = ("azd", "ai", "finetuning", "jobs")
"""Of azd's extension `azure.ai.finetune`."""
_AZD_NAMES = {"n_epochs": "epochs", "batch_size": "batch_size", "learning_rate_multiplier": "learning_rate_multiplier",
              "beta": "beta"}  # fmt: skip
"""Hyperparameters as its files call them."""
_AZD_METHODS = {"sft": "supervised", "dpo": "dpo"}
_SCOPE = "https://cognitiveservices.azure.com"


def deletion(
    profile: Profile, kind: Literal["file", "model"], name: str, environ: Mapping[str, str] = os.environ
) -> str:
    """The `az` command that deletes a file or a model of the data plane, which `az` has no command of its own for."""
    return shlex.join(_rest("delete", profile, f"{kind}s/{quote(name, safe='')}", environ))


def creation(profile: Profile, request: JobRequest, environ: Mapping[str, str] = os.environ) -> str:
    """The `az` command that creates a job of files that are at Azure already, whose ids have to be put in."""
    from workbench.providers.request import body

    validation = "VALIDATION-FILE-ID" if request.validation_file else None
    asked = body(profile, request, training_file="TRAINING-FILE-ID", validation_file=validation, metadata={})
    asked |= asked.pop("extra_body", {})
    words = _rest("post", profile, "fine_tuning/jobs", environ)
    return shlex.join([*words, "--body", json.dumps(asked, ensure_ascii=False)])


def _rest(method: str, profile: Profile, path: str, environ: Mapping[str, str]) -> list[str]:
    place = (base_url(profile, environ) or "https://RESOURCE.openai.azure.com/openai/v1/").rstrip("/")
    return ["az", "rest", "--method", method, "--url", f"{place}/{path}", "--resource", _SCOPE]


def job_command(action: str, job_id: str) -> str:
    """The `azd` command that cancels, pauses, resumes or shows a job."""
    return shlex.join([*_JOBS, action, "--id", job_id])


def submit_command(request: JobRequest) -> str | None:
    """The `azd` command that creates a job; None for what its files have no word for.

    Settings go through a file of its own, which is YAML: JSON is that too.
    """
    method = _AZD_METHODS.get(request.method)
    if method is None or not set(request.settings) <= set(_AZD_NAMES):
        return None
    train = f"local:{request.training_file}"
    validation = f"local:{request.validation_file}" if request.validation_file else None
    if method == "supervised" and not request.settings:
        given = {"--model": request.model, "--training-file": train, "--validation-file": validation,
                 "--suffix": request.suffix, "--seed": request.seed}  # fmt: skip
        words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return shlex.join([*_JOBS, "submit", *words])
    hyper = {_AZD_NAMES[name]: value for name, value in request.settings.items()}
    document = {"model": request.model, "training_file": train, "validation_file": validation,
                "suffix": request.suffix, "seed": request.seed,
                "method": {"type": method, method: {"hyperparameters": hyper}}}  # fmt: skip
    text = json.dumps({name: value for name, value in document.items() if value is not None}, ensure_ascii=False)
    return f"echo {shlex.quote(text)} > job.yaml && {shlex.join([*_JOBS, 'submit', '--file', 'job.yaml'])}"
