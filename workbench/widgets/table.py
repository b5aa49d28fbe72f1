"""A table over a line list: columns that fit the width, the less important ones giving way first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece, TextLine, fit

_GAP = 2
_MARKER = 2
"""Cells of the list's cursor mark."""
_LEAST = 10
"""A growing column is not squeezed below this while another can go."""


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    """Numbers stand at the right."""
    grows: bool = False
    """Gives and takes the room that is left; its text is cut where it must."""
    gives_way: int = 0
    """Where it is narrow the highest goes first; 0 stays."""
    both_ends: bool = False
    """Its text is cut in the middle: names that differ at their ends."""


Cells = Sequence[Piece]
"""A row: one piece a column."""


def column_widths(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> list[int | None]:
    """The width of each column in `width` cells; None for one that has no room."""
    natural = [
        max([cell_len(column.title), *(cell_len(row[index].text) for row in rows)])
        for index, column in enumerate(columns)
    ]
    kept: list[int | None] = [min(w, _LEAST) if column.grows else w for w, column in zip(natural, columns, strict=True)]

    def used() -> int:
        shown = [w for w in kept if w is not None]
        return sum(shown) + _GAP * max(0, len(shown) - 1)

    for index in sorted(range(len(columns)), key=lambda i: -columns[i].gives_way):
        if used() <= width or not columns[index].gives_way:
            break
        kept[index] = None
    growing = [index for index, column in enumerate(columns) if column.grows and kept[index] is not None]
    for index in growing:
        now = kept[index] or 0
        kept[index] = max(1, min(natural[index], now + width - used()))
    return kept


def row_line(columns: Sequence[Column], widths: Sequence[int | None], cells: Cells) -> list[Piece]:
    """One row as a line of pieces, each cell padded to its column."""
    line: list[Piece] = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        if width is None:
            continue
        if line:
            line.append(Piece(" " * _GAP))
        if column.both_ends:
            cell = cell._replace(text=cut_middle(cell.text, width))
        piece = fit([cell], width)[0] if cell.text else cell
        pad = " " * (width - cell_len(piece.text))
        line.append(piece._replace(text=pad + piece.text if column.right else piece.text + pad))
    return line


def cut_middle(text: str, width: int) -> str:
    """`text` in at most `width` cells, an ellipsis in its middle."""
    if cell_len(text) <= width or width < 3:
        return text
    tail = (width - 1) // 2
    return set_cell_size(text, width - 1 - tail).rstrip() + "…" + text[-tail:]


class Table(Vertical):
    """A heading and a line list. `list` is where the cursor and the messages are."""

    DEFAULT_CSS = """
    Table { height: 1fr; }
    Table > LineList { height: 1fr; }
    """

    def __init__(self, columns: Sequence[Column], *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._rows: tuple[Cells, ...] = ()
        self._lines: list[Line] = []
        self.heading = TextLine()
        self.list = LineList(empty=empty)

    def compose(self) -> ComposeResult:
        """The heading and the rows."""
        yield self.heading
        yield self.list

    def show_cells(
        self, rows: Sequence[Cells], *, cursor: int | None = None, columns: Sequence[Column] | None = None
    ) -> None:
        """Show these rows; the cursor stays where it can."""
        if columns is not None:
            self.columns = tuple(columns)
        self._rows = tuple(rows)
        self._lay_out(cursor)

    def on_resize(self) -> None:
        """Another width has room for other columns."""
        self._lay_out(None)

    def _lay_out(self, cursor: int | None) -> None:
        width = self.size.width - _MARKER - 1
        if width <= 0:
            return
        widths = column_widths(self.columns, self._rows, width)
        titles = [Piece(column.title, "muted") for column in self.columns]
        self.heading.show([Piece(" " * _MARKER), *row_line(self.columns, widths, titles)] if self._rows else [])
        before, self._lines = self._lines, [row_line(self.columns, widths, row) for row in self._rows]
        if before and len(before) == len(self._lines) and cursor in (None, self.list.cursor):
            # A list that is asked for again and again and is as it was costs a connection nothing.
            for row, (old, new) in enumerate(zip(before, self._lines, strict=True)):
                if old != new:
                    self.list.redraw(row)
            self.list.say_where()
        else:
            self.list.show_rows(len(self._lines), lambda row: self._lines[row], cursor=cursor)
