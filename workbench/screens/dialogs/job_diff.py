"""Two jobs beside each other: data, settings, what they reported, and which model is better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible_line
from workbench.widgets.reading import Reading
from workbench.widgets.textline import Line, Piece, fit, width_of, wrap

if TYPE_CHECKING:
    from workbench.workflow.job_diff import JobDiff

GAP = 2
"""Cells between columns."""
INDENT = "  "
"""Of everything but headings."""


class JobDiffDialog(Dialog[None]):
    """Three columns under headings: what, in the older job, in the newer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "leave", show=False)]
    CSS = "JobDiffDialog #text { max-height: 60vh; }"
    HINT = "↑ ↓ scroll · y copies · escape closes"

    def __init__(self, found: JobDiff) -> None:
        from workbench.workflow.job_diff import diff_rows

        super().__init__()
        self._rows = [[_visible(cell) for cell in row] for row in diff_rows(found)]
        self._reading = Reading(id="text")

    def compose_body(self) -> Iterable[Widget]:
        """The table."""
        yield Static("What changed between two jobs", classes="title", markup=False)
        yield self._reading

    def on_mount(self) -> None:
        """Show it from the top."""
        self._reading.show_text(self._lines)
        self._reading.focus()

    def _lines(self, width: int) -> Sequence[Line]:
        first = min(max(width_of([Piece(row[0])]) for row in self._rows if any(row[1:])), width // 3)
        each = (width - first - 2 * GAP) // 2
        lines: list[Line] = []
        for row in self._rows:
            if any(row[1:]):
                lines.append(_columns(row, first, each))
            elif row[0].startswith(INDENT):
                lines += [(Piece(INDENT + text),) for text in wrap(row[0].strip(), width - len(INDENT))]
            else:
                lines.append((Piece(row[0], "strong"),))
        return lines

    def text_to_copy(self) -> str:
        """All of it, with tabs between the columns."""
        return "\n".join("\t".join(row).rstrip() for row in self._rows)


def _visible(cell: str) -> str:
    return (INDENT if cell.startswith(INDENT) else "") + visible_line(cell)


def _columns(row: Sequence[str], first: int, each: int) -> Line:
    """One line of the table; a cell that is too long ends in an ellipsis."""
    style = "" if row[0] else "muted"
    line: list[Piece] = []
    for cell, width in zip(row, (first, each, each), strict=True):
        if line:
            line.append(Piece(" " * GAP))
        pieces = fit((Piece(cell, style),), width)
        line += [*pieces, Piece(" " * (width - width_of(pieces)))]
    return tuple(line)
