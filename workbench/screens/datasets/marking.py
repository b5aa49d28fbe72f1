"""Marking records, for edits of several at once."""

from __future__ import annotations

from workbench.screens.datasets.base import RecordsScreen
from workbench.screens.datasets.table import MARK
from workbench.widgets.textline import Piece


class Marking(RecordsScreen):
    """Marks stand before the line number; an edit is about the marked records, or about the one under the cursor."""

    range_from: int | None = None
    """Where in the list a range was begun."""

    def file_changed(self) -> None:
        """Another file has no marks."""
        super().file_changed()
        self.range_from = None

    def action_mark(self) -> None:
        """Mark the record or take its mark away, and go on to the next."""
        view, row, at = self.view, self.row, self.records.cursor
        if view is None or row is None:
            return
        view.mark(range(at, at + 1), not view.is_marked(row))
        self.records.redraw(at)
        self.records.cursor += 1
        self._marks_changed()

    def action_mark_range(self) -> None:
        """Begin a range at the cursor; again: mark it from there to here."""
        view, at = self.view, self.records.cursor
        if view is None or not len(view):
            return
        if self.range_from is None:
            self.range_from = at
        else:
            first, last = sorted((min(self.range_from, len(view) - 1), at))
            view.mark(range(first, last + 1))
            self.range_from = None
            self.records.redraw()
        self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark every record that is shown; where all are marked, none."""
        view = self.view
        if view is None or not len(view):
            return
        before = view.marked
        view.mark(range(len(view)))
        if view.marked == before:
            view.mark(range(len(view)), False)
        self.records.redraw()
        self._marks_changed()

    def unmark(self) -> bool:
        """Give up a range that was begun, else all marks; False where there is neither."""
        view = self.view
        if self.range_from is not None:
            self.range_from = None
        elif view is not None and view.marked:
            view.unmark()
            self.records.redraw()
        else:
            return False
        self._marks_changed()
        return True

    def _marks_changed(self) -> None:
        self.show_files()
        self.refresh_bindings()

    def shown_state(self) -> list[Piece]:
        """Also how many are marked, and where a range begins."""
        parts = super().shown_state()
        if self.range_from is not None:
            parts.append(Piece(" range begun: v ends it ", "accent"))
        if self.view is not None and self.view.marked:
            parts.append(Piece(f" {MARK} {self.view.marked:,} marked ", "accent"))
        return parts
