"""Evaluate: every candidate on the same items in one table, what sets each apart from the others, and new runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.reactive import var
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.screens.aside import aside_sync
from workbench.screens.evaluate_measuring import Measuring
from workbench.screens.evaluate_messages import RunsRead
from workbench.screens.evaluate_rows import (
    CANDIDATE_COLUMNS,
    COMPARISON_COLUMNS,
    about_candidate,
    about_run,
    candidate_cells,
    comparison_cells,
    ranked,
)
from workbench.widgets.lines import LineList
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Table
from workbench.widgets.textline import TextLine, title

if TYPE_CHECKING:
    from workbench.evaluate.results import CandidateResult, RunResult
    from workbench.workflow.context import Context
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish


class EvaluateScreen(Measuring):
    """The newest run of the project; the candidate under the cursor is compared with the others below."""

    MODE = "evaluate"
    CSS = stylesheet("evaluate")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("evaluate"))
    AUTO_FOCUS = "#candidates LineList"
    HELP = """\
# Evaluate

A *candidate* is a model with a technique (few-shot examples, retrieval, another prompt). All candidates answer the \
same held-out items and are scored in the same way. *Trivial* candidates answer without a model: who cannot beat them \
has learned nothing.

The interval is where the true score lies with 95 % confidence: ├──●──┤. Below, the candidate under the cursor is \
compared with each other one on the items that both answered. *Tied* means that no difference could be shown; \
*underpowered*, or *needs 62 items*, that so few items can hardly show one or be trusted.

`i` shows every item, `s` the scores by length, label and turns, and with `v` you judge two candidates' answers \
yourself, without their names.

`r` measures. There `c` adds a tuned model's checkpoints, which compete on the validation side; *training seeds* \
trains it again with other seeds, to show how much its score depends on them; *general ability* asks base and tuned \
model the same plain questions. What was answered once is not asked again, so a run that was stopped goes on where \
it was.
"""

    run_id: var[str | None] = var(None)
    """The run that is shown."""

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.runs: tuple[RunResult, ...] = ()
        self._rows: list[CandidateResult] = []
        self._head = TextLine(id="run")
        self._candidates = Table(CANDIDATE_COLUMNS, empty="Reading the runs…", id="candidates")
        self._about = TextLine(id="about")
        self._comparisons = Table(COMPARISON_COLUMNS, id="comparisons")

    def compose_body(self) -> Iterable[Widget]:
        """The run, its candidates, one candidate's comparisons, the run under way."""
        yield self._head
        yield self._candidates
        yield self._about
        with Vertical(id="compared"):
            yield self._comparisons
        yield self._progress

    def on_screen_resume(self) -> None:
        """A command may have measured meanwhile."""
        self.read_runs()

    def after_moved(self, wish: Wish) -> None:
        """A model was measured by itself: its run is shown, unless somebody reads an older one."""
        super().after_moved(wish)
        if wish.state == "done" and wish.project == self.project.slug:
            self.read_runs(wish.run if self.run_id == self._newest(self.runs) else None)

    # The run that is shown ------------------------------------------------------------------------------------------

    @work(exclusive=True, group="runs", exit_on_error=False)
    async def read_runs(self, show: str | None = None) -> None:
        """Read the project's runs."""
        from workbench.workflow.runs import list_runs

        self.post_message(RunsRead(await aside_sync(lambda: list_runs(self.context, self.project)), show))

    @on(RunsRead)
    def show_runs(self, message: RunsRead) -> None:
        """Show one of them; nothing moves when it is the one that is shown."""
        known = {run.run for run in message.runs}
        wanted = message.show or (self.run_id if self.run_id in known else None)
        if message.runs == self.runs and self.runs and wanted == self.run_id:
            return
        self.runs = message.runs
        self.run_id = wanted or self._newest(self.runs)
        self._show_run()

    def _newest(self, runs: Sequence[RunResult]) -> str | None:
        """The newest run about the task; one of general ability only where there is no other."""
        of_task = [run.run for run in runs if run.side != "regression"]
        return next(iter([*of_task, *(run.run for run in runs)]), None)

    @property
    def run_result(self) -> RunResult | None:
        """The run that is shown."""
        return next((run for run in self.runs if run.run == self.run_id), None)

    @property
    def candidate(self) -> CandidateResult | None:
        """The candidate under the cursor."""
        row = self._candidates.list.cursor
        return self._rows[row] if row < len(self._rows) else None

    def _show_run(self) -> None:
        run = self.run_result
        if run is None:
            self._rows = []
            self._candidates.list.empty = "Nothing measured yet: r measures the baselines."
            self._head.show()
        else:
            self._rows = ranked(run.candidates)
            self._head.show(*about_run(run, [one for one in self.runs if one.side == run.side]))
        self._candidates.show_cells([candidate_cells(row) for row in self._rows], cursor=0)
        self.refresh_bindings()

    @on(LineList.Moved, "#candidates LineList")
    def show_candidate(self, message: LineList.Moved) -> None:
        """Its details, and its comparisons with the others."""
        run, this = self.run_result, self.candidate
        pane = self.query_one("#compared")
        if run is None or this is None:
            self._about.show()
            self._comparisons.show_cells([])
            pane.border_title = ""
            return
        self._about.show(about_candidate(this, run))
        pane.border_title = title(f"{this.candidate} against the others")
        others = [row.candidate for row in self._rows if row.candidate != this.candidate]
        rows = [comparison_cells(other, run.comparison(this.candidate, other)) for other in others]
        self._comparisons.list.empty = "No other candidate in this run."
        self._comparisons.show_cells(rows, cursor=0)

    # What a person can do -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense now."""
        match action:
            case "run":
                return not self.measuring
            case "cancel":
                return self.measuring
            case "items" | "slices":
                return bool(self._rows)
            case "vote":
                return len(self._rows) > 1
            case "runs":
                return len(self.runs) > 1
        return True

    @on(LineList.Chosen, "#candidates LineList")
    def action_items(self) -> None:
        """Every item of the run, this candidate's prompt first."""
        from workbench.screens.items import ItemsScreen

        run, this = self.run_result, self.candidate
        if run is not None and this is not None:
            self.app.push_screen(ItemsScreen(self.context, self.project, run, this.candidate))

    def action_slices(self) -> None:
        """The run by length, label and turns."""
        from workbench.screens.slices import SlicesScreen

        run, this = self.run_result, self.candidate
        if run is not None and this is not None:
            self.app.push_screen(SlicesScreen(self.context, self.project, run, this.candidate))

    def action_vote(self) -> None:
        """Judge the answers of this candidate and of the one under the lower cursor, without their names."""
        from workbench.screens.voting import VotingScreen

        run, this = self.run_result, self.candidate
        if run is None or this is None:
            return
        others = [row.candidate for row in self._rows if row is not this]
        other = others[min(self._comparisons.list.cursor, len(others) - 1)]
        self.app.push_screen(VotingScreen(self.context, self.project, run, this.candidate, other))

    def action_runs(self) -> None:
        """Choose another run."""
        from workbench.screens.dialogs.runs import RunsDialog

        def chosen(run_id: str | None) -> None:
            if run_id is not None:
                self.run_id = run_id
                self._show_run()

        self.app.push_screen(RunsDialog(self.runs, self.run_id), chosen)

    def action_run(self) -> None:
        """Choose candidates and measure them."""
        shown = self.run_result
        self._ask_what([row.candidate for row in shown.candidates] if shown is not None else [])

    def _ask_what(self, earlier: Sequence[str]) -> None:
        from workbench.screens.dialogs.new_run import NewRunDialog

        dialog = NewRunDialog(self.context, self.project, earlier, self._plan)
        self.app.push_screen(dialog, lambda plan: self.start(plan) if plan is not None else None)

    def arrive(self, candidates: Sequence[str]) -> None:
        """Somebody comes from another mode to measure these."""
        if not self.measuring:
            self._ask_what([*candidates])

    def begin(self, candidates: Sequence[str]) -> None:
        """Somebody comes from another mode and wants these measured at once, on the whole test set."""
        from workbench.screens.dialogs.new_run import RunPlan
        from workbench.workflow.runs import new_run_id

        if not self.measuring:
            self.start(RunPlan(tuple(candidates), None, new_run_id(), max_cost=self.project.task.max_cost))

    def text_to_copy(self) -> str:
        """The candidate's name."""
        return self.candidate.candidate if self.candidate is not None else ""
