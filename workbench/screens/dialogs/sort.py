"""Choose what records are sorted by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from workbench.screens.datasets.view import SORT_KEYS, Sort, SortKey
from workbench.screens.dialogs.dialog import Dialog
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

_WORDS: Final[dict[SortKey, str]] = {
    "line": "as in the file",
    "tokens": "tokens",
    "turns": "number of messages",
    "size": "bytes",
    "findings": "number of findings",
    "label": "last answer, where it is short",
}
_LETTERS: Final[dict[str, SortKey]] = {
    "l": "line",
    "t": "tokens",
    "m": "turns",
    "b": "size",
    "f": "findings",
    "a": "label",
}


class SortDialog(Dialog[SortKey]):
    """Closes with a key."""

    TITLE_TEXT = "Sort by"
    HINT = "enter or the letter sorts · the one in force: turned round · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(letter, f"choose('{key}')", show=False) for letter, key in _LETTERS.items()
    ]

    def __init__(self, present: Sort) -> None:
        super().__init__()
        self._present = present
        self._list = LineList()

    def compose_body(self) -> Iterable[Widget]:
        """The keys."""
        yield self._list

    def on_mount(self) -> None:
        """Stand on the one in force."""
        self._list.show_rows(len(SORT_KEYS), self._row, cursor=SORT_KEYS.index(self._present.key))
        self._list.focus()

    def _row(self, row: int) -> Line:
        key = SORT_KEYS[row]
        letter = next(letter for letter, of in _LETTERS.items() if of == key)
        arrow = f" {self._present.arrow}" if key == self._present.key else ""
        return (Piece(f"{letter}  ", "key"), Piece(_WORDS[key]), Piece(arrow, "accent"))

    def action_choose(self, key: SortKey) -> None:
        """Close with it."""
        self.dismiss(key)

    @on(LineList.Chosen)
    def chosen(self, message: LineList.Chosen) -> None:
        """Close with the one under the cursor."""
        if message.row is not None:
            self.dismiss(SORT_KEYS[message.row])
