"""Datasets: the records of a file, the one under the cursor as people read it, and what is wrong with them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.actions import bindings_for
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.dataset.formats import Format
    from workbench.dataset.rows import Rows
    from workbench.dataset.rules import Finding, Report
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

WHOLE_FILE = 0
"""The line under which findings about the file as a whole are kept."""
TICK_S = 0.25
"""How often work on a long file says how far it is."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open, and what is known about it."""

    path: Path
    side: str
    """`train`, `validation`, `test`, or empty for a file that the project does not name."""
    rows: Rows
    format: Format
    findings: dict[int, tuple[Finding, ...]] = field(default_factory=dict)
    """By line; those about the file as a whole under 0."""


class FileOpened(Message):
    """A file's rows can be read."""

    def __init__(self, file: OpenFile) -> None:
        super().__init__()
        self.file = file


class FileProgress(Message):
    """How far the reading or checking of a long file is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, FileProgress)


class FileChecked(Message):
    """The rules have seen the whole file."""

    def __init__(self, path: Path, report: Report) -> None:
        super().__init__()
        self.path = path
        self.report = report


class RowsFound(Message):
    """Rows that contain the filter's text, so far."""

    def __init__(self, needle: str, rows: Sequence[int], done: bool) -> None:
        super().__init__()
        self.needle = needle
        self.rows = rows
        self.done = done

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, RowsFound)


class _Stopped(Exception):
    """Nobody waits for this file any more."""


class FilterInput(Input):
    """One row to type a filter in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.focus_records", show=False),
    ]


class DatasetsScreen(Frame):
    """The project's files, one at a time."""

    MODE = "datasets"
    CSS = stylesheet("datasets")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("datasets"))
    AUTO_FOCUS = "#records"
    HELP = """\
# Datasets

A *record* is one training example: a conversation whose assistant's messages the model learns. On the left are the \
records of one file, on the right the one under the cursor.

The letters before a record are its roles in order: s system, u user, a assistant, t tool. A message marked ● is \
trained; the others are only read by the model. ✗ marks an error, ! a warning; what it is stands above the record.

The file on disk stays as it is: nothing here changes it.
"""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.first_file: Path | None = None
        """A file to start with in place of the project's own."""
        self.file: OpenFile | None = None
        self._asked: Path | None = None
        """The file that was asked for last, whether it could be opened or not."""
        self._order: Sequence[int] = ()
        self._problems: str = ""
        self._filter = ""
        self._files = TextLine(classes="files")
        self._records = LineList(id="records", empty="no records")
        self._record = Reading(id="record")

    def compose_body(self) -> Iterable[Widget]:
        """Files above, records left, the record right."""
        yield self._files
        with Horizontal():
            yield self._records
            yield self._record

    def on_mount(self) -> None:
        """Open the first file."""
        paths = self._paths()
        if paths:
            # After the first paint: the imports and the index would hold it up.
            self.call_after_refresh(self.open_file, next(iter(paths.values())))
        else:
            self._records.empty = "this project names no file yet: o opens one"

    def _paths(self) -> dict[str, Path]:
        """What `f` goes through: the given file first, then the project's."""
        given = {"": self.first_file} if self.first_file is not None else {}
        return {**given, **self.project.files}

    def _side_of(self, path: Path) -> str:
        return next((side for side, own in self.project.files.items() if own == path), "")

    def open_file(self, path: Path) -> None:
        """Show another file as soon as it is read."""
        self._asked = path
        self.read_file(path)

    # Opening and checking -------------------------------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="file", exit_on_error=False)
    def read_file(self, path: Path) -> None:
        """Index a file and look at its format, then check it."""
        from workbench.dataset.formats import detect
        from workbench.dataset.rows import open_rows

        worker = get_current_worker()
        due = 0.0

        def tell(what: str, done: int, total: int) -> None:
            """Say how far it is, a few times a second; stop where nobody waits any more."""
            nonlocal due
            if worker.is_cancelled:
                raise _Stopped
            if time.monotonic() >= due:
                due = time.monotonic() + TICK_S
                self.post_message(FileProgress(f"{what} {done * 100 // max(total, 1)} %…"))

        with suppress(_Stopped):
            rows = open_rows(path, partial(tell, "reading"))
            fmt = detect(rows.sample(50)).format
            self.post_message(FileOpened(OpenFile(path, self._side_of(path), rows, fmt)))
            from workbench.workflow.prepare import check_dataset

            self.post_message(FileChecked(path, check_dataset(path, progress=partial(tell, "checking"))))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A file that could not be read is not on its way any more; the frame tells why."""
        if event.worker.group == "file" and event.state is WorkerState.ERROR:
            self._problems = ""
            self._show_files()

    @on(FileProgress)
    def show_progress(self, message: FileProgress) -> None:
        """On the right of the files."""
        self._problems = message.text
        self._show_files()

    @on(FileOpened)
    def show_file(self, message: FileOpened) -> None:
        """Show its records from the first."""
        self.file = message.file
        self._filter, self._problems = "", "checking…"
        self._order = range(len(message.file.rows))
        self._show_order(cursor=0)

    @on(FileChecked)
    def show_findings(self, message: FileChecked) -> None:
        """Mark the rows and count."""
        if self.file is None or self.file.path != message.path:
            return
        by_line: dict[int, list[Finding]] = {}
        for finding in message.report.findings:
            by_line.setdefault(finding.line or WHOLE_FILE, []).append(finding)
        self.file = OpenFile(
            self.file.path, self.file.side, self.file.rows, self.file.format,
            {line: tuple(found) for line, found in by_line.items()},
        )  # fmt: skip
        self._problems = _counted(message.report.errors, message.report.warnings)
        self._show_files()
        self._records.redraw()
        self._show_record(keep_place=True)

    # Showing --------------------------------------------------------------------------------------------------------

    def _show_order(self, cursor: int | None = None) -> None:
        self._records.empty = f"no record contains {self._filter!r}" if self._filter else "no records"
        self._records.show_rows(len(self._order), self._row, cursor=cursor)
        self._show_files()

    def _show_files(self) -> None:
        """The project's files, the open one in brackets with its count; on the right what is known about it."""
        left: list[Piece] = [Piece(" ")]
        for side, path in self._paths().items():
            name = side or visible_line(path.name)
            here = self.file is not None and self.file.path == path
            count = f" {len(self.file.rows):,}" if here and self.file is not None else ""
            left.append(Piece(f"[{name}{count}] " if here else f" {name}  ", "accent" if here else "muted"))
        if self.file is not None and self.file.path not in self._paths().values():
            left.append(Piece(f"[{visible_line(self.file.path.name)} {len(self.file.rows):,}]", "accent"))
        if self._filter:
            left.append(Piece(f" {len(self._order):,} contain {visible_line(self._filter)!r}", "warning"))
        right: list[Piece] = []
        if self.file is None:
            right = [Piece(f"{self._problems} ", "muted")]
        else:
            role = "bad" if self._problems.startswith("✗") else "warning" if self._problems.startswith("!") else "muted"
            right = [Piece(f"{self.file.format}  ", "muted"), Piece(f"{self._problems} ", role)]
        self._files.show(left, right)

    def _row(self, position: int) -> Line:
        """One line of the list: line number, mark, roles, first words."""
        from workbench.screens.record_text import summary_of

        assert self.file is not None
        row = self._order[position]
        line = self.file.rows.line(row)
        summary = summary_of(self.file.rows, row, self.file.format)
        digits = len(str(self.file.rows.line(len(self.file.rows) - 1)))
        mark = _mark(self.file.findings.get(line, ()), summary.broken)
        return (
            Piece(f"{line:>{digits}} ", "muted"),
            mark,
            Piece(f" {summary.chips:<4}" if summary.chips else " ", "muted"),
            Piece(summary.words, "bad" if summary.broken else ""),
        )

    @on(LineList.Moved, "#records")
    def show_moved(self, message: LineList.Moved) -> None:
        """Show the record under the cursor."""
        self._show_record()

    def _show_record(self, *, keep_place: bool = False) -> None:
        from workbench.screens.record_view import record_lines

        file, row = self.file, self.row
        if file is None or row is None:
            self._record.show_text(lambda width: ())
            return
        found = (*file.findings.get(WHOLE_FILE, ()), *file.findings.get(file.rows.line(row), ()))
        self._record.show_text(
            lambda width: record_lines(file.rows, row, file.format, found, width), keep_place=keep_place
        )

    @property
    def row(self) -> int | None:
        """The row of the file that is under the cursor, from 0."""
        if self.file is None or not self._order:
            return None
        return self._order[min(self._records.cursor, len(self._order) - 1)]

    # What a person can do -------------------------------------------------------------------------------------------

    @on(LineList.Chosen, "#records")
    def action_read(self) -> None:
        """Keys go to the record."""
        self._record.focus()

    def action_focus_records(self) -> None:
        """Keys go to the list."""
        self._records.focus()

    def action_next_record(self) -> None:
        """One record on."""
        self._records.cursor += 1

    def action_previous_record(self) -> None:
        """One record back."""
        self._records.cursor -= 1

    def action_next_problem(self) -> None:
        """To the next row that has a finding, from the start again after the last."""
        lines = sorted(self.file.findings.keys() - {WHOLE_FILE}) if self.file is not None else []
        if self.file is None or not lines:
            self.notify("No findings in the records of this file.", markup=False)
            return
        here = self.file.rows.line(self.row) if self.row is not None else 0
        following = lines[bisect_left(lines, here + 1) :] + lines
        position = next((at for line in following if (at := self._position_of_line(line)) is not None), None)
        if position is None:
            self.notify("No findings in the records that the filter shows.", markup=False)
        else:
            self._records.cursor = position

    def _position_of_line(self, line: int) -> int | None:
        """Where in the list the row of a line stands; rows and lines both ascend."""
        assert self.file is not None
        order, rows = self._order, self.file.rows
        low = bisect_left(range(len(order)), line, key=lambda at: rows.line(order[at]))
        return low if low < len(order) and rows.line(order[low]) == line else None

    def action_next_file(self) -> None:
        """The next file of the project."""
        paths = list(self._paths().values())
        if paths:
            self.open_file(paths[(paths.index(self._asked) + 1) % len(paths) if self._asked in paths else 0])

    def action_open(self) -> None:
        """Ask for a path and open it."""
        from workbench.screens.dialogs.path import PathDialog

        def opened(path: Path | None) -> None:
            if path is not None:
                self.open_file(path)

        self.app.push_screen(PathDialog("Open a dataset"), opened)

    def text_to_copy(self) -> str:
        """The record under the cursor, as it stands in the file."""
        if self.file is None or self.row is None:
            return ""
        return self.file.rows.raw(self.row).decode("utf-8", "replace")

    # Filtering ------------------------------------------------------------------------------------------------------

    async def action_filter(self) -> None:
        """A line to type in, above the records."""
        fields = self.query(FilterInput)
        if fields:
            fields.first().focus()
            return
        field_ = FilterInput(placeholder="text in a record", compact=True, classes="filter")
        await self.mount(field_, after=self._files)
        field_.focus()

    @on(Input.Changed, ".filter")
    def filter_changed(self, message: Input.Changed) -> None:
        """Look for what is typed."""
        if message.value:
            self.find_rows(message.value)
        else:
            self._show_all()

    @on(Input.Submitted, ".filter")
    def filter_done(self) -> None:
        """Keep the filter; keys go to the list."""
        self._records.focus()

    def action_clear_filter(self) -> None:
        """All records again."""
        self.query(FilterInput).remove()
        self._show_all()
        self._records.focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape means the filter only while there is one."""
        return bool(self.query(FilterInput)) if action == "clear_filter" else super().check_action(action, parameters)

    def _show_all(self) -> None:
        self.workers.cancel_group(self, "filter")
        row = self.row
        self._filter = ""
        self._order = range(len(self.file.rows)) if self.file is not None else ()
        self._show_order(cursor=row or 0)

    @work(thread=True, exclusive=True, group="filter", exit_on_error=False)
    def find_rows(self, needle: str) -> None:
        """Walk the file and post what contains `needle`, a few times a second."""
        from workbench.screens.record_text import matching

        file = self.file
        if file is None:
            return
        worker = get_current_worker()
        found: list[int] = []
        due = time.monotonic() + TICK_S
        for row, fits in matching(file.rows, needle):
            if worker.is_cancelled:
                return
            if fits:
                found.append(row)
            if time.monotonic() >= due:
                self.post_message(RowsFound(needle, tuple(found), done=False))
                due = time.monotonic() + TICK_S
        self.post_message(RowsFound(needle, tuple(found), done=True))

    @on(RowsFound)
    def show_found(self, message: RowsFound) -> None:
        """Only these rows, as long as nothing else was typed since."""
        fields = self.query(FilterInput)
        if not fields or fields.first().value != message.needle:
            return
        self._filter, self._order = message.needle, message.rows
        self._show_order()


def _mark(findings: Sequence[Finding], broken: bool) -> Piece:
    """✗ for an error, ! for a warning."""
    if broken or any(finding.severity == "error" for finding in findings):
        return Piece("✗", "bad")
    return Piece("!", "warning") if findings else Piece(" ")


def _counted(errors: int, warnings: int) -> str:
    """`✗ 2 errors, 1 warning`, or that nothing was found."""
    parts = [
        f"{count:,} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    if not parts:
        return "✓ nothing found"
    return f"{'✗' if errors else '!'} {', '.join(parts)}"
