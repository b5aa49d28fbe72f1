"""A list with headings that the cursor steps over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, or a heading where it has no key."""

    line: Line
    key: str = ""

    @classmethod
    def heading(cls, text: str, right: str = "") -> Entry:
        """A heading with a few words after it."""
        return cls((Piece(text, "strong"), Piece(f"  {right}" if right else "", "muted")))


class SectionList(LineList):
    """Entries under headings."""

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(empty=empty, id=id)
        self._entries: Sequence[Entry] = ()

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these; the cursor stays on the key it was on, else goes to the first."""
        here = self.key
        self._entries = entries
        keys = [entry.key for entry in entries]
        first = next((row for row, key in enumerate(keys) if key), 0)
        cursor = keys.index(here) if here and here in keys else first
        self.show_rows(len(entries), lambda row: entries[row].line, cursor=cursor)

    @property
    def key(self) -> str:
        """The key under the cursor; empty where there is none."""
        return self._entries[self.cursor].key if self.cursor < len(self._entries) else ""

    def go_to(self, key: str) -> None:
        """Put the cursor on a key."""
        self.cursor = next((row for row, entry in enumerate(self._entries) if entry.key == key), self.cursor)

    def validate_cursor(self, row: int) -> int:
        """Inside the list, and on no heading: the next entry in the direction of the move, else the other way."""
        row = super().validate_cursor(row)
        down = range(row, len(self._entries))
        up = range(row, -1, -1)
        ways = (down, up) if row >= self.cursor else (up, down)
        return next((at for way in ways for at in way if self._entries[at].key), row)
