"""A text to edit: control characters stand as glyphs, and what is not touched comes back exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from workbench.terminal.glyphs import Glyphs

if TYPE_CHECKING:
    from textual.document._document import EditResult
    from textual.document._edit import Edit

LARGEST = 60_000
"""Characters that can be edited here: Textual lays a long line out again at every key (65 ms for these)."""
PREVIEW = 8_000
"""Characters of a larger text that are shown."""


class TextEditor(TextArea):
    """Textual's editor over any text.

    Textual's own would break lines at a form feed, write every line end alike and hand an escape sequence on to the
    terminal; here such characters are glyphs (see `Glyphs`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "text_start", "To the start of the text", show=False),
        Binding("ctrl+end", "text_end", "To the end of the text", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, compact=True, soft_wrap=True, highlight_cursor_line=False, max_checkpoints=200)
        self._glyphs = Glyphs()
        self._whole = ""
        self.cursor_blink = False

    @property
    def too_large(self) -> bool:
        """Whether only the beginning is shown, which cannot be edited."""
        return len(self._whole) > LARGEST

    @property
    def value(self) -> str:
        """The text."""
        return self._whole if self.too_large else self._glyphs.back(self.text)

    @property
    def position(self) -> int:
        """Where the cursor stands, in characters of the text."""
        row, column = self.cursor_location
        return sum(len(self.document.get_line(number)) + 1 for number in range(row)) + column

    @position.setter
    def position(self, position: int) -> None:
        before = self.text[:position]
        self.move_cursor((before.count("\n"), len(before) - (before.rfind("\n") + 1)))

    def show(self, text: str, *, editable: bool = True) -> None:
        """Edit another text, from its beginning, with nothing to undo."""
        self._whole = text
        self._glyphs = Glyphs(text)
        shown = text[:PREVIEW] if self.too_large else text
        self.load_text(self._glyphs.show(shown))
        self.read_only = self.too_large or not editable

    def action_text_start(self) -> None:
        """To the first character; `home` goes to that of the line."""
        self.move_cursor(self.document.start)

    def action_text_end(self) -> None:
        """Behind the last character."""
        self.move_cursor(self.document.end)

    def legend(self) -> list[str]:
        """What the glyphs in it stand for."""
        return self._glyphs.legend()

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Whether a key is typed rather than obeyed, for the key line; Textual knows no character for `plus`."""
        return super().check_consume_key(key, "+" if key == "plus" else character)

    def edit(self, edit: Edit) -> EditResult:
        """Take in what was typed or pasted; terminals paste line ends as carriage returns."""
        edit.text = self._glyphs.show(edit.text.replace("\r\n", "\n").replace("\r", "\n"))
        return super().edit(edit)
