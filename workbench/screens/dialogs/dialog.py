"""The common shape of dialogs: a box over the screen, a title, a hint of its keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from workbench.widgets.textline import ROLE_CLASSES

ResultT = TypeVar("ResultT")


class Dialog(ModalScreen[ResultT], Generic[ResultT]):
    """Escape leaves with None. The keys of the screen below do not work meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Close", show=False)]
    COMPONENT_CLASSES: ClassVar[set[str]] = set(ROLE_CLASSES)
    TITLE_TEXT: ClassVar[str] = ""
    HINT: ClassVar[str] = "escape closes"

    def __init__(self) -> None:
        super().__init__()
        self.hint = self.HINT
        """The line of keys at the foot."""

    def compose(self) -> ComposeResult:
        """Title, body, hint."""
        with Vertical(classes="dialog"):
            if self.TITLE_TEXT:
                yield Static(self.TITLE_TEXT, classes="title", markup=False)
            yield from self.compose_body()
            yield Static(self.hint, classes="hint", markup=False)

    def compose_body(self) -> Iterable[Widget]:
        """What the dialog is about."""
        return ()

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_zoom(self) -> None:
        """Nothing to zoom in a dialog."""

    def action_copy(self) -> None:
        """Copy the selection, else what the dialog says."""
        text = self.get_selected_text() or self.text_to_copy()
        if text:
            self.app.copy_to_clipboard(text)

    def text_to_copy(self) -> str:
        """What `y` copies."""
        return ""
