"""Commands of Azure's own tools that do what we do; deployments have theirs in `arm`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

from workbench.providers.profiles import Profile, base_url

AZD = "azd ext install azure.ai.finetune"
"""What gives azd the commands about fine-tuning jobs."""
_SCOPE = "https://cognitiveservices.azure.com"


def deletion(
    profile: Profile, kind: Literal["file", "model"], name: str, environ: Mapping[str, str] = os.environ
) -> str:
    """The `az` command that deletes a file or a model of the data plane, which `az` has no command of its own for."""
    place = (base_url(profile, environ) or "https://RESOURCE.openai.azure.com/openai/v1/").rstrip("/")
    url = f"{place}/{kind}s/{quote(name, safe='')}"
    return shlex.join(["az", "rest", "--method", "delete", "--url", url, "--resource", _SCOPE])


def job_command(action: str, job_id: str) -> str:
    """The `azd` command that cancels, pauses, resumes or shows a job."""
    return shlex.join(["azd", "ai", "finetuning", "jobs", action, "--id", job_id])
