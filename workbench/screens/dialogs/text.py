"""A longer text to read: a manifest, a prompt, an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece, wrap


class TextDialog(Dialog[None]):
    """A title and a text that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", show=False)]
    CSS = "TextDialog #text { max-height: 50vh; }"
    HINT = "↑ ↓ scroll · y copies · escape closes"

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = visible_line(title), text
        self._reading = Reading(id="text")

    def compose_body(self) -> Iterable[Widget]:
        """The text."""
        yield Static(self._title, classes="title", markup=False)
        yield self._reading

    def on_mount(self) -> None:
        """Show it from the top."""
        self._reading.show_text(self._lines)
        self._reading.focus()

    def _lines(self, width: int) -> Sequence[Line]:
        return [(Piece(line),) for line in wrap(visible(self._text), width)]

    def text_to_copy(self) -> str:
        """All of it."""
        return self._text
