"""A person's answer to a question of the checklist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    from workbench.decide.checklist import ChecklistItem
    from workbench.workflow.project import Answered

_CHOICES: Final = (("yes", "Yes"), ("no", "No"), ("open", "Leave it open"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said."""

    status: str
    """`yes`, `no` or `open`."""
    text: str


class AnswerDialog(Dialog[Answer]):
    """Closes with the answer, or None."""

    CSS = stylesheet("answer")
    HINT = "↑ ↓ choose · tab to the words · enter keeps · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "keep", "Keep", show=False, priority=True)]

    def __init__(self, item: ChecklistItem, known: Answered | None) -> None:
        super().__init__()
        self._item, self._known = item, known
        self._choices = LineList(id="choices")
        placeholder = "in a few words, and where that is known from"
        self._words = Input(known.text if known else "", placeholder=placeholder, id="words")

    def compose_body(self) -> Iterable[Widget]:
        """The question, why it is asked, the answers, and room for words."""
        yield Static(visible(self._item.question), classes="title", markup=False)
        yield Static(visible(self._item.why), markup=False)
        yield self._choices
        still_cursor(self._words)
        yield self._words

    def on_mount(self) -> None:
        """Stand on what was said before."""
        names = [name for name, _ in _CHOICES]
        before = self._known.status if self._known else "open"
        self._choices.show_rows(len(_CHOICES), self._row, cursor=names.index(before) if before in names else 2)
        self._choices.focus()

    def _row(self, row: int) -> Line:
        return (Piece(_CHOICES[row][1]),)

    @on(Input.Submitted)
    @on(LineList.Chosen)
    def action_keep(self) -> None:
        """Close with what is chosen and typed."""
        self.dismiss(Answer(_CHOICES[self._choices.cursor][0], self._words.value.strip()))
