"""The numbers of a chart as a table, for who cannot or will not read curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

_WIDEST = 14


class SeriesTableDialog(Dialog[None]):
    """One line a step, of which only those on screen are made."""

    CSS = "SeriesTableDialog #rows { max-height: 60vh; } SeriesTableDialog .head { padding: 0 2; }"
    HINT = "↑ ↓ scroll · g G ends · escape closes"

    def __init__(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[float | int | None]]) -> None:
        super().__init__()
        self._title, self._columns, self._rows = visible_line(title), columns, rows
        self._list = LineList(empty="no numbers yet", id="rows")

    def compose_body(self) -> Iterable[Widget]:
        """Names, then numbers."""
        yield Static(self._title, classes="title", markup=False)
        head = "  ".join(f"{_short(name):>{_WIDEST}}" for name in self._columns)
        yield Static(head, classes="head", markup=False)
        yield self._list

    def on_mount(self) -> None:
        """Stand on the newest step."""
        self._list.show_rows(len(self._rows), self._line, cursor=len(self._rows) - 1)
        self._list.focus()

    def _line(self, row: int) -> Line:
        cells = [
            "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
            for value in self._rows[row]
        ]
        return (Piece("  ".join(f"{cell:>{_WIDEST}}" for cell in cells)),)


def _short(name: str) -> str:
    text = visible_line(name).replace("mean_token_", "")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
