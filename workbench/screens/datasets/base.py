"""The widgets of the Datasets screen and what stands in them; the other modules say what a person can do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from workbench.screens.datasets.open_file import OpenFile
from workbench.screens.datasets.table import Listed, RecordTable
from workbench.screens.datasets.view import View
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.dataset.rows import RowId
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

TICK_S = 0.25
"""How often work on a long file says how far it is."""


class RecordsScreen(Frame):
    """One file's records on the left, the one under the cursor on the right."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.first_file: Path | None = None
        """A file to start with in place of the project's own."""
        self.file: OpenFile | None = None
        self.view: View | None = None
        self.asked: Path | None = None
        """The file that was asked for last, whether it could be opened or not."""
        self.state = ""
        """How far the work on the file is, or what it found."""
        self.filter_problem = ""
        """Why what is typed is no filter."""
        self._shown: RowId | None = None
        self.message_starts: list[int] = []
        """Where each message of the shown record begins."""
        self.files = TextLine(classes="files")
        self.table = RecordTable(id="table")
        self.record = Reading(id="record")
        self.problems = self.problem_list()

    def problem_list(self) -> LineList:
        """The list of what the rules found."""
        return LineList(id="problems")

    def compose_body(self) -> Iterable[Widget]:
        """Files above, records left, the record right, findings below it when they are asked for."""
        yield self.files
        with Horizontal():
            yield self.table
            with Vertical(id="right"):
                yield self.record
                yield self.problems

    @property
    def records(self) -> LineList:
        """The list of records."""
        return self.table.list

    def file_changed(self) -> None:
        """Another file is shown: what belonged to the one before goes. For the modules above, too."""
        self._shown = None

    def index_complete(self) -> None:
        """All rows of the file are known. For the modules above."""

    def facts_changed(self) -> None:
        """More is known about the rows. For the modules above."""

    def edits_changed(self) -> None:
        """Something was edited, or edits were saved. For the modules above."""

    # The list -------------------------------------------------------------------------------------------------------

    def show_list(self, cursor: int | None = None) -> None:
        """Show the rows of the view, the cursor where it is or at a position."""
        view = self.view
        if view is None:
            return
        self.records.empty = "no record fits the filter" if view.wanted.query is not None else "no records"
        document = view.document
        lines = document.estimated if view.document.complete is False else len(document)
        self.table.show_records(
            len(view), self._listed, digits=max(3, len(str(lines))), sort=view.wanted.sort, cursor=cursor
        )
        self.show_files()

    def _listed(self, position: int) -> Listed:
        assert self.file is not None
        assert self.view is not None
        row = self.view.row_at(position)
        return self.file.listed(row, self.view.is_marked(row))

    @property
    def row(self) -> RowId | None:
        """The row under the cursor."""
        if self.view is None or not len(self.view):
            return None
        return self.view.row_at(min(self.records.cursor, len(self.view) - 1))

    def go_to(self, row: RowId) -> bool:
        """Put the cursor on a row; False if it is not shown."""
        position = None if self.view is None else self.view.position_of(row)
        if position is not None:
            self.records.cursor = position
        return position is not None

    # The record -----------------------------------------------------------------------------------------------------

    @on(LineList.Moved, "#records")
    def show_moved(self, message: LineList.Moved) -> None:
        """Show the record under the cursor; where that is the one that is shown, one reads on where one was."""
        self.show_record(keep_place=self.row == self._shown)

    def show_record(self, *, keep_place: bool = False) -> None:
        """Show the record under the cursor, from its start unless it is still the same one."""
        from workbench.screens.record_view import ShownRecord, record_lines

        file, row = self.file, self.row
        self._shown = row
        if file is None or row is None:
            self.record.show_text(lambda width: ())
            return
        shown = ShownRecord(
            self.name_of(row),
            file.document.raw(row),
            file.value_of(row),
            file.format,
            file.facts_of(row).findings,
        )

        def lines(width: int) -> list[Line]:
            made, self.message_starts = record_lines(shown, width)
            return made

        self.record.show_text(lines, keep_place=keep_place)

    def name_of(self, row: RowId) -> str:
        """What a record is called: `record 12 of 330 · line 14`."""
        assert self.file is not None
        document = self.file.document
        position = document.position_of(row)
        about = "~" if not document.complete else ""
        head = f"record {(position or 0) + 1:,} of {about}{document.estimated:,}"
        origin = document.origin(row)
        if origin is None:
            return f"{head} · new"
        line = self.file.rows.line(origin)
        head += f" · line {line:,}" if line != (position or 0) + 1 else ""
        return f"{head} · edited" if row < 0 else head

    # The line of files ----------------------------------------------------------------------------------------------

    def paths(self) -> dict[str, Path]:
        """What `f` goes through: the given file first, then the project's."""
        given = {"": self.first_file} if self.first_file is not None else {}
        return {**given, **self.project.files}

    def show_files(self) -> None:
        """The project's files, the open one in brackets with its count; what is shown of it; what was found in it."""
        self.files.show(self._files_left(), self._files_right())

    def _files_left(self) -> list[Piece]:
        """Behind the open file's name what is to be known about it: where it is narrow the other files give way."""
        files, state = [Piece(" ")], self._edits() + self.shown_state()
        paths = self.paths()
        for side, path in paths.items():
            name = side or visible_line(path.name)
            if self.file is not None and self.file.path == path:
                files += [Piece(f"[{name} {self._count()}] ", "accent"), *state]
            else:
                files.append(Piece(f" {name}  ", "muted"))
        if self.file is not None and self.file.path not in paths.values():
            files[1:1] = [Piece(f"[{visible_line(self.file.path.name)} {self._count()}] ", "accent"), *state]
        return files

    def _edits(self) -> list[Piece]:
        if self.file is None or not self.file.unsaved:
            return []
        return [Piece(f"● {self.file.unsaved:,} unsaved ", "warning")]

    def _count(self) -> str:
        """Rows of the open file; about how many while they are counted."""
        assert self.file is not None
        document = self.file.document
        return f"{len(document):,}" if document.complete else f"~{document.estimated:,}"

    def shown_state(self) -> list[Piece]:
        """Which of the rows are shown, where it is not all of them."""
        view, parts = self.view, []
        if view is None:
            return []
        if view.wanted.query is not None:
            parts.append(Piece(f" {len(view):,} fit ", "warning"))
        if view.wanted.sample:
            parts.append(Piece(f" {min(view.wanted.sample, len(view)):,} drawn at random ", "warning"))
        return parts

    def _files_right(self) -> list[Piece]:
        if self.filter_problem:
            return [Piece(f"{self.filter_problem} ", "warning")]
        role = "bad" if self.state.startswith("✗") else "warning" if self.state.startswith("!") else "muted"
        state = Piece(f"{self.state} ", role)
        return [state] if self.file is None else [Piece(f"{self.file.format}  ", "muted"), state]
