"""JSON to edit: it closes only with a value, and says by line and column why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static, TextArea

from workbench.dataset.editing import EditError, JsonError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.styles import stylesheet
from workbench.widgets.text_editor import TextEditor
from workbench.widgets.textline import Piece, TextLine


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the text says; `value` may well be None."""

    value: Any


class JsonDialog(Dialog[Parsed]):
    """Closes with the parsed value, or None."""

    CSS = stylesheet("json_text")
    HINT = "ctrl+s keeps · escape closes without"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9,ctrl+enter", "keep", "Keep", show=False, priority=True)]

    def __init__(self, title: str, text: str, parse: Callable[[str], Any]) -> None:
        super().__init__()
        self._title, self._first, self._parse = visible_line(title), text, parse
        self._text = TextEditor(id="json")
        self._says = TextLine(id="json-says")

    def compose_body(self) -> Iterable[Widget]:
        """The title, the text, what is wrong with it."""
        yield Static(self._title, classes="title", markup=False)
        yield self._text
        yield self._says

    def on_mount(self) -> None:
        """Show it from the top."""
        self._text.show(self._first)
        self._text.focus()
        if self._text.too_large:
            self._says.show([Piece("too large to edit here: use your own editor on the file", "warning")])

    @on(TextArea.Changed)
    def check(self) -> None:
        """Say at once whether it can be kept."""
        if self._text.too_large:
            return
        try:
            self._parse(self._text.value)
        except EditError as error:
            self._says.show([Piece(f"✗ {visible_line(error.message)}", "bad")])
        else:
            self._says.show([Piece("✓ can be kept", "good")])

    def action_keep(self) -> None:
        """Close with the value, or go to the place that is wrong."""
        try:
            self.dismiss(Parsed(self._parse(self._text.value)))
        except JsonError as error:
            self._text.move_cursor((error.line - 1, error.column - 1))
        except EditError:
            self.app.bell()

    def text_to_copy(self) -> str:
        """All of it."""
        return self._text.value
