"""Ask for a whole number."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.workarounds import still_cursor


class NumberDialog(Dialog[int]):
    """Closes with the number; an emptied field is 0."""

    HINT = "enter keeps · empty: not known · escape closes"

    def __init__(self, title: str, value: int | None, about: str) -> None:
        super().__init__()
        self._title, self._about = title, about
        self._field = Input("" if value is None else str(value), restrict=r"[0-9]{0,12}")

    def compose_body(self) -> Iterable[Widget]:
        """What the number is, and a line to type it in."""
        yield Static(self._title, classes="title", markup=False)
        yield Static(self._about, markup=False)
        still_cursor(self._field)
        yield self._field

    def on_mount(self) -> None:
        """Type at once."""
        self._field.focus()

    @on(Input.Submitted)
    def done(self, message: Input.Submitted) -> None:
        """Close with it."""
        self.dismiss(int(message.value) if message.value.strip() else 0)
