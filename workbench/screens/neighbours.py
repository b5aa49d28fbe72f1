"""The training records that are nearest to an item: what a model tuned on them has seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.screens.aside import aside_sync
from workbench.screens.frame import Frame
from workbench.screens.item_text import indented, question_lines
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Column, Table
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.evaluate.grid import GridItem
    from workbench.evaluate.neighbours import Neighbour
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

MOST: Final = 25
_COLUMNS: Final = (
    Column("record", right=True),
    Column("words", right=True),
    Column("BM25", right=True, gives_way=1),
    Column("answer", gives_way=2),
    Column("asked", grows=True),
)
_ANSWER: Final = 16
"""Cells of the answer in its row."""


class NeighboursFound(Message):
    """The nearest records, nearest first."""

    def __init__(self, found: Sequence[Neighbour]) -> None:
        super().__init__()
        self.found = tuple(found)


class NeighboursScreen(Frame):
    """Over the items; escape goes back."""

    MODE = "evaluate"
    SHOWS_NEXT_STEP = False
    CSS = stylesheet("evaluate")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("neighbours"))
    AUTO_FOCUS = "#neighbours LineList"
    HELP = """\
# Nearest training records

The records of the training file whose questions are nearest to the item's, by BM25, which weighs rare words that both \
have. *words* is the part of the different words that both share: at 100 % both have the same words, and the item may \
be a leak. A record with the same answer as the item's reference has ✓ before it, another answer ≠: near questions \
with other answers are what a model learns to confuse. `w` compares both questions word by word.
"""

    def __init__(self, context: Context, project: Project, item: GridItem) -> None:
        super().__init__(context, project)
        self._item = item
        self._found: tuple[Neighbour, ...] = ()
        self._words = False
        self._head = TextLine(id="head")
        self._table = Table(_COLUMNS, empty="Searching the training file…", id="neighbours")
        self._reading = Reading(id="neighbour")

    def compose_body(self) -> Iterable[Widget]:
        """The item in a line, its neighbours, one of them."""
        yield self._head
        with Container(id="halves"):
            yield self._table
            yield self._reading

    def on_mount(self) -> None:
        """Search."""
        asked = visible_line(self._item.question)
        self._head.show([Piece(f" item {self._item.index + 1:,} ", "strong"), Piece(asked, "muted")])
        self.find()

    @work(exclusive=True, group="neighbours", exit_on_error=False)
    async def find(self) -> None:
        """Read the training side and search it."""
        self.post_message(NeighboursFound(await aside_sync(self._find)))

    def _find(self) -> list[Neighbour]:
        from workbench.evaluate.neighbours import nearest
        from workbench.evaluate.task import load_items
        from workbench.workflow.teaching import training_file

        return nearest(self._item.question, load_items(training_file(self.project)), MOST)

    @on(NeighboursFound)
    def show_neighbours(self, message: NeighboursFound) -> None:
        """Show them from the nearest."""
        self._found = message.found
        self._table.list.empty = "No training record shares a word with the item."
        self._table.show_cells([self._cells(one) for one in self._found], cursor=0)

    def _cells(self, one: Neighbour) -> list[Piece]:
        same = one.record.reference.strip() == self._item.plain.reference.strip()
        answer = Piece(f"{'✓' if same else '≠'} {visible_line(one.record.reference[:_ANSWER])}", "good" if same else "")
        role = "warning" if one.shared >= 1 else ""
        shared = Piece(f"{one.shared:.0%}", role)
        return [
            Piece(f"{one.record.index + 1:,}", "muted"), shared, Piece(f"{one.score:.1f}", "muted"), answer,
            Piece(visible_line(one.record.question)[:200]),
        ]  # fmt: skip

    @on(LineList.Moved, "#neighbours LineList")
    def show_neighbour(self) -> None:
        """The record under the cursor in full."""
        at = self._table.list.cursor
        one = self._found[at] if at < len(self._found) else None
        self._reading.show_text(lambda width: list(self._lines(one, width)) if one is not None else [])

    def _lines(self, one: Neighbour, width: int) -> Iterator[Line]:
        if self._words:
            yield from question_lines(self._item.question, one.record.question, width)
        else:
            yield (Piece("asked in training", "accent"),)
            yield from indented(one.record.question, width)
        yield ()
        yield (Piece("its answer", "accent"),)
        yield from indented(one.record.reference, width)
        yield (Piece("the item's reference", "good"),)
        yield from indented(self._item.plain.reference, width)

    @on(LineList.Chosen, "#neighbours LineList")
    def read_neighbour(self) -> None:
        """Keys go to the text."""
        self._reading.focus()

    def action_words(self) -> None:
        """Both questions word by word, or the record again."""
        self._words = not self._words
        self.show_neighbour()

    def action_back(self) -> None:
        """Back to the item."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The record as it is shown."""
        return self._reading.text
