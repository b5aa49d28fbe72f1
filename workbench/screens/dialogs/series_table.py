"""The numbers of a chart as a table, for who cannot or will not read curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Line, Piece, TextLine

_NUMBER = 11
"""Cells of the widest number, as it is written here."""
_WIDEST = 18
_GUTTER = 2
"""Of the list's cursor, which the names have to leave free too."""


class SeriesTableDialog(Dialog[None]):
    """One line a step, of which only those on screen are made; the step stays where the columns move on."""

    CSS = """
    SeriesTableDialog > .dialog { max-width: 100%; }
    SeriesTableDialog > .dialog > #rows { max-height: 50vh; }
    """
    HINT = "← → columns · ↑ ↓ scroll · g G ends · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "columns(-1)", show=False),
        Binding("right,l", "columns(1)", show=False),
    ]

    def __init__(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[float | int | None]]) -> None:
        super().__init__()
        self._title, self._rows = visible_line(title), rows
        names = [cut_middle(visible_line(name).replace("mean_token_", ""), _WIDEST) for name in columns]
        self._names = [f"{name:>{_NUMBER}}" for name in names]
        """Each as wide as its column."""
        self._first = 1
        """The column that stands beside the step."""
        self._head = TextLine(id="head")
        self._list = LineList(empty="no numbers yet", id="rows")

    def compose_body(self) -> Iterable[Widget]:
        """Names, then numbers."""
        yield Static(self._title, classes="title", markup=False)
        yield self._head
        yield self._list

    def on_mount(self) -> None:
        """Stand on the newest step."""
        self._list.show_rows(len(self._rows), self._line, cursor=len(self._rows) - 1)
        self._list.focus()

    def on_resize(self) -> None:
        """As many columns as there is room for."""
        self.call_after_refresh(self._show_columns)

    def action_columns(self, by: int) -> None:
        """The columns before, or those behind, until the last one is seen."""
        if by < 0 or self._shown()[-1] < len(self._names) - 1:
            self._first = max(1, self._first + by)
            self._show_columns()

    def _shown(self) -> list[int]:
        """The step, and the columns beside it that have room."""
        room = self._list.scrollable_content_region.width - _GUTTER - len(self._names[0])
        shown = [0]
        for index in range(self._first, len(self._names)):
            room -= cell_len(self._names[index]) + 2
            if room < 0 and len(shown) > 1:
                break
            shown.append(index)
        return shown

    def _show_columns(self) -> None:
        shown = self._shown()
        before, behind = self._first > 1, shown[-1] < len(self._names) - 1
        name = "  ".join(self._names[index] for index in shown)
        self._head.show([Piece(" " * _GUTTER + name, "muted")], [Piece(f"{'←' * before}{'→' * behind}", "accent")])
        self._list.show_rows(len(self._rows), self._line)

    def _line(self, row: int) -> Line:
        cells = []
        for index in self._shown():
            value = self._rows[row][index]
            text = "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
            cells.append(f"{text:>{len(self._names[index])}}")
        return (Piece("  ".join(cells)),)
