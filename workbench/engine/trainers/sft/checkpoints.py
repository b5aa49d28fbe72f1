"""Checkpoints: `checkpoints/step-N`, visible only when complete and on disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

KEEP = 3


def newest(job_dir: Path) -> Path | None:
    """The complete checkpoint with the most steps; what is visible is complete."""
    found = sorted((job_dir / "checkpoints").glob("step-*"), key=step_of)
    return found[-1] if found else None


def step_of(folder: Path) -> int:
    """N of `step-N`."""
    return int(folder.name.rpartition("-")[2])


def publish(source: Path, target: Path) -> None:
    """Move the finished folder `source` to `target`, everything in it on disk first.

    Raises OSError, also when the disk is full; `target` then does not exist.
    """
    for name in ("training_args.bin", "README.md"):  # a pickle, and a card that names paths of this machine
        (source / name).unlink(missing_ok=True)
    for path in sorted(source.rglob("*")):
        if path.is_file():
            sync(path)
    sync(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():  # left by a predecessor that died between saving and forgetting: the same step, the same state
        shutil.rmtree(source)
        return
    source.rename(target)
    sync(target.parent)


def prune(job_dir: Path, keep: int = KEEP) -> None:
    """Delete all checkpoints but the `keep` newest: renamed first, so that a half deleted one is never seen."""
    for folder in sorted((job_dir / "checkpoints").glob("step-*"), key=step_of)[:-keep]:
        doomed = folder.with_name(f".gone-{folder.name}")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def clean(job_dir: Path) -> None:
    """Delete what a killed predecessor left half done."""
    shutil.rmtree(job_dir / "scratch", ignore_errors=True)
    for leftover in (job_dir / "checkpoints").glob(".gone-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
