"""What there is to say of a job, a name and a text each, for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.providers.integrations import named
from workbench.workflow.train import ATTACHED

if TYPE_CHECKING:
    from workbench.providers.jobs import Job

NOTHING = "-"


def facts(job: Job, when: Callable[[int | None], str]) -> list[tuple[str, str]]:
    """Names and texts in the order in which they are asked for; `when` writes unix seconds."""
    found = [
        ("id", job.id),
        ("profile", job.profile),
        ("model", job.model),
        ("method", job.method or NOTHING),
        ("status", job.status),
        *([("origin", f"recorded: it is of the recording {job.replay}")] if job.replay else []),
        ("created", when(job.created_at)),
        ("finished", when(job.finished_at)),
        ("tuned model", job.fine_tuned_model or NOTHING),
        ("trained tokens", f"{job.trained_tokens:,}" if job.trained_tokens else NOTHING),
    ]
    found += [("files", job.metadata["path"])] if job.profile == ATTACHED and "path" in job.metadata else []
    found += [("reports to", text) for text in named(job.integrations)]
    if job.settings:
        settings = (
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in job.settings.items()
        )
        found.append(("settings", " ".join(settings)))
    if job.seed is not None:
        found.append(("seed", str(job.seed)))
    if job.error:
        found.append(("error", job.error.message or job.error.code or NOTHING))
    return found
