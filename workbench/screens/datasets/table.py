"""The list of records: a heading, and columns that give way where it is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.screens.datasets.facts import UNKNOWN, RowFacts
from workbench.screens.datasets.view import Sort
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece, TextLine, fit

if TYPE_CHECKING:
    from workbench.screens.record_text import Summary

MARK: Final = "◆"
"""Before the number of a record that is marked."""
_MARKER: Final = 2
"""Cells of the list's cursor mark."""
_SCROLLBAR: Final = 1


class _Column(NamedTuple):
    """A column that is shown where there is room."""

    key: str
    title: str
    width: int
    needs: int
    """Cells of the list from which on it is there."""


_COLUMNS: Final = (
    _Column("turns", "turns", 5, 76),
    _Column("tokens", "tokens", 7, 48),
    _Column("size", "bytes", 8, 100),
    _Column("findings", "found", 5, 64),
)
_CHIPS: Final = 5
"""Cells of the roles' first letters."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list."""

    number: str
    """Its line in the file, or what stands for one."""
    marked: bool
    edited: bool
    facts: RowFacts
    size: int
    summary: Summary


class RecordTable(Vertical):
    """Heading and list; `list` is where the cursor and the messages are. Both fill the screen when zoomed."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    RecordTable > LineList { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.heading = TextLine(id="heading")
        self.list = LineList(id="records", empty="no records")
        self._listed: Callable[[int], Listed] | None = None
        self._digits = 1
        self._sort = Sort()

    def compose(self) -> ComposeResult:
        """The heading and the rows."""
        yield self.heading
        yield self.list

    def show_records(
        self, count: int, listed: Callable[[int], Listed], *, digits: int, sort: Sort, cursor: int | None = None
    ) -> None:
        """Show `count` records; `listed(i)` is asked for those on screen."""
        self._listed, self._digits, self._sort = listed, digits, sort
        self._show_heading()
        self.list.show_rows(count, self._row, cursor=cursor)

    def grow(self, count: int) -> None:
        """There are more rows behind those that are shown."""
        self.list.grow(count)

    def on_resize(self) -> None:
        """Another width has room for other columns."""
        self._show_heading()
        self.list.redraw()

    @property
    def _room(self) -> int:
        return self.size.width - _MARKER - _SCROLLBAR

    def _columns(self) -> list[_Column]:
        room = self._room
        return [column for column in _COLUMNS if room >= column.needs or (column.key == self._sort.key and room >= 30)]

    def _show_heading(self) -> None:
        if self._listed is None or self.size.width <= 0:
            self.heading.show()
            return
        sort = self._sort
        arrow = sort.arrow if sort.changes_order else ""
        by = arrow if sort.key == "line" else ""
        pieces = [Piece(f"{' ' * _MARKER} {'line' if self._digits > 3 else '':>{self._digits}}{by or ' '} ", "muted")]
        pieces.append(Piece(f"{'roles':<{_CHIPS}} ", "muted"))
        for column in self._columns():
            here = column.key == sort.key and bool(arrow)
            title = f"{column.title}{arrow if here else ''}"
            pieces.append(Piece(f"{title:>{column.width}} ", "accent" if here else "muted"))
        if sort.key == "label":
            pieces.append(Piece(f"by label {arrow}", "accent"))
        else:
            pieces.append(Piece("first words", "muted"))
        self.heading.show(pieces)

    def _row(self, position: int) -> Line:
        assert self._listed is not None
        listed = self._listed(position)
        facts, summary = listed.facts, listed.summary
        pieces = [
            Piece(MARK if listed.marked else " ", "accent"),
            Piece(f"{listed.number:>{self._digits}}", "warning" if listed.edited else "muted"),
            _sign(facts.severity, summary.broken),
            Piece(f" {summary.chips:<{_CHIPS}} ", "muted"),
        ]
        values = {
            "turns": _count(facts.turns if facts.turns != UNKNOWN else summary.turns),
            "tokens": _count(facts.tokens),
            "size": f"{listed.size:,}",
            "findings": str(len(facts.findings) or ""),
        }
        pieces += [Piece(f"{values[column.key]:>{column.width}} ", "muted") for column in self._columns()]
        pieces.append(Piece(summary.words, "bad" if summary.broken else ""))
        return fit(pieces, self._room)


def _count(number: int) -> str:
    """A number, or a dot where it is not known."""
    return "·" if number == UNKNOWN else f"{number:,}"


def _sign(severity: int, broken: bool) -> Piece:
    """✗ for an error, ! for a warning."""
    if broken or severity == 2:
        return Piece("✗", "bad")
    return Piece("!", "warning") if severity else Piece(" ")
