"""The items of a run: each with every candidate's score, and below in full: prompt as sent, reference, outputs."""

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
from workbench.screens.evaluate_rows import ranked
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Column, Table
from workbench.widgets.textline import Line, Piece, TextLine, wrap
from workbench.widgets.words import NOTHING

if TYPE_CHECKING:
    from workbench.evaluate.results import ItemResult, RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Candidates stand in narrow columns: A is the best, B the next."""
RIGHT: Final = 1.0

Item = dict[str, "ItemResult"]
"""The answers to one item by candidate, the first repeat of each."""


class ItemsRead(Message):
    """Every answer of the run, by item in the order of the test set."""

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__()
        self.items = items


class ItemsScreen(Frame):
    """Over the Evaluate screen; escape goes back."""

    MODE = "evaluate"
    CSS = stylesheet("evaluate")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("items"))
    AUTO_FOCUS = "#items LineList"
    HELP = """\
# Items of a run

Each row is a record of the test set with the score of each candidate: ✓ right, ✗ wrong, a number between, ! \
where no answer came. Below is the item in full: the prompt exactly as the chosen candidate got it, the reference, and \
what each candidate said. `c` chooses another candidate's prompt; `d` shows only items on which candidates differ.
"""

    def __init__(self, context: Context, project: Project, run: RunResult, candidate: str) -> None:
        super().__init__(context, project)
        self.run_result = run
        self.candidates = [row.candidate for row in ranked(run.candidates)]
        self.candidate = candidate
        """Whose prompt is shown."""
        self._items: Sequence[Item] = ()
        self._shown: Sequence[Item] = ()
        self._differing = False
        letters = [Column(LETTERS[at % len(LETTERS)], right=True) for at, _ in enumerate(self.candidates)]
        self._legend = TextLine(id="legend")
        self._table = Table([Column("item", right=True), *letters, Column("asked", grows=True)], id="items")
        self._reading = Reading(id="item")

    def compose_body(self) -> Iterable[Widget]:
        """The legend, the items, one item."""
        yield self._legend
        with Container(id="halves"):
            yield self._table
            yield self._reading

    def on_mount(self) -> None:
        """Read the answers."""
        self._table.list.empty = "Reading the answers…"
        self._show_legend()
        self.read_items()

    @work(exclusive=True, group="items", exit_on_error=False)
    async def read_items(self) -> None:
        """Read every answer of the run."""
        self.post_message(ItemsRead(await aside_sync(self._read)))

    def _read(self) -> list[Item]:
        from workbench.workflow.runs import run_items

        by_item: dict[int, Item] = {}
        for row in run_items(self.context, self.project, self.run_result.run):
            if row.repeat == 0:
                by_item.setdefault(row.index, {})[row.candidate] = row
        return [by_item[index] for index in sorted(by_item)]

    @on(ItemsRead)
    def show_items(self, message: ItemsRead) -> None:
        """Show them from the first."""
        self._items = message.items
        self._show(cursor=0)

    def _show(self, cursor: int | None = None) -> None:
        self._shown = [item for item in self._items if _differ(item)] if self._differing else self._items
        self._table.list.empty = (
            "The candidates differ on no item." if self._differing else "This run keeps no answers."
        )
        self._table.show_cells([self._cells(item) for item in self._shown], cursor=cursor)

    def _cells(self, item: Item) -> list[Piece]:
        some = next(iter(item.values()))
        scores = [_score(item.get(candidate)) for candidate in self.candidates]
        return [Piece(f"{some.index + 1:,}", "muted"), *scores, Piece(_asked(some))]

    def _show_legend(self) -> None:
        pieces = [Piece(" ")]
        for at, candidate in enumerate(self.candidates):
            role = "accent" if candidate == self.candidate else "muted"
            pieces.append(Piece(f"{LETTERS[at % len(LETTERS)]} {visible_line(candidate)}   ", role))
        self._legend.show(pieces, [Piece(" only differing ", "warning")] if self._differing else [])

    @property
    def item(self) -> Item | None:
        """The item under the cursor."""
        row = self._table.list.cursor
        return self._shown[row] if row < len(self._shown) else None

    @on(LineList.Moved, "#items LineList")
    def show_item(self) -> None:
        """The item under the cursor in full."""
        item = self.item
        self._reading.show_text(lambda width: list(self._lines(item, width)) if item else [])

    @on(LineList.Chosen, "#items LineList")
    def read_item(self) -> None:
        """Keys go to the text."""
        self._reading.focus()

    def _lines(self, item: Item, width: int) -> Iterator[Line]:
        asked = item.get(self.candidate)
        some = asked or next(iter(item.values()))
        yield (Piece("prompt as sent to ", "muted"), Piece(visible_line(some.candidate), "strong"))
        for message in some.messages:
            yield from _message_lines(message, width)
        yield ()
        yield from _block("reference", some.reference, width, "good")
        for candidate in self.candidates:
            row = item.get(candidate)
            if row is None:
                continue
            yield ()
            score = _score(row)
            yield (Piece(visible_line(candidate), "strong"), Piece("  "), score)
            if row.error is not None:
                yield from ((Piece(line, "bad"),) for line in wrap(visible(row.error), width))
                continue
            if row.note:
                yield from ((Piece(line, "warning"),) for line in wrap(visible_line(row.note), width))
            yield from _indented(row.output or "(empty)", width)

    def action_candidate(self) -> None:
        """The next candidate's prompt."""
        at = self.candidates.index(self.candidate) if self.candidate in self.candidates else -1
        self.candidate = self.candidates[(at + 1) % len(self.candidates)]
        self._show_legend()
        self.show_item()

    def action_differing(self) -> None:
        """Only items on which candidates differ, or all again."""
        self._differing = not self._differing
        self._show_legend()
        self._show(cursor=0)

    def action_back(self) -> None:
        """Back to the table."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The item as it is shown."""
        return self._reading.text


def _score(row: ItemResult | None) -> Piece:
    """One score: a glyph for right and wrong, a number between."""
    if row is None:
        return Piece(NOTHING, "muted")
    if row.score is None:
        return Piece("!", "bad")
    if row.score >= RIGHT:
        return Piece("✓", "good")
    return Piece("✗", "bad") if row.score <= 0 else Piece(f"{row.score:.2f}", "warning")


def _differ(item: Item) -> bool:
    return len({row.score for row in item.values()}) > 1


def _asked(row: ItemResult) -> str:
    """The first words of the last message of the prompt."""
    text = row.messages[-1].get("content") if row.messages else ""
    return visible_line(text if isinstance(text, str) else str(text))[:200]


def _message_lines(message: dict[str, object], width: int) -> Iterator[Line]:
    content = message.get("content")
    yield (Piece(visible_line(str(message.get("role", ""))), "accent"),)
    yield from _indented(content if isinstance(content, str) else str(content), width)


def _block(title: str, text: str, width: int, role: str) -> Iterator[Line]:
    yield (Piece(title, role),)
    yield from _indented(text, width)


def _indented(text: str, width: int) -> Iterator[Line]:
    for line in wrap(visible(text), width - 2):
        yield (Piece("  "), Piece(line))
