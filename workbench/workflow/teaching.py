"""From an item of a run to a training record: read as it was measured, written as an edit of the training file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.evaluate.results import ItemResult, RunResult, Side
from workbench.evaluate.task import TaskError, content_hash, load_items
from workbench.workflow.context import Context
from workbench.workflow.project import Project

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.dataset.rows import Change, Document


@dataclass(frozen=True, slots=True)
class Lesson:
    """The record behind an item, as it stands in the file that was measured on."""

    value: Mapping[str, Any]
    format: Format
    number: int
    """Of the item, from 1."""
    side: Side


@dataclass(frozen=True, slots=True)
class Taught:
    """A record that was added."""

    path: Path
    number: int
    """Of the new record, from 1."""
    change: Change


def training_file(project: Project) -> Path:
    """The project's training file; raises WorkbenchError where it names none."""
    path = project.files.get("train")
    if path is None:
        raise WorkbenchError(
            f"project {project.slug!r}", "names no training file", "give its task one, then try again", code="no_train"
        )
    return path


def lesson_of(context: Context, project: Project, run: RunResult, row: ItemResult) -> Lesson:
    """The record that an item of a run was made of.

    It is read from the bytes that the run kept, else from the file if that is still the same. Raises WorkbenchError,
    code `item_gone`, where neither has the item.
    """
    from workbench.dataset.rows import open_rows
    from workbench.dataset.told import told

    path = _measured_file(context, project, run)
    if path is not None:
        try:
            found = load_items(path, run.task.system, row.index + 1)
        except TaskError:
            found = []
        if len(found) > row.index and found[row.index].sha256 == row.sha256:
            with open_rows(path) as rows:
                value = rows.decode(row.index)
                assert isinstance(value, Mapping)  # an item was made of it just now
                return Lesson(value, told(rows).format, row.index + 1, run.side)
    raise WorkbenchError(
        f"item {row.index + 1} of {run.run}",
        "is not in the file any more that it was measured on",
        "measure again, then it can be found",
        code="item_gone",
    )


def _measured_file(context: Context, project: Project, run: RunResult) -> Path | None:
    kept = context.home / "data" / run.test_sha256
    if run.test_sha256 and kept.is_file():
        return kept
    named = [Path(path) for path in (run.task.test, run.task.validation) if path] + list(project.files.values())
    return next((path for path in named if path.is_file() and content_hash(path) == run.test_sha256), None)


def teach(context: Context, project: Project, lesson: Lesson) -> Taught:
    """Add the record at the end of the training file, as an edit that is not saved yet: Datasets shows and saves it.

    Raises WorkbenchError where the file cannot be edited, or the record cannot be one of its format without a loss.
    """
    from workbench.dataset.rows import open_document

    path = training_file(project)
    document = open_document(path, context.home / "journals")
    try:
        change = add_record(document, lesson)
        return Taught(path, change.position + 1, change)
    finally:
        document.close()


def add_record(document: Document, lesson: Lesson) -> Change:
    """The same on a file that is open already. Blocks until all its rows are found."""
    from workbench.dataset.formats import RecordError, convert
    from workbench.dataset.recipe.record import step_for_insert
    from workbench.dataset.rows import dump_like
    from workbench.dataset.told import told

    document.index_rest()
    target = told(document.rows).format
    try:
        converted = convert(lesson.value, lesson.format, target)
    except RecordError as error:
        raise _refused(document, lesson, target, str(error)) from error
    if converted.lost:
        raise _refused(document, lesson, target, f"would lose {converted.lost[0]}")
    raws = [dump_like(value, document.rows.raw(0)) for value in (converted.value, *converted.more)]
    at = len(document)
    title = f"item {lesson.number:,} of the {lesson.side} set as a training record"
    return document.insert(at, raws, title=title, step=step_for_insert(raws, at))


def _refused(document: Document, lesson: Lesson, target: Format, why: str) -> WorkbenchError:
    return WorkbenchError(
        f"item {lesson.number} as a record of {document.path.name} ({target.value})",
        why,
        "write it by hand in Datasets",
        code="cannot_convert",
    )
