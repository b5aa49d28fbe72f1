"""Choose rules of the linter, by what they found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One rule, and how many findings it has."""

    code: str
    name: str
    title: str
    count: int
    is_error: bool


class RulesDialog(Dialog[list[str]]):
    """Closes with the codes of the chosen rules, or None."""

    HINT = "space chooses · enter shows what would change · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", show=False),
        Binding("enter,ctrl+s", "done", show=False, priority=True),
    ]

    def __init__(self, title: str, rules: Sequence[RuleCount], *, chosen: bool = False) -> None:
        super().__init__()
        self._title = title
        self._rules = tuple(rules)
        self._chosen = {rule.code for rule in rules} if chosen else set()
        self._list = LineList(id="rules", empty="no rule has found anything of the kind")

    def compose_body(self) -> Iterable[Widget]:
        """The rules."""
        yield Static(self._title, classes="title", markup=False)
        yield self._list

    def on_mount(self) -> None:
        """The first rule has the cursor."""
        self._list.show_rows(len(self._rules), self._row)
        self._list.focus()

    def _row(self, row: int) -> Line:
        rule = self._rules[row]
        return (
            Piece("[✓] " if rule.code in self._chosen else "[ ] ", "accent"),
            Piece("✗" if rule.is_error else "!", "bad" if rule.is_error else "warning"),
            Piece(f" {rule.code} {rule.count:>7,}  ", "muted"),
            Piece(rule.title),
        )

    def action_choose(self) -> None:
        """Choose the rule under the cursor, or not."""
        if self._rules:
            self._chosen ^= {self._rules[self._list.cursor].code}
            self._list.redraw(self._list.cursor)

    def action_done(self) -> None:
        """Close with what is chosen; with nothing chosen, with the one under the cursor."""
        if not self._rules:
            self.dismiss(None)
            return
        self.dismiss(sorted(self._chosen) or [self._rules[self._list.cursor].code])
