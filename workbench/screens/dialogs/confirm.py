"""A question with yes and no, asked before something that cannot be taken back or that costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible


class ConfirmDialog(Dialog[bool]):
    """True for yes. Enter alone is no answer: a reflex must not spend money."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n", "answer(False)", "No", show=False),
    ]
    HINT = "y yes · n or escape no"

    def __init__(self, question: str, detail: str = "") -> None:
        super().__init__()
        self._question, self._detail = visible(question), visible(detail)

    def compose_body(self) -> Iterable[Widget]:
        """The question and what hangs on it."""
        yield Static(self._question, classes="title", markup=False)
        if self._detail:
            yield Static(self._detail, markup=False)

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)

    def action_leave(self) -> None:
        """Escape is a no."""
        self.dismiss(False)
