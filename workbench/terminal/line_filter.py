"""The second wall against escape injection: whatever a widget renders, no control character leaves the app."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from workbench.terminal.escape import without_controls


class ControlCharacterFilter(LineFilter):
    """Deletes control characters from rendered lines without changing their width.

    The first wall is `escape.visible` at the data boundary; this one is for what slipped past it (a border title, a
    toast, a widget of somebody else's).
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, none of them with a character that a terminal would obey."""
        return [_cleaned(segment) for segment in segments]


def _cleaned(segment: Segment) -> Segment:
    text, style, control = segment
    if control or text.isprintable():
        return segment
    clean = without_controls(text)
    if clean == text:
        return segment
    # A tab has a width in Rich; the blanks keep what is right of it in its column.
    return Segment(clean + " " * (cell_len(text) - cell_len(clean)), style)
