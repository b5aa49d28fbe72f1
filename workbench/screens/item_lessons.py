"""From an item of a run to a training record: the question before it, and the edit that makes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual import on, work
from textual.message import Message

from workbench.screens.aside import aside_sync
from workbench.screens.frame import Frame

if TYPE_CHECKING:
    from workbench.evaluate.grid import GridItem
    from workbench.evaluate.results import RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.teaching import Lesson

_LEAK: Final = """\
Training on what a model is tested with makes its score worthless: the model may know the answer by heart. ftwb finds \
the leak, and no verdict is given while it is there.

Better: write a new record about the same difficulty, with other words. Or take the item out of the test set first; \
the runs on the old test set cannot be compared with later ones then.

Add it to the training file all the same?"""
_CHOOSING: Final = """\
The validation side is what prompts, checkpoints and settings are chosen by; on records that were trained on, the \
choice is blind. Take it out of the validation file if you keep it in training.

Add it to the training file all the same?"""


class LessonFound(Message):
    """The record behind an item, before anything is added."""

    def __init__(self, lesson: Lesson) -> None:
        super().__init__()
        self.lesson = lesson


class LessonAdded(Message):
    """An item is a training record now."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Lessons(Frame):
    """A screen with an item under its cursor, which can become a training record."""

    def __init__(self, context: Context, project: Project, run: RunResult) -> None:
        super().__init__(context, project)
        self.run_result = run

    @property
    def item(self) -> GridItem | None:
        """The item under the cursor."""
        raise NotImplementedError

    def action_teach(self) -> None:
        """Add the item to the training file, after a question."""
        if self.item is not None:
            self.find_lesson(self.item)

    @work(exclusive=True, group="lesson", exit_on_error=False)
    async def find_lesson(self, item: GridItem) -> None:
        """Read the record behind the item."""
        from workbench.workflow.teaching import lesson_of, training_file

        training_file(self.project)
        find = partial(lesson_of, self.context, self.project, self.run_result, item.plain)
        self.post_message(LessonFound(await aside_sync(find)))

    @on(LessonFound)
    def ask_to_teach(self, message: LessonFound) -> None:
        """Nothing is added without a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog

        lesson = message.lesson
        test = lesson.side == "test"
        question = f"Item {lesson.number:,} is of the {lesson.side} set." + (
            " Training on it is a leak." if test else ""
        )
        dialog = ConfirmDialog(question, _LEAK if test else _CHOOSING)

        def answered(yes: bool | None) -> None:
            if yes:
                self.add_lesson(lesson)

        self.app.push_screen(dialog, answered)

    @work(group="lesson", exit_on_error=False)
    async def add_lesson(self, lesson: Lesson) -> None:
        """Through the Datasets screen where it has the file open, so that its list and its undo know of it."""
        from workbench.workflow.teaching import teach, training_file

        path = training_file(self.project)
        added = self._in_datasets(lesson)
        if not added:
            taught = await aside_sync(partial(teach, self.context, self.project, lesson))
            added = f"Record {taught.number:,} of {path.name} is the item. Not saved yet: Datasets (1), ctrl+s."
        self.post_message(LessonAdded(added))

    def _in_datasets(self, lesson: Lesson) -> str:
        """What to say where the Datasets screen adds it; empty where it has another file open."""
        from workbench.workflow.teaching import add_record, training_file

        screen_of: Callable[[str], Any] = getattr(self.app, "screen_of", lambda mode: None)
        datasets, path = screen_of("datasets"), training_file(self.project)
        if datasets is None or datasets.file is None or datasets.file.path != path:
            return ""
        datasets.edit(lambda file, view, at: partial(add_record, file.document, lesson), "Nothing was added.")
        return f"The item is added to {path.name} at its end. Not saved yet: Datasets (1), ctrl+s."

    @on(LessonAdded)
    def show_added(self, message: LessonAdded) -> None:
        """Say where it is."""
        self.notify(message.text, timeout=8, markup=False)
