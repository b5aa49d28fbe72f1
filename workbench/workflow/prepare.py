"""Getting data ready: check, statistics, and the frozen copy that a job or a run was made on."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.dataset.rules import Report, check
from workbench.dataset.told import open_for_format
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.dataset.stats import Stats
    from workbench.dataset.tokens import Counter


def check_dataset(
    path: Path,
    *,
    profile: str | None = None,
    model: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    counter: Counter | None = None,
    against: Sequence[Path] = (),
    near: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Lint a dataset; without a profile only the rules that hold everywhere.

    `profile` is a profile's kind; `counter` (see `counter_of`) lets the rules about length apply. `against` are files
    that must not share a record or a question with this one; `near` looks for near copies too.
    """
    with open_for_format(path) as rows:
        return check(
            rows,
            profile=profile,
            model=model,
            select=select,
            ignore=ignore,
            counter=counter,
            against=against,
            near=near,
            progress=progress,
        )


def counter_of(context: Context, model: str | None) -> Counter:
    """What counts a model's tokens, offline: exact for OpenAI's encodings, an estimate for others."""
    from workbench.dataset.tokens import counter_for

    return counter_for(model, context.cache)


def dataset_stats(
    context: Context,
    path: Path,
    *,
    model: str | None = None,
    max_tokens: int | None = None,
    n_epochs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Stats:
    """Token counts, epochs and what a provider would bill; without a model by the cookbook's own constants.

    `progress` gets rows done and rows in all.
    """
    from workbench.dataset.stats import stats

    with open_for_format(path) as rows:
        return stats(rows, model, max_tokens, counter=counter_of(context, model), n_epochs=n_epochs, progress=progress)


def keep_bytes(context: Context, path: Path) -> str:
    """Keep the exact bytes of `path` under `data/<sha256>` of the workspace; returns the sha256.

    What a job was trained or a run was measured on stays readable after the file has moved on. The name is that of
    the bytes that were copied, also where somebody writes the file meanwhile.
    """
    folder = context.home / "data"
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if (folder / sha256).exists():
                return sha256
            file.seek(0)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _copied(file, folder)
    except OSError as error:
        place = error.filename or path
        raise WorkbenchError(
            str(place), f"cannot be kept ({error.strerror})", "check the path, its permissions and the free space"
        ) from error


def _copied(file: BinaryIO, folder: Path) -> str:
    """Copy what is left of `file` into `folder`, whole or not at all; returns its sha256, which is its name there."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".keeping-")
    try:
        with os.fdopen(handle, "w+b") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
            copy.seek(0)
            sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
        Path(name).replace(folder / sha256)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return sha256
