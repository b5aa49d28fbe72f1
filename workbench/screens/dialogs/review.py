"""A list of records over the whole screen, and the one under the cursor below it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from textual import on
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine

ResultT = TypeVar("ResultT")


class ReviewDialog(Dialog[ResultT], Generic[ResultT]):
    """Subclasses find out what there is to see in a worker of the group `review`, and call `show_found`."""

    CSS = stylesheet("review")

    def __init__(self) -> None:
        super().__init__()
        self.head = TextLine(classes="title")
        self.list = LineList(id="changes", empty="looking…")
        self.change = Reading(id="change")

    def compose_body(self) -> Iterable[Widget]:
        """Counts, the records, the one under the cursor."""
        yield self.head
        yield self.list
        yield self.change

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.list.focus()
        self.look()

    def look(self) -> object:
        """Start the worker that finds out."""
        raise NotImplementedError

    def row(self, row: int) -> Line:
        """One line of the list."""
        raise NotImplementedError

    def lines(self, row: int, width: int) -> Iterable[Line]:
        """What stands below for a row of the list."""
        raise NotImplementedError

    def say(self, text: str, role: str = "strong") -> None:
        """The line above the list."""
        self.head.show([Piece(text, role)])

    def show_found(self, count: int, nothing: str) -> None:
        """Show so many rows from the first; `nothing` is what an empty list says."""
        self.list.empty = nothing
        self.list.show_rows(count, self.row, cursor=0)

    @on(LineList.Moved, "#changes")
    def show_change(self, message: LineList.Moved) -> None:
        """The record under the cursor."""
        row = message.row
        self.change.show_text(lambda width: [] if row is None else list(self.lines(row, width)))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What cannot be done is said here; nothing was changed."""
        if event.worker.group != "review" or event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        if isinstance(error, WorkbenchError):
            text, way_out = error.message, error.hint
        else:
            text, way_out = f"{type(error).__name__}: {error}", ""
        self.say(f"✗ {visible_line(text)}", "bad")
        self.show_found(0, f"→ {visible_line(way_out)}" if way_out else "")

    def text_to_copy(self) -> str:
        """What stands below."""
        return self.change.text
