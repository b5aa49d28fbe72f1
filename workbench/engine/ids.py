"""Ids in OpenAI's shapes."""

from __future__ import annotations

import hashlib
import re
import secrets

ORGANIZATION = "local"
"""What stands where OpenAI names an organization."""


def new_id(prefix: str) -> str:
    """A fresh random id, such as `file-1f…` or `ftjob-1f…`."""
    return f"{prefix}-{secrets.token_hex(12)}"


def derived_id(prefix: str, *parts: object) -> str:
    """The same id for the same parts: what is made twice after a kill is recognised as one."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()
    return f"{prefix}-{digest[:24]}"


def tuned_model_id(base: str, suffix: str | None, job_id: str) -> str:
    """`ft:BASE:local:SUFFIX:8hex`; the suffix is made safe for an id, the hex follows from the job."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", suffix or "").strip("-")
    tail = hashlib.sha256(job_id.encode()).hexdigest()[:8]
    return f"ft:{base}:{ORGANIZATION}:{slug}:{tail}"


def checkpoint_model_id(model_id: str, step: int) -> str:
    """The id under which one checkpoint of a tuned model answers."""
    return f"{model_id}:ckpt-step-{step}"


def split_checkpoint(model_id: str) -> tuple[str, int | None]:
    """A model id without its checkpoint tail, and the checkpoint's step or None."""
    match = re.fullmatch(r"(ft:.+):ckpt-step-(\d+)", model_id)
    return (match[1], int(match[2])) if match else (model_id, None)
