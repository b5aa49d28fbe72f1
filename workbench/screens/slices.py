"""A run in slices: each candidate's score by length, label and number of turns; below one slice with its intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.evaluate.slices import Slice, slices
from workbench.screens.aside import aside_sync
from workbench.screens.evaluate_rows import CANDIDATE_COLUMNS, candidate_cells, ranked
from workbench.screens.frame import Frame
from workbench.screens.item_text import letter
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Column, Table
from workbench.widgets.textline import Piece, TextLine, title
from workbench.widgets.words import NOTHING

if TYPE_CHECKING:
    from workbench.evaluate.results import CandidateResult, RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project

FEW: Final = "few"
"""Beside the number of items where the intervals cannot be trusted."""


class SlicesRead(Message):
    """The run, cut as far as it is."""

    def __init__(self, found: Sequence[Slice], *, all_of_them: bool) -> None:
        super().__init__()
        self.found = tuple(found)
        self.all_of_them = all_of_them

    def can_replace(self, message: Message) -> bool:
        """The later one has more."""
        return isinstance(message, SlicesRead)


class SlicesScreen(Frame):
    """Over the Evaluate screen; escape goes back."""

    MODE = "evaluate"
    CSS = stylesheet("evaluate")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("slices"))
    AUTO_FOCUS = "#slices LineList"
    HELP = """\
# Slices of a run

The score of every candidate on parts of the test set: short and long prompts (in thirds), each label where the \
references are a few that repeat, each number of turns. Candidates stand in narrow columns, the best first; below they \
are named, with the interval of each on the slice under the cursor.

*few* means fewer than 50 independent items: the interval cannot be trusted. Who looks at many slices finds some that \
differ by chance: take a slice as a question for the next test set, not as an answer. `enter` shows its items.
"""

    def __init__(self, context: Context, project: Project, run: RunResult, candidate: str) -> None:
        super().__init__(context, project)
        self.run_result = run
        self._candidate = candidate
        self._ranked = ranked(run.candidates)
        self._slices: tuple[Slice, ...] = ()
        self._cutting = True
        self._left = False
        letters = [Column(letter(at), right=True, gives_way=at) for at, _ in enumerate(self._ranked)]
        columns = [Column("by"), Column("slice", grows=True), Column("n", right=True), *letters]
        self._table = Table(columns, empty="Reading the answers…", id="slices")
        self._about = TextLine(id="about")
        self._scores = Table(CANDIDATE_COLUMNS, id="scores")

    def compose_body(self) -> Iterable[Widget]:
        """The slices, the candidates on one of them."""
        yield self._table
        with Vertical(id="on-slice"):
            yield self._about
            yield self._scores

    def on_mount(self) -> None:
        """Cut the run."""
        self.read_slices()

    @work(exclusive=True, group="slices", exit_on_error=False)
    async def read_slices(self) -> None:
        """Read every answer and cut; intervals of thousands of items take seconds, so slices come one by one."""
        await aside_sync(self._read)

    def _read(self) -> None:
        from workbench.workflow.runs import run_items

        rows = run_items(self.context, self.project, self.run_result.run)
        found: list[Slice] = []
        for one in slices(rows, [row.candidate for row in self._ranked], self.run_result.task.seed):
            if self._left:
                return
            found.append(one)
            self.post_message(SlicesRead(found, all_of_them=False))
        self.post_message(SlicesRead(found, all_of_them=True))

    def on_unmount(self) -> None:
        """Nobody waits for the rest."""
        self._left = True

    @on(SlicesRead)
    def show_slices(self, message: SlicesRead) -> None:
        """The whole run first, to compare with."""
        self._slices, self._cutting = message.found, not message.all_of_them
        run = self.run_result
        whole = [Piece("all"), Piece("every item", "strong"), Piece(f"{run.items:,}"), *map(_score, self._ranked)]
        rows = [whole]
        for before, one in zip((None, *self._slices), self._slices, strict=False):
            way = one.way if before is None or before.way != one.way else ""
            name = f"few {one.n:,}" if one.underpowered else f"{one.n:,}"
            results = [one.result(row.candidate) for row in self._ranked]
            few = Piece(name, "warning" if one.underpowered else "")
            rows.append([Piece(way, "accent"), Piece(visible_line(one.name) or "(empty)"), few, *map(_score, results)])
        self._table.show_cells(rows)
        self.refresh_bindings()

    @property
    def slice(self) -> Slice | None:
        """The slice under the cursor; None on the whole run."""
        at = self._table.list.cursor - 1
        return self._slices[at] if 0 <= at < len(self._slices) else None

    @on(LineList.Moved, "#slices LineList")
    def show_slice(self) -> None:
        """Every candidate on it, in the order of the whole run."""
        one = self.slice
        pane = self.query_one("#on-slice")
        pane.border_title = title(f"{one.way}: {one.name}" if one is not None else "every item")
        self._about.show(_about(one, self._cutting, bool(self._slices)))
        results = self._ranked if one is None else list(one.results)
        cells = [candidate_cells(row) for row in results]
        for at, row in enumerate(cells):
            row[0] = row[0]._replace(text=f"{letter(at)} {row[0].text}")
        self._scores.show_cells(cells, cursor=0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        return action != "items" or bool(self._table.list.count)

    @on(LineList.Chosen, "#slices LineList")
    def action_items(self) -> None:
        """Its items."""
        from workbench.screens.items import ItemsScreen

        screen = ItemsScreen(self.context, self.project, self.run_result, self._candidate, self.slice)
        self.app.push_screen(screen)

    def action_back(self) -> None:
        """Back to the table."""
        self.app.pop_screen()

    def text_to_copy(self) -> str:
        """The slice's name."""
        return self.slice.name if self.slice is not None else ""


def _score(row: CandidateResult | None) -> Piece:
    return Piece(NOTHING if row is None or row.score is None else f"{row.score:.2f}")


def _about(one: Slice | None, cutting: bool, any_slices: bool) -> list[Piece]:
    if one is None:
        nothing = "Length, label and turns are the same for all items: there is nothing to cut by."
        text = "More slices are on their way…" if cutting else "" if any_slices else nothing
        return [Piece(f" {text}", "muted")]
    groups = f" in {one.units:,} groups" if one.units != one.n else ""
    if one.underpowered:
        return [Piece(f" {one.n:,} items{groups}: underpowered, an interval needs 50 to be trusted", "warning")]
    return [Piece(f" {one.n:,} items{groups}", "muted")]
