"""Text to read: wrapped lines that scroll, can be selected and copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from workbench.actions import LIST, bindings_for
from workbench.widgets.textline import Drawn, Line


class Reading(Drawn, ScrollView, can_focus=True):
    """Lines made for the present width by one function, drawn one by one."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(LIST))
    DEFAULT_CSS = """
    Reading { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._make: Callable[[int], Sequence[Line]] = lambda _: ()
        self._lines: Sequence[Line] = ()
        self._made_for = -1

    def show_text(self, make: Callable[[int], Sequence[Line]], *, keep_place: bool = False) -> None:
        """Show what `make(width)` gives; it is called again when the width changes."""
        self._make, self._made_for = make, -1
        self._layout_lines()
        if not keep_place:
            self.scroll_to(y=0, animate=False)
        self.refresh()

    @property
    def text(self) -> str:
        """All lines as plain text, as they stand on screen."""
        return "\n".join("".join(piece.text for piece in line) for line in self._lines)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._layout_lines()

    def _layout_lines(self) -> None:
        width = self.scrollable_content_region.width
        if width > 0 and width != self._made_for:
            self._made_for = width
            self._lines = self._make(width)
            self.virtual_size = Size(width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """Line `y` of the window."""
        width, base = self.scrollable_content_region.width, self.rich_style
        number = y + self.scroll_offset.y
        if number >= len(self._lines):
            return Strip.blank(width, base)
        strip = self.strip_of(self._lines[number], width, base)
        selection = self.text_selection
        span = selection.get_span(number) if selection is not None else None
        if span is not None:
            strip = self._selected(strip, span)
        return strip.apply_offsets(0, number)

    def _selected(self, strip: Strip, span: tuple[int, int]) -> Strip:
        """`strip` with the characters of `span` in the selection's colours; -1 is the line's end."""
        style = self.screen.get_component_rich_style("screen--selection")
        start, end = span
        segments: list[Segment] = []
        position = 0
        for text, own, _ in strip:
            stop = len(text) if end == -1 else max(0, min(len(text), end - position))
            begin = max(0, min(stop, start - position))
            for part, part_style in ((text[:begin], own), (text[begin:stop], style), (text[stop:], own)):
                if part:
                    segments.append(Segment(part, (own + part_style) if own and part_style is style else part_style))
            position += len(text)
        return Strip(segments, strip.cell_length)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, for copying."""
        return selection.extract(self.text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.refresh()

    def action_down(self) -> None:
        """One line down."""
        self.scroll_to(y=self.scroll_offset.y + 1, animate=False)

    def action_up(self) -> None:
        """One line up."""
        self.scroll_to(y=self.scroll_offset.y - 1, animate=False)

    def action_first(self) -> None:
        """To the top."""
        self.scroll_to(y=0, animate=False)

    def action_last(self) -> None:
        """To the bottom."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def action_page_down(self) -> None:
        """One screenful down."""
        self.scroll_to(y=self.scroll_offset.y + max(1, self.size.height - 1), animate=False)

    def action_page_up(self) -> None:
        """One screenful up."""
        self.scroll_to(y=self.scroll_offset.y - max(1, self.size.height - 1), animate=False)
