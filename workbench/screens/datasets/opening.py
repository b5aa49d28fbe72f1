"""Opening a file: first rows at once, then the index, then the analysis; and giving it back."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.screens.datasets.analysing import Analysing, FileProgress, Stopped
from workbench.screens.datasets.open_file import OpenFile
from workbench.screens.datasets.view import View

if TYPE_CHECKING:
    from workbench.dataset.rows import Document

FILE_WORK = ("file", "analysis", "edited", "filter", "edit", "save")
"""Groups of workers that read the open file."""


class FileOpened(Message):
    """A file's first rows can be read."""

    def __init__(self, file: OpenFile) -> None:
        super().__init__()
        self.file = file


class FileIndexed(Message):
    """All rows of a file can be read."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document


class Opening(Analysing):
    """Files that come and go."""

    def on_mount(self) -> None:
        """Open the first file."""
        paths = self.paths()
        if paths:
            # After the first paint: the imports and the index would hold it up.
            self.call_after_refresh(self.open_file, next(iter(paths.values())))
        else:
            self.records.empty = "this project names no file yet: o opens one"

    def on_unmount(self) -> None:
        """Edits that are not saved stay in the journal."""
        with suppress(WorkbenchError):  # nobody is left to tell; the journal says so when the file is opened
            self.close_file()

    def open_file(self, path: Path) -> None:
        """Show another file as soon as it is read; the one that is shown is given back then."""
        self.asked = path
        if self.file is not None and self.file.path == path:
            return
        self.read_file(path)

    def reload_file(self) -> None:
        """Open the present file again, as something else has left it."""
        if self.file is not None:
            path = self.file.path
            self.close_file()
            self.file = self.view = None
            self.open_file(path)

    def close_file(self) -> None:
        """Give the open file back; raises WorkbenchError where its unsaved edits could not be kept."""
        for group in FILE_WORK:
            self.workers.cancel_group(self, group)
        if self.file is not None:
            self.file.document.close()

    def last_words(self) -> str:
        """What a person who leaves the file is told; empty where there is nothing to tell."""
        if self.file is None or not self.file.unsaved:
            return ""
        count, name = self.file.unsaved, self.file.path.name
        edits = "1 unsaved edit" if count == 1 else f"{count:,} unsaved edits"
        verb = "is" if count == 1 else "are"
        return f"{edits} of {name} {verb} kept: they are there when the file is opened again."

    @work(thread=True, exclusive=True, group="file", exit_on_error=False)
    def read_file(self, path: Path) -> None:
        """Read the first rows and look at their format, then find the others."""
        from workbench.dataset.formats import detect
        from workbench.dataset.rows import open_document

        tell = self.pace()
        with suppress(Stopped):
            document = open_document(path, self.context.home / "journals", progress=partial(tell, "reading"))
            try:
                detected = detect(document.rows.sample(50))
                tell("reading", 0, 1)
            except BaseException:
                document.close()
                raise
            self.post_message(FileOpened(OpenFile(document, self._side_of(path), detected.format, detected.reason)))
            document.index_rest(partial(tell, "reading"))
            self.post_message(FileIndexed(document))

    def _side_of(self, path: Path) -> str:
        return next((side for side, own in self.project.files.items() if own == path), "")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A file that could not be read is not on its way any more; the frame tells why."""
        if event.worker.group in ("file", "analysis") and event.state is WorkerState.ERROR:
            self.state = ""
            self.show_files()

    @on(FileProgress)
    def show_progress(self, message: FileProgress) -> None:
        """On the right of the files; while rows are found the list grows."""
        self.state = message.text
        self.show_files()
        if self.view is not None and self.view.wanted.is_all and self.records.count != len(self.view):
            self.table.grow(len(self.view))

    @on(FileOpened)
    def show_file(self, message: FileOpened) -> None:
        """Show its records from the first."""
        file = message.file
        if self.asked != file.path:  # another one was asked for meanwhile
            file.document.close()
            return
        told = self.last_words()
        if self.file is not None:
            for group in ("analysis", "edited", "filter", "edit"):
                self.workers.cancel_group(self, group)
            self.file.document.close()
        self.file, self.view, self.state = file, View(file.document), "reading…"
        self.file_changed()
        self.show_list(cursor=0)
        for text in (told, file.document.read_only, file.document.notice):
            if text:
                self.notify(text, timeout=8, markup=False)

    @on(FileIndexed)
    def show_indexed(self, message: FileIndexed) -> None:
        """Its last row can be reached; now the rules get it."""
        if self.file is None or self.file.document is not message.document:
            return
        self.state = "checking…"
        if self.view is not None and self.view.wanted.is_all:
            self.show_list()
        self.show_files()
        self.index_complete()
        self.analyse_file(self.file)

    # What a person can do -------------------------------------------------------------------------------------------

    def action_next_file(self) -> None:
        """The next file of the project."""
        paths = list(self.paths().values())
        if paths:
            self.open_file(paths[(paths.index(self.asked) + 1) % len(paths) if self.asked in paths else 0])

    def action_open(self) -> None:
        """Ask for a path and open it."""
        from workbench.screens.dialogs.path import PathDialog

        def opened(path: Path | None) -> None:
            if path is not None:
                self.open_file(path)

        self.app.push_screen(PathDialog("Open a dataset"), opened)
