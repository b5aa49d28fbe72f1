"""An item of a run as a training record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.dataset.rows import open_document
from workbench.errors import WorkbenchError
from workbench.evaluate.results import ItemResult, RunResult
from workbench.evaluate.task import content_hash, load_items
from workbench.workflow.context import Context
from workbench.workflow.prepare import keep_bytes
from workbench.workflow.project import Project, ProjectDocument, open_project
from workbench.workflow.teaching import Lesson, lesson_of, teach

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of Peru?"}]
RECORDS = [
    {"messages": [*CHAT, {"role": "assistant", "content": "Lima"}]},
    {"messages": [{"role": "user", "content": "Capital of Chile?"}, {"role": "assistant", "content": "Santiago"}]},
]
COMPLETION = {"prompt": "Capital of Cuba?", "completion": "Havana"}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A workspace in a folder of its own."""
    home = tmp_path / "home"
    return Context(home=home, cache=home / "cache", environ={})


@pytest.fixture
def project(context: Context, tmp_path: Path) -> Callable[..., Project]:
    """A project whose test file has two records, with this training file."""

    def make(*train: Any) -> Project:
        for name, records in (("test", RECORDS), ("train", train)):
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
        task = {name: str(tmp_path / f"{name}.jsonl") for name in ("test", "train")}
        document = ProjectDocument.model_validate({"title": "p", "task": task})
        context.store.update("projects/p/project.toml", ProjectDocument, lambda _: document)
        return open_project(context, "p")

    return make


def measured(project: Project, index: int, system: str | None = None) -> tuple[RunResult, ItemResult]:
    """A run on the test file as it is now, and an answer to one of its items."""
    task = project.task.model_copy(update={"system": system})
    item = load_items(str(task.test), system)[index]
    row = ItemResult(
        candidate="p/m", index=index, sha256=item.sha256, key="k", messages=list(item.messages), reference="x"
    )
    return RunResult(run="run-1", test_sha256=content_hash(str(task.test)), task=task), row


def added(context: Context, project: Project) -> Any:
    """The last record of the training file with its unsaved edits."""
    document = open_document(project.files["train"], context.home / "journals")
    try:
        return json.loads(document.raw(document.id_at(len(document) - 1)))
    finally:
        document.close()


@pytest.mark.parametrize("system", [None, "Answer in one word."])
def test_the_record_is_the_one_that_was_measured(context: Context, project: Callable[..., Project], system) -> None:
    """A task's own system prompt is no part of the file's record."""
    made = project(RECORDS[1])
    lesson = lesson_of(context, made, *measured(made, 0, system))
    assert (lesson.value, lesson.format.value, lesson.number, lesson.side) == (RECORDS[0], "chat", 1, "test")
    taught = teach(context, made, lesson)
    assert (taught.number, added(context, made)) == (2, RECORDS[0])


def test_the_bytes_that_the_run_kept_outlive_the_file(context: Context, project: Callable[..., Project]) -> None:
    """The file may have moved on; without kept bytes that is told."""
    made = project(RECORDS[1])
    run, row = measured(made, 0)
    test = made.files["test"]
    before = test.read_bytes()
    test.write_bytes(b"\n".join(before.splitlines()[1:]) + b"\n")
    with pytest.raises(WorkbenchError, match="not in the file any more"):
        lesson_of(context, made, run, row)
    test.write_bytes(before)
    keep_bytes(context, test)
    test.unlink()
    assert lesson_of(context, made, run, row).value == RECORDS[0]


def test_it_is_written_in_the_format_of_the_training_file(context: Context, project: Callable[..., Project]) -> None:
    """In the file's own style, also where all of its records were deleted just now."""
    made = project(COMPLETION)
    made.files["train"].write_text('{"prompt":"Capital of Cuba?","completion":"Havana"}\n')
    teach(context, made, lesson_of(context, made, *measured(made, 1)))
    assert added(context, made) == {"prompt": "Capital of Chile?", "completion": "Santiago"}
    document = open_document(made.files["train"], context.home / "journals")
    document.delete(document.ids(), title="all")
    document.close()
    taught = teach(context, made, lesson_of(context, made, *measured(made, 1)))
    assert taught.number == 1
    document = open_document(made.files["train"], context.home / "journals")
    assert document.raw(document.id_at(0)) == b'{"prompt":"Capital of Chile?","completion":"Santiago"}'
    document.close()


def test_what_cannot_be_converted_without_loss_is_refused(context: Context, project: Callable[..., Project]) -> None:
    """A preference file has no place for a record with one answer; nothing is added."""
    pair = {"prompt": "Hi", "chosen": "Hello", "rejected": "What"}
    made = project(pair)
    lesson = lesson_of(context, made, *measured(made, 1))
    with pytest.raises(WorkbenchError, match="item 2 as a record of train"):
        teach(context, made, lesson)
    assert added(context, made) == pair


def test_a_project_without_a_training_file_says_so(context: Context) -> None:
    """One sentence."""
    context.store.update("projects/p/project.toml", ProjectDocument, lambda _: ProjectDocument(title="p"))
    lesson = Lesson(RECORDS[0], None, 1, "test")  # type: ignore[arg-type]
    with pytest.raises(WorkbenchError, match="names no training file"):
        teach(context, open_project(context, "p"), lesson)


def test_a_file_that_is_being_edited_elsewhere_is_left_alone(context: Context, project: Callable[..., Project]) -> None:
    """And it is told who has it."""
    made = project(RECORDS[1])
    lesson = lesson_of(context, made, *measured(made, 0))
    document = open_document(made.files["train"], context.home / "journals")
    try:
        with pytest.raises(WorkbenchError, match="read-only here"):
            teach(context, made, lesson)
    finally:
        document.close()
