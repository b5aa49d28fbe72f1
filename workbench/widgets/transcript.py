"""One side of a conversation: who speaks, what was said, and what the last reply took."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.terminal.escape import visible, visible_line
from workbench.widgets.reading import Reading
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Line, Piece, TextLine, wrap

_NEAR = 2
"""Lines from the end within which the text follows what comes."""


class Transcript(Vertical):
    """Finished turns are wrapped once; while a reply streams, only its own lines are made anew."""

    DEFAULT_CSS = """
    Transcript { width: 1fr; height: 1fr; }
    Transcript > Reading { height: 1fr; padding: 0 1; }
    """

    def __init__(self, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.heading = TextLine(classes="heading")
        self.reading = Reading()
        self.numbers = TextLine(classes="numbers")
        self._heading = Piece("")
        self._said: Sequence[tuple[str, str, str]] = ()
        self._growing = ""
        self._waiting = ""
        self._wrapped: tuple[int, list[Line]] = (-1, [])

    def compose(self) -> ComposeResult:
        """Model, text, numbers."""
        yield self.heading
        yield self.reading
        yield self.numbers

    def show_heading(self, text: str, role: str) -> None:
        """Who speaks on this side; a long name is cut in its middle."""
        self._heading = Piece(visible_line(text), role)
        self._show_heading()

    def on_resize(self) -> None:
        """Another width cuts the name elsewhere."""
        self._show_heading()

    def _show_heading(self) -> None:
        room = max(3, self.size.width - 2)
        self.heading.show([Piece(" "), self._heading._replace(text=cut_middle(self._heading.text, room))])

    def show_said(self, said: Sequence[tuple[str, str, str]]) -> None:
        """Finished parts: (speaker, text, role of the text). What was growing is among them now."""
        self._said, self._growing, self._waiting = tuple(said), "", ""
        self._wrapped = (-1, [])
        self._show()

    def show_growing(self, text: str) -> None:
        """The reply that is being written, so far."""
        self._growing, self._waiting = text, ""
        self._show()

    def show_waiting(self, text: str) -> None:
        """Why nothing comes yet."""
        if not self._growing:
            self._waiting = text
            self._show()

    def _show(self) -> None:
        following = self.reading.max_scroll_y - self.reading.scroll_offset.y <= _NEAR
        self.reading.show_text(self._lines, keep_place=True)
        if following:
            # Forced: the scrollbar that would allow it comes with the next layout.
            self.reading.scroll_end(animate=False, force=True)

    def _lines(self, width: int) -> list[Line]:
        if self._wrapped[0] != width:
            lines: list[Line] = []
            for speaker, text, role in self._said:
                lines += [*_part(speaker, text, role, width), ()]
            self._wrapped = (width, lines)
        if self._growing:
            return [*self._wrapped[1], *_part("assistant", self._growing, "", width)]
        if self._waiting:
            return [*self._wrapped[1], *((Piece(line, "muted"),) for line in wrap(visible_line(self._waiting), width))]
        return self._wrapped[1]


def _part(speaker: str, text: str, role: str, width: int) -> list[Line]:
    """A speaker's name and words; the person's are behind a bar, so that turns are seen at a glance."""
    mine = speaker == "you"
    bar = Piece("┃ ", "accent") if mine else Piece("")
    room = width - 2 if mine else width
    head: Line = (Piece(speaker, "accent" if mine else "strong"),)
    return [head, *((bar, Piece(line, role)) for line in wrap(visible(text), room))]
