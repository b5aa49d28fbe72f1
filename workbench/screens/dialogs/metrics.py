"""Choose one of a job's charts by its name, with what was reported last of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from textual import on
from textual.widget import Widget

from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.metric_groups import Group
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.plot import Point
from workbench.widgets.textline import Line, Piece


class MetricsDialog(Dialog[str]):
    """Closes with a chart's title."""

    TITLE_TEXT = "Everything that was reported"
    HINT = "enter shows the chart · escape closes"

    def __init__(self, groups: Sequence[Group], series: Mapping[str, Sequence[Point]], present: str) -> None:
        super().__init__()
        self._groups, self._series, self._present = groups, series, present
        self._list = LineList(empty="no numbers yet")
        self._room = max((cell_len(visible_line(group.title)) for group in groups), default=0)

    def compose_body(self) -> Iterable[Widget]:
        """The list."""
        yield self._list

    def on_mount(self) -> None:
        """Stand on the chart that is shown."""
        titles = [group.title for group in self._groups]
        here = titles.index(self._present) if self._present in titles else 0
        self._list.show_rows(len(titles), self._row, cursor=here)
        self._list.focus()

    def _row(self, row: int) -> Line:
        group = self._groups[row]
        name = visible_line(group.title)
        newest = [
            f"{group.sides[key]} {points[-1][1]:.4g}".strip()
            for key in group.series
            if (points := self._series.get(key))
        ]
        return (Piece(name + " " * (self._room - cell_len(name) + 3)), Piece("   ".join(newest), "muted"))

    @on(LineList.Chosen)
    def choose(self, message: LineList.Chosen) -> None:
        """Close with the chart."""
        if message.row is not None:
            self.dismiss(self._groups[message.row].title)
