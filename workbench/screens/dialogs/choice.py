"""A question with several answers, each a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual import events
from textual.widget import Widget
from textual.widgets import Static

from workbench.screens.dialogs.dialog import Dialog
from workbench.terminal.escape import visible


class Answer(NamedTuple):
    """One answer."""

    key: str
    """The letter that gives it; it is also what the dialog closes with."""
    title: str


class ChoiceDialog(Dialog[str]):
    """Closes with the key of the answer. Enter alone is none."""

    def __init__(self, question: str, detail: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._question, self._detail, self._answers = visible(question), visible(detail), answers
        self.hint = " · ".join([*(f"{answer.key} {answer.title}" for answer in answers), "escape: nothing"])

    def compose_body(self) -> Iterable[Widget]:
        """The question and what hangs on it."""
        yield Static(self._question, classes="title", markup=False)
        yield Static(self._detail, markup=False)

    def on_key(self, event: events.Key) -> None:
        """A letter answers."""
        if any(answer.key == event.character for answer in self._answers):
            event.stop()
            self.dismiss(event.character)
