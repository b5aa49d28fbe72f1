"""Choose what to measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.dialog import Dialog
from workbench.screens.evaluate_rows import is_trivial
from workbench.terminal.escape import visible_line
from workbench.terminal.workarounds import still_cursor
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.textline import Line, Piece, TextLine

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
    agreed: bool = False
    """Its price was shown and accepted."""

    def same_as(self, other: RunPlan) -> bool:
        """Whether it measures the same: then the one may go on where the other stopped."""
        return (self.candidates, self.limit, self.side) == (other.candidates, other.limit, other.side)


@dataclass(slots=True)
class _Choice:
    candidate: str
    about: str
    chosen: bool


class CandidateChoices(LineList):
    """The candidates with their check marks."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "choose", "Choose", show=False)]

    def __init__(self, choices: list[_Choice]) -> None:
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

    def action_choose(self) -> None:
        """Choose it, or not."""
        if self.choices:
            choice = self.choices[self.cursor]
            choice.chosen = not choice.chosen
            self.redraw(self.cursor)


class NewRunDialog(Dialog[RunPlan]):
    """Closes with a plan, or None."""

    CSS = stylesheet("new_run")
    TITLE_TEXT = "Measure"
    HINT = "space chooses · tab next field · enter starts · escape closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,f9", "start", "Start", show=False, priority=True)]

    def __init__(
        self, context: Context, project: Project, earlier: Sequence[str], unfinished: RunPlan | None = None
    ) -> None:
        super().__init__()
        self.context = context
        self.project = project
        self._unfinished = unfinished
        self._list = CandidateChoices(_choices(context, project, earlier, unfinished))
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
        self._says = TextLine(id="says")

    def compose_body(self) -> Iterable[Widget]:
        """The candidates, another one, how many items, of which side, for how much."""
        yield self._list
        fields: tuple[tuple[str, Widget], ...] = (
            ("another candidate", self._another),
            ("items, at most", self._limit),
            ("side", self._side),
            ("dollars, at most", self._ceiling),
        )
        for title, field in fields:
            if isinstance(field, Input):
                still_cursor(field)
            with Horizontal(classes="fields"):
                yield Static(title, classes="field-name", markup=False)
                yield field
        yield self._says

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
            self._list.choices.append(_Choice(text, "", True))
        self._list.show_choices(cursor=len(self._list.choices) - 1)
        self._another.value = ""
        self._says.show()

    @on(Input.Submitted, "#limit")
    @on(Input.Submitted, "#ceiling")
    @on(LineList.Chosen, "#choices")
    def action_start(self) -> None:
        """Close with the plan."""
        from workbench.workflow.runs import new_run_id

        chosen = tuple(choice.candidate for choice in self._list.choices if choice.chosen)
        if not chosen:
            self._says.show([Piece("✗ Choose at least one candidate with space.", "bad")])
            return
        limit = int(self._limit.value) if self._limit.value.strip() else None
        if limit == 0:
            self._says.show([Piece("✗ At least one item.", "bad")])
            return
        dollars = self._ceiling.value.strip(".")
        plan = RunPlan(
            chosen,
            limit,
            new_run_id(),
            "validation" if self._side.value == "validation" else "test",
            float(dollars) if dollars else None,
        )
        before = self._unfinished
        self.dismiss(replace(plan, run_id=before.run_id) if before is not None and plan.same_as(before) else plan)


def _sides(project: Project) -> list[tuple[str, str]]:
    sides = [("test set: for those that were chosen", "test")]
    if project.task.validation:
        sides.append(("validation: to choose a prompt, a k, a checkpoint", "validation"))
    return sides


def _choices(context: Context, project: Project, earlier: Sequence[str], unfinished: RunPlan | None) -> list[_Choice]:
    """The project's untuned ones, the models that its jobs made, and what the shown run had."""
    from workbench.workflow.train import recorded_jobs

    found: dict[str, _Choice] = {}
    for text in project.document.candidates:
        found[text] = _Choice(text, "untuned", True)
    for job_id, one in recorded_jobs(context).items():
        if one.job.fine_tuned_model and one.record.project in (None, project.slug):
            text = f"{one.job.profile}/{one.job.fine_tuned_model}"
            found[text] = _Choice(text, f"tuned by {visible_line(job_id)}", True)
    for text in earlier:
        if not is_trivial(text):
            found.setdefault(text, _Choice(text, "in the run that is shown", True))
    if unfinished is not None:
        for choice in found.values():
            choice.chosen = choice.candidate in unfinished.candidates
        for text in unfinished.candidates:
            found.setdefault(text, _Choice(text, "", True))
    return list(found.values())
