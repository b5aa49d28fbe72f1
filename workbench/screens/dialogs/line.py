"""Ask for one line of text."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from workbench.screens.dialogs.dialog import Dialog


class LineDialog(Dialog[str]):
    """Closes with the line, which may be empty, or None."""

    HINT = "enter keeps · escape closes"

    def __init__(self, title: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._value, self._placeholder = title, value, placeholder

    def compose_body(self) -> Iterable[Widget]:
        """One line to type in."""
        field = Input(self._value, placeholder=self._placeholder)
        field.border_title = self._title
        yield field

    @on(Input.Submitted)
    def done(self, message: Input.Submitted) -> None:
        """Close with the line."""
        self.dismiss(message.value)
