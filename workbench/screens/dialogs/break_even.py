"""The break-even, drawn: what both have cost by each month, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.decide_costs import break_even_lines, month_lines
from workbench.screens.dialogs.dialog import Dialog
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    from workbench.decide.decision import Decision

_AROUND = 14
"""Rows of the dialog that are not the chart's at the least: frame, title, hint, formula."""


class BreakEvenDialog(Dialog[None]):
    """A chart, the sensitivity, the months."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q,b", "leave", show=False)]
    CSS = """
    BreakEvenDialog .dialog { width: 100; max-width: 96%; }
    BreakEvenDialog #drawn { height: auto; max-height: 50vh; }
    """
    HINT = "↑ ↓ scroll · y copies · escape closes"

    def __init__(self, decision: Decision) -> None:
        super().__init__()
        self._decision = decision
        self._reading = Reading(id="drawn")

    def compose_body(self) -> Iterable[Widget]:
        """All of it in one text that scrolls."""
        yield Static("Break-even", classes="title", markup=False)
        yield self._reading

    def on_mount(self) -> None:
        """Show it from the top."""
        self._reading.show_text(self._lines)
        self._reading.focus()

    def _lines(self, width: int) -> Sequence[Line]:
        one = self._decision.break_even
        height = max(9, min(18, self.app.size.height - _AROUND))
        drawn = break_even_lines(self._decision, width, height)
        return [*drawn, (Piece(""),), *month_lines(one)] if one is not None else drawn

    def text_to_copy(self) -> str:
        """All of it."""
        return self._reading.text
