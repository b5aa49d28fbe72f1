"""Two versions of a dataset: files, or the bytes that a job was trained on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.dataset.diff import How, changes_of, diff, format_of_sides
from workbench.dataset.record_diff import PartChange
from workbench.dataset.rows import open_rows
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context


@dataclass(frozen=True, slots=True)
class Changed:
    """One record that is in both versions and not the same."""

    line: int
    """In the new version, from 1."""
    line_before: int
    how: How
    """What says that it is the same record."""
    changes: tuple[PartChange, ...]
    """None where only its spelling differs."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The differences between two versions."""

    same: int
    """Records that are in both, byte for byte."""
    added: tuple[int, ...]
    """Lines of the new version."""
    removed: tuple[int, ...]
    """Lines of the old version."""
    changed: tuple[Changed, ...]
    reordered: bool
    """Whether records that are in both stand in another order."""


def compare_datasets(
    context: Context, old: str, new: str, progress: Callable[[int, int], None] | None = None
) -> Compared:
    """Compare two files; the 64 digits of a SHA-256 stand for the bytes that a job was trained on.

    `progress` gets rows read and rows in all.
    """
    with open_rows(_path(context, old)) as before, open_rows(_path(context, new)) as after:
        made = diff(before, after, progress=progress)
        changed = []
        for pair in made.changed:
            was, now = before.raw(pair.old), after.raw(pair.new)
            inside = changes_of(was, now, format_of_sides(was, now))
            changed.append(Changed(after.line(pair.new), before.line(pair.old), pair.how, tuple(inside)))
        return Compared(
            made.same,
            tuple(after.line(place) for place in made.added),
            tuple(before.line(place) for place in made.removed),
            tuple(changed),
            made.reordered,
        )


def _path(context: Context, text: str) -> Path:
    """A file, or the kept bytes with this SHA-256."""
    path = Path(text)
    if path.exists() or not re.fullmatch(r"[0-9a-f]{64}", text):
        return path
    kept = context.home / "data" / text
    if not kept.exists():
        raise WorkbenchError(text, "are no bytes that this workspace keeps", "see `ftwb job show ID`", code="not_found")
    return kept
