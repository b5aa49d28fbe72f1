"""Choose one of the project's runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget

from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.evaluate_rows import ranked
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Line, Piece
from workbench.widgets.words import day_and_time, share

if TYPE_CHECKING:
    from workbench.evaluate.results import RunResult


_NAME = 20
"""Cells for the best candidate's name."""


class RunsDialog(Dialog[str]):
    """Closes with a run's id."""

    TITLE_TEXT = "Runs, newest first"
    HINT = "enter shows · escape closes"

    def __init__(self, runs: Sequence[RunResult], present: str | None) -> None:
        super().__init__()
        self._runs, self._present = runs, present
        self._list = LineList()

    def compose_body(self) -> Iterable[Widget]:
        """The list."""
        yield self._list

    def on_mount(self) -> None:
        """Stand on the run that is shown."""
        ids = [run.run for run in self._runs]
        self._list.show_rows(len(ids), self._row, cursor=ids.index(self._present) if self._present in ids else 0)
        self._list.focus()

    def _row(self, row: int) -> Line:
        run = self._runs[row]
        best = next(iter(ranked(run.candidates)), None)
        shown = (
            f"best {share(best.score)} {cut_middle(visible_line(best.candidate), _NAME)}" if best is not None else ""
        )
        recorded = "  recorded," if best is not None and best.recorded else ""
        return (
            Piece(f"{day_and_time(run.created_at.timestamp())}  "),
            Piece(f"{run.items:>5,} items  ", "muted"),
            Piece(f"{shown:<{_NAME + 12}}"),
            Piece(f"{recorded}  {len(run.candidates)} candidates, test {run.test_sha256[:8]}", "muted"),
        )

    @on(LineList.Chosen)
    def choose(self, message: LineList.Chosen) -> None:
        """Close with the run."""
        if message.row is not None:
            self.dismiss(self._runs[message.row].run)
