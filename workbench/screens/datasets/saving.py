"""Writing edits to the file, or to another one; and what to do when something else has changed the file."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from workbench.screens.datasets.analysing import Stopped
from workbench.screens.datasets.editing import Editing
from workbench.screens.datasets.opening import Opening

if TYPE_CHECKING:
    from workbench.dataset.rows import OutsideChange
    from workbench.screens.datasets.open_file import OpenFile
    from workbench.workflow.context import Context
    from workbench.workflow.keeping import Kept
    from workbench.workflow.project import Project


class FileSaved(Message):
    """A save is through."""

    def __init__(self, file: OpenFile, kept: Kept, over: bool) -> None:
        super().__init__()
        self.file = file
        self.kept = kept
        self.over = over
        """Whether the file itself was written."""


class Saving(Opening, Editing):
    """Save, save as, reload."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self._overwritten: set[Path] = set()
        """Files that were saved over since the screen was made."""
        self._told: str | None = None
        """What kind of change by others was told already."""

    def action_save(self) -> None:
        """Write the edits over the file; the first time it asks."""
        file = self.file
        if file is None:
            return
        outside = file.document.changed_on_disk()
        if outside is not None:
            self._ask_about(outside, file)
        elif not file.unsaved:
            self.notify("Nothing to save.", markup=False)
        elif file.document.real in self._overwritten:
            self.save_file(file, None)
        else:
            self._ask_first(file)

    def _ask_first(self, file: OpenFile) -> None:
        from workbench.screens.dialogs.choice import Answer, ChoiceDialog

        edits = "1 edit" if file.unsaved == 1 else f"{file.unsaved:,} edits"
        question = f"Save {edits} over {file.path.name}?"
        detail = (
            "Records that were not edited stay as they are, byte for byte. The edits cannot be undone afterwards.\n"
            "It is asked once for each file."
        )
        answers = [Answer("y", "save over it"), Answer("e", "save elsewhere")]
        self.app.push_screen(ChoiceDialog(question, detail, answers), partial(self._answered, file))

    def _ask_about(self, outside: OutsideChange, file: OpenFile) -> None:
        from workbench.screens.dialogs.choice import Answer, ChoiceDialog

        detail = f"{file.path.name} {outside.why}.\n→ {outside.hint}"
        answers = [Answer("e", "save elsewhere"), Answer("o", "overwrite"), Answer("r", "reload")]
        self.app.push_screen(
            ChoiceDialog("The file has changed", detail, answers if not outside.lost else answers[2:]),
            partial(self._answered, file),
        )

    def _answered(self, file: OpenFile, answer: str | None) -> None:
        if answer in ("y", "o"):
            self.save_file(file, None, force=answer == "o")
        elif answer == "e":
            self.action_save_as()
        elif answer == "r":
            told = self.last_words()
            self.reload_file()
            if told:
                self.notify(told, timeout=8, markup=False)

    def action_save_as(self) -> None:
        """Write the records as they are now to another file; the edits stay unsaved in this one."""
        from workbench.screens.dialogs.confirm import ConfirmDialog
        from workbench.screens.dialogs.path import PathDialog

        file = self.file
        if file is None:
            return

        def replacing(path: Path, yes: bool | None) -> None:
            if yes:
                self.save_file(file, path)

        def named(path: Path | None) -> None:
            if path is None:
                return
            if os.path.realpath(path) == str(file.document.real):
                self.action_save()
            elif path.exists():
                question = ConfirmDialog(f"Replace {path.name}?", "It exists; what it holds is lost.")
                self.app.push_screen(question, partial(replacing, path))
            else:
                self.save_file(file, path)

        self.app.push_screen(PathDialog("Save as", start=str(file.path), does="saves"), named)

    @work(thread=True, exclusive=True, group="save", exit_on_error=False)
    def save_file(self, file: OpenFile, target: Path | None, force: bool = False) -> None:
        """Write, and say how far it is."""
        tell = self.pace()
        with suppress(Stopped):
            from workbench.workflow.keeping import save_document

            kept = save_document(file.document, target, progress=partial(tell, "saving"), force=force)
            self.post_message(FileSaved(file, kept, target is None))

    @on(FileSaved)
    def show_saved(self, message: FileSaved) -> None:
        """Say so; over the file, rows are numbered anew and the rules see them again."""
        from workbench.dataset.analysis import Before

        file, kept, saved = message.file, message.kept, message.kept.saved
        records = "1 record" if saved.rows == 1 else f"{saved.rows:,} records"
        recipe = f" What was done is in {kept.recipe.name}." if kept.recipe is not None else ""
        self.notify(f"Saved {records} to {saved.path.name}.{recipe}", markup=False)
        if kept.trouble is not None:
            self.notify(f"No recipe: {kept.trouble.message}", severity="warning", timeout=10, markup=False)
        if self.file is not file or self.view is None or not message.over:
            self.settle()
            return
        self._overwritten.add(file.document.real)
        position = self.records.cursor
        self.view.rebase(saved.ids)
        file.rebase()
        self.show_list(cursor=position)
        self.show_record(keep_place=True)
        self.edits_changed()
        self.refresh_bindings()
        self.state = "checking…"
        self.show_files()
        self.before = Before.of(saved)
        self.analyse_file(file)

    def on_screen_resume(self) -> None:
        """Somebody may have changed the file meanwhile."""
        file = self.file
        outside = None if file is None else file.document.changed_on_disk()
        if file is not None and outside is not None and outside.kind != self._told:
            self.notify(f"{file.path.name} {outside.why}; {outside.hint}", severity="warning", timeout=10, markup=False)
        self._told = None if outside is None else outside.kind
