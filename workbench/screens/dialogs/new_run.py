"""Choose what to measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from workbench.errors import WorkbenchError
from workbench.screens.aside import aside
from workbench.screens.dialogs.candidate_choices import CandidateChoices, Choice, choices_of
from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.dialogs.path import PathSuggester
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Piece, TextLine

if TYPE_CHECKING:
    from workbench.evaluate.results import Side
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What one run measures."""

    candidates: tuple[str, ...]
    limit: int | None
    """The first so many items; None for all."""
    run_id: str
    """Named before it starts: a run that was stopped goes on under its name."""
    side: Side = "test"
    max_cost: float | None = None
    """US dollars that this start may cost."""
    seeds: int = 1
    """Trainings of each tuned candidate that are measured, those with other seeds included."""
    general: str | None = None
    """Ask questions of general ability too: a file of them, empty for the bundled ones; None: none."""
    agreed: bool = False
    """Its price was shown and accepted."""
    trainings: frozenset[str] = frozenset()
    """Candidates whose trainings with other seeds were accepted, at their price."""

    def same_as(self, other: RunPlan) -> bool:
        """Whether it measures the same: then the one may go on where the other stopped."""
        return (self.candidates, self.limit, self.side, self.seeds) == (
            other.candidates,
            other.limit,
            other.side,
            other.seeds,
        )


class CheckpointsFound(Message):
    """A job's checkpoints, as candidates."""

    def __init__(self, job: str, candidates: Sequence[str]) -> None:
        super().__init__()
        self.job = job
        self.candidates = tuple(candidates)


class CheckpointsRefused(Message):
    """They cannot be listed."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__()
        self.error = error


class NewRunDialog(Dialog[RunPlan]):
    """Closes with a plan, or None."""

    CSS = stylesheet("new_run")
    TITLE_TEXT = "Measure"
    HINT = "space chooses · c checkpoints · enter starts · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "start", "Start", show=False, priority=True)]

    def __init__(
        self, context: Context, project: Project, earlier: Sequence[str], unfinished: RunPlan | None = None
    ) -> None:
        super().__init__()
        self.context = context
        self.project = project
        self._unfinished = unfinished
        self._list = CandidateChoices(
            choices_of(context, project, earlier, unfinished.candidates if unfinished is not None else None)
        )
        limit = "" if unfinished is None or unfinished.limit is None else str(unfinished.limit)
        self._another = Input(placeholder="PROFILE/MODEL+few-shot:5, enter adds it", compact=True, id="another")
        self._limit = Input(limit, placeholder="all", restrict=r"[0-9]*", compact=True, id="limit")
        self._side: Select[str] = Select(
            _sides(project),
            value=unfinished.side if unfinished is not None else "test",
            allow_blank=False,
            compact=True,
            id="side",
        )
        ceiling = project.task.max_cost if unfinished is None else unfinished.max_cost
        self._ceiling = Input(
            "" if ceiling is None else f"{ceiling:g}", placeholder="none", restrict=r"[0-9]*\.?[0-9]*", compact=True,
            id="ceiling",
        )  # fmt: skip
        seeds = 1 if unfinished is None else unfinished.seeds
        self._seeds = Input(str(seeds), placeholder="1", restrict=r"[0-9]*", compact=True, id="seeds")
        general = None if unfinished is None else unfinished.general
        self._general: Select[str] = Select(
            [("not asked", "no"), ("asked too", "yes")],
            value="no" if general is None else "yes",
            allow_blank=False,
            compact=True,
            id="general",
        )
        self._questions = Input(
            general or "", placeholder="bundled", suggester=PathSuggester(), compact=True, id="questions"
        )
        self._says = TextLine(id="says")

    def compose_body(self) -> Iterable[Widget]:
        """The candidates, another one, how many items, for how much, of which side, seeds, general ability."""
        yield self._list
        rows: tuple[tuple[tuple[str, Widget], ...], ...] = (
            (("another candidate", self._another),),
            (("items at most", self._limit), ("USD at most", self._ceiling)),
            (("side", self._side),),
            (("training seeds", self._seeds), ("general ability", self._general)),
            (("own questions", self._questions),),
        )
        for row in rows:
            with Horizontal(classes="fields"):
                for title, field in row:
                    if isinstance(field, Input):
                        still_cursor(field)
                    yield Static(title, classes="field-name", markup=False)
                    yield field
        yield self._says

    # Checkpoints ----------------------------------------------------------------------------------------------------

    @on(CandidateChoices.CheckpointsWanted)
    def add_checkpoints(self) -> None:
        """Those of the job that made the candidate under the cursor."""
        choice = self._list.choices[self._list.cursor] if self._list.choices else None
        if choice is None or choice.job is None:
            self._says.show([Piece("✗ No job of this workspace made this candidate.", "bad")])
            return
        self._says.show([Piece("Asking for the checkpoints…", "muted")])
        self.find_checkpoints(choice.job)

    @work(exclusive=True, group="checkpoints", exit_on_error=False)
    async def find_checkpoints(self, job: str) -> None:
        """Ask the provider of the job."""
        from workbench.workflow.train import checkpoint_candidates

        try:
            self.post_message(CheckpointsFound(job, await aside(checkpoint_candidates(self.context, job))))
        except WorkbenchError as error:
            self.post_message(CheckpointsRefused(error))

    @on(CheckpointsFound)
    def show_checkpoints(self, message: CheckpointsFound) -> None:
        """Below the model, chosen, for the validation side."""
        choices = self._list.choices
        known = {choice.candidate for choice in choices}
        new = [Choice(text, "checkpoint", True, message.job) for text in message.candidates if text not in known]
        if not new:
            self._says.show([Piece("There are no other checkpoints.", "muted")])
            return
        at = 1 + max(row for row, choice in enumerate(choices) if choice.job == message.job)
        self._list.choices[at:at] = new
        self._list.show_choices(cursor=at)
        if self.project.task.validation:
            self._side.value = "validation"
            self._says.show([Piece("Checkpoints compete on the validation side.")])
        else:
            self._says.show([Piece("! The project has no validation side to choose a checkpoint by.", "warning")])

    @on(CheckpointsRefused)
    def show_refused(self, message: CheckpointsRefused) -> None:
        """Said in place."""
        self._says.show([Piece(f"✗ {visible_line(str(message.error))}", "bad")])

    def on_mount(self) -> None:
        """Keys go to the candidates."""
        self._list.focus()
        going_on = "A stopped run with the same choice goes on where it was." if self._unfinished else ""
        self._says.show([Piece(going_on or "Trivial candidates are always measured along.", "muted")])

    @on(Input.Submitted, "#another")
    def add(self, message: Input.Submitted) -> None:
        """Add what was typed; said in place if it is none."""
        from workbench.evaluate.candidates import parse_candidate

        try:
            text = parse_candidate(message.value.strip()).text
            self.context.profile(text.partition("/")[0])
        except WorkbenchError as error:
            self._says.show([Piece(f"✗ {visible_line(str(error))}", "bad")])
            return
        if all(choice.candidate != text for choice in self._list.choices):
            self._list.choices.append(Choice(text, "", True))
        self._list.show_choices(cursor=len(self._list.choices) - 1)
        self._another.value = ""
        self._says.show()

    @on(Input.Submitted, "#limit")
    @on(Input.Submitted, "#ceiling")
    @on(Input.Submitted, "#seeds")
    @on(Input.Submitted, "#questions")
    @on(LineList.Chosen, "#choices")
    def action_start(self) -> None:
        """Close with the plan."""
        from workbench.workflow.runs import new_run_id

        if wrong := self._wrong():
            self._says.show([Piece(f"✗ {wrong}", "bad")])
            return
        chosen = tuple(choice.candidate for choice in self._list.choices if choice.chosen)
        limit = int(self._limit.value) if self._limit.value.strip() else None
        dollars = self._ceiling.value.strip(".")
        questions = self._questions.value.strip()
        plan = RunPlan(
            chosen,
            limit,
            new_run_id(),
            "validation" if self._side.value == "validation" else "test",
            float(dollars) if dollars else None,
            int(self._seeds.value or "1"),
            None if self._general.value == "no" else str(Path(questions).expanduser().absolute()) if questions else "",
        )
        before = self._unfinished
        self.dismiss(replace(plan, run_id=before.run_id) if before is not None and plan.same_as(before) else plan)

    def _wrong(self) -> str:
        """What cannot be meant, in one sentence; empty where all can."""
        chosen = [choice for choice in self._list.choices if choice.chosen]
        questions = self._questions.value.strip()
        of_jobs = [choice.job for choice in chosen if choice.job is not None and "+" not in choice.candidate]
        several = len(of_jobs) > len(set(of_jobs))
        if not chosen:
            return "Choose at least one candidate with space."
        if self._limit.value.strip() and int(self._limit.value) == 0:
            return "At least one item."
        if self._seeds.value.strip() and int(self._seeds.value) == 0:
            return "At least one training seed."
        if self._side.value == "test" and several:
            return "Of one job, only one checkpoint goes to the test set."
        if questions and self._general.value == "no":
            return "Own questions are for general ability, which is not asked."
        if questions and not Path(questions).expanduser().is_file():
            return f"{visible_line(questions)} is not a file."
        return ""


def _sides(project: Project) -> list[tuple[str, str]]:
    sides = [("test set: for those that were chosen", "test")]
    if project.task.validation:
        sides.append(("validation: to choose by", "validation"))
    return sides
