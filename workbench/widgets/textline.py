"""Lines of styled pieces: the one way in which text from data reaches the screen here.

A piece is a text and a *role*, the name of a colour role in `base.tcss`; nothing is ever parsed as markup. One widget
draws a whole line (or list, or record), so that a screen stays at a dozen widgets and an update at a few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from workbench.terminal.escape import visible_line
from workbench.widgets.styles import stylesheet

ROLES = frozenset({"muted", "strong", "accent", "good", "warning", "bad", "key", "trained"})
"""What a piece may be; "" is plain. Never the only sign of a state: a glyph or a word goes with it."""

ROLE_CLASSES = frozenset(f"role--{role}" for role in ROLES)
"""Component classes of every *screen* that shows pieces: on each widget they would be styled again and again."""


class Piece(NamedTuple):
    """Some text on one line."""

    text: str
    role: str = ""
    click: str = ""
    """Textual action for a click on it."""


Line = Sequence[Piece]
_NO_STYLE = Style()


def width_of(line: Iterable[Piece]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def fit(line: Line, width: int) -> list[Piece]:
    """`line` cut to `width` cells, an ellipsis where something is missing."""
    if width_of(line) <= width:
        return list(line)
    fitted: list[Piece] = []
    left = width - 1
    for piece in line:
        cells = cell_len(piece.text)
        if cells > left:
            if width > 0:
                fitted.append(piece._replace(text=set_cell_size(piece.text, max(left, 0)).rstrip() + "…"))
            break
        fitted.append(piece)
        left -= cells
    return fitted


def wrap(text: str, width: int) -> list[str]:
    """`text` as lines of at most `width` cells, broken between words where possible; tabs are eight apart."""
    return [line.plain for line in Content(text).wrap(max(width, 2))]


def title(text: str) -> Content:
    """`text` as a border's title: one line, control characters shown, and never markup, which a string would be."""
    return Content(visible_line(text))


class Drawn(Widget):
    """Base of the widgets here that draw lines of pieces themselves."""

    SCOPED_CSS = False
    DEFAULT_CSS = stylesheet("base")

    def style_of(self, piece: Piece, base: Style) -> Style:
        """The Rich style of a piece on top of `base`."""
        style = base
        if piece.role:
            style += self._role_style(piece.role)
        if piece.click:
            style += Style.from_meta({"@click": piece.click})
        return style

    def _role_style(self, role: str) -> Style:
        """Colour and attributes of a role; the background stays that of the line."""
        full = self.screen.get_component_rich_style(f"role--{role}", default=_NO_STYLE)
        return Style(color=full.color, bold=full.bold, dim=full.dim, italic=full.italic, reverse=full.reverse)

    def strip_of(self, line: Line, width: int, base: Style) -> Strip:
        """A line of exactly `width` cells."""
        segments = [Segment(piece.text, self.style_of(piece, base)) for piece in fit(line, width)]
        return Strip(segments).adjust_cell_length(width, base)


class TextLine(Drawn):
    """One row: pieces from the left and pieces from the right. When both do not fit, the left gives way."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TextLine { height: 1; width: 1fr; }
    """

    left: reactive[tuple[Piece, ...]] = reactive((), layout=False)
    right: reactive[tuple[Piece, ...]] = reactive((), layout=False)

    def show(self, left: Iterable[Piece] = (), right: Iterable[Piece] = ()) -> None:
        """Show these pieces; nothing is drawn where nothing changed."""
        self.left, self.right = tuple(left), tuple(right)

    def render_line(self, y: int) -> Strip:
        """The row."""
        width, base = self.size.width, self.rich_style
        if y:
            return Strip.blank(width, base)
        right = fit(self.right, width)
        room = width - width_of(right)
        left = fit(self.left, room - 1 if right else room)
        gap = Piece(" " * (room - width_of(left)))
        return self.strip_of([*left, gap, *right], width, base)
