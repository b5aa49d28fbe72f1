"""The items of a run: each with every candidate's score, and below in full: question, reference, outputs, prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for, by_id, key_name
from workbench.evaluate.grid import GridItem, Which, by_difference, chosen, grid
from workbench.screens.aside import aside_sync
from workbench.screens.evaluate_rows import is_trivial, ranked
from workbench.screens.item_lessons import Lessons
from workbench.screens.item_text import compared_lines, difference_piece, item_cells, item_lines, letter
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.reading import Reading
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Cells, Column, Table, cut_middle
from workbench.widgets.textline import Line, Piece, TextLine

if TYPE_CHECKING:
    from workbench.evaluate.results import RunResult
    from workbench.evaluate.slices import Slice
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

_ORDERS: Final = ("", "losses first", "gains first")
_EMPTY: Final = {
    Which.ALL: "This run keeps no answers.",
    Which.REGRESSIONS: "The chosen candidate scores less on no item.",
    Which.DISAGREEMENTS: "The candidates differ on no item.",
    Which.FAILED: "Every candidate answered every item.",
    Which.WRONG: "There is no item on which all are wrong.",
}


class ItemsRead(Message):
    """Every answer of the run, by item in the order of the test set."""

    def __init__(self, items: Sequence[GridItem], cells: Mapping[int, Cells]) -> None:
        super().__init__()
        self.items = items
        self.cells = cells
        """The row of each item, by its index."""


class ItemsScreen(Lessons):
    """Over the Evaluate screen; escape goes back."""

    MODE = "evaluate"
    CSS = stylesheet("evaluate")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("items"))
    AUTO_FOCUS = "#items LineList"
    HELP = """\
# Items of a run

Each row is a record of the test set with the score of each candidate: ✓ right, ✗ wrong, a number between, ! \
where no answer came. Two candidates are chosen: ▸ the one that `c` changes, and the one that `b` compares it with. \
Below is the item in full: what is asked, the reference, what each candidate said, and the prompt exactly as the \
chosen candidate got it.

*Filters*: `r` regressions (the chosen candidate scores less than the other), `d` items on which candidates differ, \
`e` items somebody did not answer, `x` items on which nobody scores a half. The same key again shows all. `s` puts the \
chosen candidate's losses first, then its gains.

`w` compares word by word: with the reference, then with the other candidate. −[ ] stands around words that only the \
first text has, +[ ] around those that only the chosen answer has.

`N` shows the training records that are nearest. `P` takes the prompt to the playground. `T` makes the item a training \
record; an item of the test set only after a warning, because a test that was trained on measures nothing.
"""

    def __init__(
        self, context: Context, project: Project, run: RunResult, candidate: str, only: Slice | None = None
    ) -> None:
        super().__init__(context, project, run)
        self.candidates = [row.candidate for row in ranked(run.candidates)]
        self.candidate = candidate
        """The chosen one."""
        self.against = next((one for one in self.candidates if one != candidate), candidate)
        """The one that it is compared with: the best other one at first."""
        self.which = Which.ALL
        self._only = only
        self._items: Sequence[GridItem] = ()
        self._cells: Mapping[int, Cells] = {}
        self._shown: Sequence[GridItem] = ()
        self._order = 0
        self._compared = 0
        """0: all answers; 1: words against the reference; 2: against the other candidate."""
        letters = [Column(letter(at), right=True) for at, _ in enumerate(self.candidates)]
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

    def on_resize(self) -> None:
        """Another width has room for other names."""
        self._show_legend()

    @work(exclusive=True, group="items", exit_on_error=False)
    async def read_items(self) -> None:
        """Read every answer of the run."""
        self.post_message(await aside_sync(self._read))

    def _read(self) -> ItemsRead:
        from workbench.workflow.runs import run_items

        items = grid(run_items(self.context, self.project, self.run_result.run))
        if self._only is not None:
            wanted = frozenset(self._only.indexes)
            items = [item for item in items if item.index in wanted]
        return ItemsRead(items, {item.index: item_cells(item, self.candidates) for item in items})

    @on(ItemsRead)
    def show_items(self, message: ItemsRead) -> None:
        """Show them from the first."""
        self._items, self._cells = message.items, message.cells
        self._show()

    # The items that are shown ---------------------------------------------------------------------------------------

    def _show(self) -> None:
        """The items of the filter in their order; the cursor stays on its item where that is still there."""
        before = self.item
        shown: Sequence[GridItem] = chosen(self._items, self.which, self.candidate, self.against)
        if self._order:
            shown = by_difference(shown, self.candidate, self.against, gains_first=self._order == 2)
        self._shown = shown
        at = next((at for at, item in enumerate(shown) if before is not None and item.index == before.index), 0)
        self._table.list.empty = _EMPTY[self.which]
        self._table.show_cells([self._cells[item.index] for item in shown], cursor=at)
        self._show_legend()
        self.refresh_bindings()

    def _show_legend(self) -> None:
        right = []
        if self._only is not None:
            right.append(Piece(f" {visible_line(self._only.name)} ", "accent"))
        if self.which is not Which.ALL:
            right.append(Piece(f" {self.which}: {len(self._shown):,} of {len(self._items):,} ", "warning"))
        if self._order:
            right.append(Piece(f" {_ORDERS[self._order]} ", "warning"))
        room = max(12, (self.size.width - sum(len(piece.text) for piece in right) - 26) // 2)
        left = [
            Piece(f" {self._key('items.candidate')} ", "key"),
            Piece("▸ ", "accent"),
            Piece(f"{self._letter(self.candidate)} {cut_middle(visible_line(self.candidate), room)}", "strong"),
            Piece(f"  {self._key('items.against')} ", "key"),
            Piece("against ", "muted"),
            Piece(f"{self._letter(self.against)} {cut_middle(visible_line(self.against), room)}"),
        ]
        self._legend.show(left if self.against != self.candidate else left[:3], right)

    def _key(self, action_id: str) -> str:
        """The key that does it here: the person's own, else the registry's."""
        action = by_id(action_id)
        own = self.context.config.keymap.get(action_id)
        return key_name(own.partition(",")[0].strip() if own else action.keys[0] if action is not None else "")

    def _letter(self, candidate: str) -> str:
        return letter(self.candidates.index(candidate)) if candidate in self.candidates else "?"

    @property
    def item(self) -> GridItem | None:
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

    def _lines(self, item: GridItem, width: int) -> Iterator[Line]:
        if self._compared:
            other = (self._letter(self.against), self.against) if self._compared == 2 else None
            yield from compared_lines(item, (self._letter(self.candidate), self.candidate), other, width)
            return
        if self.against != self.candidate:
            yield (
                Piece(f"item {item.index + 1:,}", "strong"),
                Piece(f" · {self._letter(self.candidate)} − {self._letter(self.against)} ", "muted"),
                difference_piece(item, self.candidate, self.against),
            )
        yield from item_lines(item, self.candidates, self.candidate, width)

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "against" | "regressions" | "sort" | "vote":
                return len(self.candidates) > 1
            case "words" | "neighbours" | "playground" | "teach":
                return self.item is not None
        return True

    def action_candidate(self) -> None:
        """The next candidate is the chosen one."""
        self.candidate = self._after(self.candidate)
        if self.candidate == self.against:
            self.against = self._after(self.against)
        self._show()

    def action_against(self) -> None:
        """Compare with the next candidate that is not the chosen one."""
        self.against = self._after(self.against)
        if self.against == self.candidate:
            self.against = self._after(self.against)
        self._show()

    def _after(self, candidate: str) -> str:
        at = self.candidates.index(candidate) if candidate in self.candidates else -1
        return self.candidates[(at + 1) % len(self.candidates)]

    def action_words(self) -> None:
        """Word by word: against the reference, against the other one, then all answers again."""
        self._compared = (self._compared + 1) % (3 if self.against != self.candidate else 2)
        self.show_item()

    def action_regressions(self) -> None:
        """Only items on which the chosen candidate is worse, or all again."""
        self._filter(Which.REGRESSIONS)

    def action_differing(self) -> None:
        """Only items on which candidates differ, or all again."""
        self._filter(Which.DISAGREEMENTS)

    def action_failed(self) -> None:
        """Only items that somebody did not answer, or all again."""
        self._filter(Which.FAILED)

    def action_wrong(self) -> None:
        """Only items on which nobody is right, or all again."""
        self._filter(Which.WRONG)

    def _filter(self, which: Which) -> None:
        self.which = Which.ALL if self.which is which else which
        self._show()

    def action_sort(self) -> None:
        """Losses first, gains first, the file's order."""
        self._order = (self._order + 1) % len(_ORDERS)
        self._show()

    def action_vote(self) -> None:
        """Judge both candidates without their names."""
        from workbench.screens.voting import VotingScreen

        self.app.push_screen(VotingScreen(self.context, self.project, self.run_result, self.candidate, self.against))

    def action_neighbours(self) -> None:
        """The training records that are nearest to the item."""
        from workbench.screens.neighbours import NeighboursScreen

        if self.item is not None:
            self.app.push_screen(NeighboursScreen(self.context, self.project, self.item))

    async def action_playground(self) -> None:
        """The prompt as the chosen candidate got it, in the playground, with both models."""
        from workbench.evaluate.candidates import parse_candidate

        item = self.item
        if item is None or not hasattr(self.app, "action_mode"):
            return
        sides = {"left": self.candidate, "right": self.against}
        models = {side: parse_candidate(text) for side, text in sides.items() if not is_trivial(text)}
        row = item.answers.get(self.candidate) or item.plain
        app: Any = self.app
        await app.action_mode("playground")
        take = getattr(app.screen, "take_prompt", None)
        if take is not None:
            take(row.messages, {side: f"{one.profile}/{one.model}" for side, one in models.items()})

    def action_back(self) -> None:
        """Back to the table."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The item as it is shown."""
        return self._reading.text
