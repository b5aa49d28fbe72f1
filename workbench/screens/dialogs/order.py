"""Choose an order for all records of a file."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, ClassVar, Final, NamedTuple

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from workbench.screens.dialogs.dialog import Dialog
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

_SEEDS: Final = 1_000_000


class _Order(NamedTuple):
    letter: str
    by: str
    descending: bool
    words: str


_ORDERS: Final = (
    _Order("r", "shuffle", False, "at random: a seed is drawn, and the recipe keeps it"),
    _Order("t", "tokens", False, "fewest tokens first"),
    _Order("T", "tokens", True, "most tokens first"),
    _Order("m", "turns", False, "fewest messages first"),
    _Order("M", "turns", True, "most messages first"),
    _Order("b", "size", False, "fewest bytes first"),
    _Order("B", "size", True, "most bytes first"),
)


class OrderDialog(Dialog[dict[str, Any]]):
    """Closes with the step of a recipe."""

    TITLE_TEXT = "Put the records of the file in order"
    HINT = "enter or the letter: one undo step · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(order.letter, f"choose({number})", show=False) for number, order in enumerate(_ORDERS)
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = LineList()

    def compose_body(self) -> Iterable[Widget]:
        """The orders."""
        yield self._list

    def on_mount(self) -> None:
        """Stand on the first."""
        self._list.show_rows(len(_ORDERS), self._row, cursor=0)
        self._list.focus()

    def _row(self, row: int) -> Line:
        return (Piece(f"{_ORDERS[row].letter}  ", "key"), Piece(_ORDERS[row].words))

    def action_choose(self, number: int) -> None:
        """Close with it."""
        order = _ORDERS[number]
        step: dict[str, Any] = {"kind": "order", "by": order.by}
        if order.by == "shuffle":
            step["seed"] = secrets.randbelow(_SEEDS)
        elif order.descending:
            step["descending"] = True
        self.dismiss(step)

    @on(LineList.Chosen)
    def chosen(self, message: LineList.Chosen) -> None:
        """Close with the one under the cursor."""
        if message.row is not None:
            self.action_choose(message.row)
