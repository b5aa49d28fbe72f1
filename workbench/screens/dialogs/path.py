"""Ask for a file: its path typed, or chosen from the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible, visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece

MOST_ENTRIES = 2000
"""Names of one folder that are listed; typing narrows them down."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a folder."""

    name: str
    is_folder: bool
    size: int
    """Bytes; 0 for a folder."""


class Listed(Message):
    """What a folder holds."""

    def __init__(self, folder: str, entries: list[Entry], problem: str) -> None:
        super().__init__()
        self.folder = folder
        self.entries = entries
        self.problem = problem
        """Why it cannot be read, else empty."""


class PathSuggester(Suggester):
    """The first name in the folder that goes on from what is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """A longer path that exists, or None."""
        start = value.rpartition("/")[2]
        try:
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in os.scandir(_place(value)))
        except OSError:
            return None
        fitting = (name for name in names if start and name.startswith(start) and visible(name) == name)
        found = next(fitting, None)
        return None if found is None else value[: len(value) - len(start)] + found


def _place(value: str) -> Path:
    """The folder in which a typed path stands."""
    folder = value.rpartition("/")[0]
    return Path(os.path.expanduser(folder or ("/" if value.startswith("/") else ".")))  # noqa: PTH111


def entries_of(folder: Path) -> list[Entry]:
    """Folders first, then files, by name; hidden ones are left out. Raises OSError."""
    found = []
    with os.scandir(folder) as scan:
        for entry in islice((each for each in scan if not each.name.startswith(".")), MOST_ENTRIES):
            is_folder = entry.is_dir()
            try:
                size = 0 if is_folder else entry.stat().st_size
            except OSError:  # a link that leads nowhere
                size = 0
            found.append(Entry(entry.name, is_folder, size))
    return sorted(found, key=lambda entry: (not entry.is_folder, entry.name.lower(), entry.name))


def size_text(size: int) -> str:
    """Bytes as people read them: 1.2 MB."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size} B" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


class PathDialog(Dialog[Path]):
    """Closes with the path, `~` expanded; whether it can be read or written is the asker's to say."""

    CSS = stylesheet("path")
    HINT = "enter {does} · → completes · ↓ list · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "to_list", show=False)]

    def __init__(
        self, title: str, *, start: str = "", does: str = "opens", folders: bool = False, placeholder: str = "path"
    ) -> None:
        super().__init__()
        self._title = title
        self._start = start
        self._folders = folders
        """Whether a folder is what is asked for."""
        self._placeholder = placeholder
        self.hint = self.HINT.format(does=does)
        self._listed: tuple[str, list[Entry], str] = ("", [], "")
        self._shown: list[Entry] = []
        self._list = LineList(id="entries", empty="nothing here goes on from what is typed")

    def compose_body(self) -> Iterable[Widget]:
        """A line to type in, and what the folder holds."""
        yield Static(self._title, classes="title", markup=False)
        field = Input(
            self._start,
            placeholder=self._placeholder,
            suggester=PathSuggester(),
            select_on_focus=False,
            compact=True,
            id="path",
        )
        still_cursor(field)
        yield field
        yield self._list

    def on_mount(self) -> None:
        """List where it starts."""
        self.query_one(Input).focus()
        self.list_folder(str(_place(self._start)))

    @work(thread=True, exclusive=True, group="folder", exit_on_error=False)
    def list_folder(self, folder: str) -> None:
        """Read a folder; a slow disk does not hold up the typing."""
        try:
            self.post_message(Listed(folder, entries_of(Path(folder)), ""))
        except OSError as error:
            self.post_message(Listed(folder, [], error.strerror or str(error)))

    @on(Listed)
    def show_listed(self, message: Listed) -> None:
        """Show what goes on from what is typed."""
        self._listed = (message.folder, message.entries, message.problem)
        self._narrow()

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Another folder is read, another beginning narrows the list down."""
        folder = str(_place(message.value))
        if folder != self._listed[0]:
            self.list_folder(folder)
        self._narrow()

    def _narrow(self) -> None:
        start = self.query_one(Input).value.rpartition("/")[2].lower()
        folder, entries, problem = self._listed
        named = [entry for entry in entries if entry.name.lower().startswith(start)]
        self._shown = [entry for entry in named or [e for e in entries if start in e.name.lower()] if self._fits(entry)]
        self._list.empty = f"{visible_line(folder)}: {problem}" if problem else "nothing here goes on from this"
        self._list.show_rows(len(self._shown), self._row, cursor=0)

    def _fits(self, entry: Entry) -> bool:
        return entry.is_folder or not self._folders

    def _row(self, row: int) -> Line:
        entry = self._shown[row]
        if entry.is_folder:
            return (Piece(visible_line(entry.name) + "/", "accent"),)
        return (Piece(f"{size_text(entry.size):>8}  ", "muted"), Piece(visible_line(entry.name)))

    def action_to_list(self) -> None:
        """Keys go to the list."""
        if self._shown:
            self._list.focus()

    def on_key(self, event: events.Key) -> None:
        """Up from the first entry goes back to the typing."""
        if event.key == "up" and self.focused is self._list and self._list.cursor == 0:
            event.stop()
            self.query_one(Input).focus()

    @on(LineList.Chosen, "#entries")
    def chosen(self, message: LineList.Chosen) -> None:
        """A folder is entered, a file is the answer."""
        if message.row is None:
            return
        entry = self._shown[message.row]
        field = self.query_one(Input)
        typed = field.value.rpartition("/")
        path = typed[0] + typed[1] + entry.name
        if entry.is_folder:
            field.value = path + "/"
            field.cursor_position = len(field.value)
            field.focus()
        else:
            self._close(path)

    @on(Input.Submitted)
    def done(self, message: Input.Submitted) -> None:
        """Close with the path as typed."""
        if message.value.strip():
            self._close(message.value.strip())

    def _close(self, path: str) -> None:
        self.dismiss(Path(path).expanduser())
