"""Something to tell: an error with its way out, or a notice that must be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible


class MessageDialog(Dialog[None]):
    """A title, some sentences, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,q", "leave", show=False),
        Binding("y,c", "copy", show=False),
    ]
    HINT = "enter or escape closes · y copies"

    def __init__(self, title: str, text: str, way_out: str = "") -> None:
        super().__init__()
        self._title, self._text, self._way_out = visible(title), visible(text), visible(way_out)

    @classmethod
    def of(cls, error: WorkbenchError) -> MessageDialog:
        """The dialog for a failure."""
        return cls(error.what, error.why, error.hint)

    def compose_body(self) -> Iterable[Widget]:
        """The sentences."""
        yield Static(self._title, classes="title", markup=False)
        yield Static(self._text, markup=False)
        if self._way_out:
            yield Static(f"→ {self._way_out}", markup=False)

    def text_to_copy(self) -> str:
        """All of it in one line, as the command line would say it."""
        return f"{self._title}: {self._text}" + (f"; {self._way_out}" if self._way_out else "")
