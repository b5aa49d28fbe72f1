"""Getting data ready: check, statistics, and the frozen copy that a job or a run was made on."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.dataset.rows import open_rows
from workbench.dataset.rules import Report, check
from workbench.dataset.stats import Stats, stats
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context


def check_dataset(
    path: Path,
    *,
    profile: str | None = None,
    model: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Report:
    """Lint a dataset; without a profile only the rules that hold everywhere."""
    return check(open_rows(path), profile=profile, model=model, select=select, ignore=ignore)


def dataset_stats(context: Context, path: Path, *, model: str, max_tokens: int | None = None) -> Stats:
    """Token counts, epochs and what a provider would bill."""
    return stats(open_rows(path), model=model, max_tokens=max_tokens, cache=context.cache)


def keep_bytes(context: Context, path: Path) -> str:
    """Keep the exact bytes of `path` under `data/<sha256>` of the workspace; returns the sha256.

    What a job was trained or a run was measured on stays readable after the file has moved on.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise WorkbenchError(
            str(path), f"cannot be read ({error.strerror})", "check the path", code="unreadable"
        ) from error
    sha256 = digest.hexdigest()
    target = context.home / "data" / sha256
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{sha256}.{os.getpid()}")
        shutil.copyfile(path, temporary)
        temporary.replace(target)
    return sha256
