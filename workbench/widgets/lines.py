"""A list of any length: only the rows on screen are asked for and drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.actions import LIST, bindings_for
from workbench.widgets.textline import Drawn, Line, Piece


class LineList(Drawn, ScrollView, can_focus=True):
    """Rows of pieces with a cursor. A million rows cost what the visible ones cost."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(LIST))
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--cursor"}
    DEFAULT_CSS = """
    LineList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    cursor: reactive[int] = reactive(0)
    """The row under the cursor, from 0; 0 too when there is none."""

    class Moved(Message):
        """The cursor stands on another row, or the rows changed under it."""

        def __init__(self, lines: LineList, row: int | None) -> None:
            super().__init__()
            self.lines = lines
            self.row = row
            """None when the list is empty."""

        @property
        def control(self) -> LineList:
            """The list, for `@on` selectors."""
            return self.lines

    class Chosen(Moved):
        """Enter, or a click on the row that has the cursor."""

    def __init__(self, *, empty: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._row: Callable[[int], Line] = lambda _: ()
        self._cache: LRUCache[int, Line] = LRUCache(512)
        self.empty = empty
        """What an empty list says."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    def show_rows(self, count: int, row: Callable[[int], Line], *, cursor: int | None = None) -> None:
        """Show `count` rows; `row(i)` is asked for those on screen, once. The cursor stays where it can."""
        self._count, self._row = count, row
        self._cache.clear()
        self.virtual_size = Size(self.size.width, count)
        wanted = self.cursor if cursor is None else cursor
        self.set_reactive(LineList.cursor, max(0, min(wanted, count - 1)))
        self._bring_cursor_into_view()
        self.refresh()
        self.say_where()

    def say_where(self) -> None:
        """Tell of the row under the cursor: it may be another one's."""
        self.post_message(self.Moved(self, self.cursor if self._count else None))

    def grow(self, count: int) -> None:
        """There are more rows behind those that are there; what is on screen stays as it is."""
        shown = self.scroll_offset.y + self.scrollable_content_region.height
        redraws = self._count < shown
        self._count = count
        self.virtual_size = Size(self.size.width, count)
        if redraws:
            self.refresh()

    def redraw(self, row: int | None = None) -> None:
        """Ask again for one row, or for all."""
        if row is None:
            self._cache.clear()
            self.refresh()
        else:
            self._cache.discard(row)
            self.refresh_line(row)

    def validate_cursor(self, row: int) -> int:
        """Inside the list."""
        return max(0, min(row, self._count - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two rows and say so."""
        self.refresh_line(before)
        self.refresh_line(after)
        self._bring_cursor_into_view()
        if self._count:
            self.post_message(self.Moved(self, after))

    def _bring_cursor_into_view(self) -> None:
        height = self.scrollable_content_region.height
        if height <= 0:
            return
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def on_resize(self) -> None:
        """Another size shows other rows."""
        self.virtual_size = Size(self.size.width, self._count)
        self._bring_cursor_into_view()

    def render_line(self, y: int) -> Strip:
        """Row `y` of the window."""
        width, base = self.scrollable_content_region.width, self.rich_style
        row = y + self.scroll_offset.y
        if not self._count and y == 0 and self.empty:
            return self.strip_of([Piece(f"  {self.empty}", "muted")], width, base)
        if row >= self._count:
            return Strip.blank(width, base)
        line = self._cache.get(row)
        if line is None:
            line = self._cache[row] = self._row(row)
        marker = Piece("  ")
        if row == self.cursor:
            base += self._cursor_style()
            marker = Piece("▸ " if self.has_focus else "› ", "accent")
        return self.strip_of([marker, *line], width, base)

    def _cursor_style(self) -> Style:
        return self.get_component_rich_style("lines--cursor", partial=True)

    def watch_has_focus(self, value: bool) -> None:
        """The cursor shows whether keys go here."""
        super().watch_has_focus(value)
        self.refresh_line(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; a second click chooses."""
        row = event.get_content_offset_capture(self).y + self.scroll_offset.y
        if row >= self._count:
            return
        if row == self.cursor:
            self.post_message(self.Chosen(self, row))
        self.cursor = row

    def key_enter(self, event: events.Key) -> None:
        """Choose the row. The key goes no further: a dialog that opens meanwhile would take it for its own."""
        if self._count:
            event.stop()
            self.post_message(self.Chosen(self, self.cursor))

    def action_down(self) -> None:
        """One row down."""
        self.cursor += 1

    def action_up(self) -> None:
        """One row up."""
        self.cursor -= 1

    def action_first(self) -> None:
        """To the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """To the last row."""
        self.cursor = self._count - 1

    def action_page_down(self) -> None:
        """One screenful down."""
        self.cursor += max(1, self.scrollable_content_region.height - 1)

    def action_page_up(self) -> None:
        """One screenful up."""
        self.cursor -= max(1, self.scrollable_content_region.height - 1)
