"""The list of candidates in which a person checks those to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from workbench.screens.evaluate_rows import is_trivial
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.textline import Line, Piece

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


@dataclass(slots=True)
class Choice:
    """One candidate, and whether it is measured."""

    candidate: str
    about: str
    chosen: bool
    job: str | None = None
    """That made its model, or saved it as a checkpoint."""


class CandidateChoices(LineList):
    """The candidates with their check marks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose", show=False),
        Binding("c", "checkpoints", "Checkpoints", show=False),
    ]

    class CheckpointsWanted(Message):
        """The checkpoints of the candidate under the cursor, please."""

    def __init__(self, choices: list[Choice]) -> None:
        super().__init__(id="choices")
        self.choices = choices

    def on_mount(self) -> None:
        """Show all."""
        self.show_choices()

    def show_choices(self, cursor: int | None = None) -> None:
        """Show them as they are now."""
        self.show_rows(len(self.choices), self._line, cursor=cursor)

    def _line(self, row: int) -> Line:
        choice = self.choices[row]
        mark = Piece("[✓] ", "good") if choice.chosen else Piece("[ ] ", "muted")
        return (mark, Piece(visible_line(choice.candidate)), Piece(f"  {choice.about}", "muted"))

    def action_checkpoints(self) -> None:
        """Ask for those of the candidate's job."""
        self.post_message(self.CheckpointsWanted())

    def action_choose(self) -> None:
        """Choose it, or not."""
        if self.choices:
            choice = self.choices[self.cursor]
            choice.chosen = not choice.chosen
            self.redraw(self.cursor)


def choices_of(
    context: Context, project: Project, earlier: Sequence[str], unfinished: Sequence[str] | None
) -> list[Choice]:
    """The project's untuned ones, the models that its jobs made, and what the shown run had."""
    from workbench.workflow.job_records import recorded_jobs

    found: dict[str, Choice] = {}
    for text in project.document.candidates:
        found[text] = Choice(text, "untuned", True)
    for job_id, one in recorded_jobs(context).items():
        if one.job.fine_tuned_model and one.record.project in (None, project.slug):
            text = f"{one.job.profile}/{one.job.fine_tuned_model}"
            found[text] = Choice(text, f"tuned by {visible_line(job_id)}", True, job_id)
    for text in earlier:
        if not is_trivial(text):
            found.setdefault(text, Choice(text, "in the run that is shown", True))
    if unfinished is not None:
        for choice in found.values():
            choice.chosen = choice.candidate in unfinished
        for text in unfinished:
            found.setdefault(text, Choice(text, "", True))
    return list(found.values())
