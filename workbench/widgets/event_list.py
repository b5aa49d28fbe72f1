"""A job's events: the newest stays in view while the cursor is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece
from workbench.widgets.words import clock_time

if TYPE_CHECKING:
    from workbench.providers.events import Event

_LEVELS = {"error": ("error ", "bad"), "warn": ("warning ", "warning"), "warning": ("warning ", "warning")}


class EventList(LineList):
    """One line an event. Whoever moves the cursor up reads in peace; at the end it follows."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(empty="No events yet.", id=id)
        self._events: Sequence[Event] = ()

    def show_events(self, events: Sequence[Event]) -> None:
        """Show these events, oldest first; costs nothing when nothing came."""
        if len(events) == len(self._events) and events[-1:] == self._events[-1:]:
            return
        following = self.cursor >= len(self._events) - 1
        self._events = events
        self.show_rows(len(events), self._line, cursor=len(events) - 1 if following else None)

    @property
    def current(self) -> Event | None:
        """The event under the cursor."""
        return self._events[self.cursor] if self._events else None

    def _line(self, row: int) -> Line:
        event = self._events[row]
        word, role = _LEVELS.get(event.level, ("", ""))
        at = Piece(f"{clock_time(event.created_at)}  ", "muted")
        return (at, Piece(word, role), Piece(visible_line(event.message)))
