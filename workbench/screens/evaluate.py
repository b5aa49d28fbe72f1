"""Evaluate: every candidate on the same items in one table, what sets each apart from the others, and new runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on, work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget

from workbench.actions import bindings_for
from workbench.screens.aside import aside, aside_sync
from workbench.screens.evaluate_rows import (
    CANDIDATE_COLUMNS,
    COMPARISON_COLUMNS,
    about_candidate,
    about_run,
    candidate_cells,
    comparison_cells,
    ranked,
)
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets.lines import LineList
from workbench.widgets.pace import Pace, updates_per_second
from workbench.widgets.styles import stylesheet
from workbench.widgets.table import Table
from workbench.widgets.textline import Piece, TextLine
from workbench.widgets.words import amount, duration, origin_word, progress_bar

if TYPE_CHECKING:
    from workbench.evaluate.results import CandidateResult, RunResult
    from workbench.evaluate.runner import Progress
    from workbench.screens.dialogs.new_run import RunPlan
    from workbench.workflow.context import Context
    from workbench.workflow.measure import RunQuote
    from workbench.workflow.project import Project
    from workbench.workflow.wish import Wish

BAR: Final = 24


class RunsRead(Message):
    """The project's runs, newest first."""

    def __init__(self, runs: Sequence[RunResult], show: str | None) -> None:
        super().__init__()
        self.runs = tuple(runs)
        self.show = show
        """The run to show; None: the one that is shown, else the newest."""


class Progressed(Message):
    """The run under way has come further."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Progressed)


class Fetching(Message):
    """The base model is on its way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Fetching)


class PriceTold(Message):
    """The run can cost money: nothing was asked yet."""

    def __init__(self, plan: RunPlan, quote: RunQuote) -> None:
        super().__init__()
        self.plan = plan
        self.quote = quote


class RunEnded(Message):
    """The run under way is over."""

    def __init__(self, run_id: str | None) -> None:
        super().__init__()
        self.run_id = run_id
        """None: it was stopped, or it failed."""


class EvaluateScreen(Frame):
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

`r` measures. What was answered once is not asked again, so a run that was stopped goes on where it was.
"""

    run_id: var[str | None] = var(None)
    """The run that is shown."""
    measuring: var[bool] = var(False, toggle_class="-measuring", bindings=True)

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self.runs: tuple[RunResult, ...] = ()
        self._rows: list[CandidateResult] = []
        self._plan: RunPlan | None = None
        """What was measured last here; kept while it is not done, so that `r` offers to go on."""
        self._head = TextLine(id="run")
        self._candidates = Table(CANDIDATE_COLUMNS, empty="Reading the runs…", id="candidates")
        self._about = TextLine(id="about")
        self._comparisons = Table(COMPARISON_COLUMNS, id="comparisons")
        self._progress = TextLine(id="progress")

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
            self._head.show(*about_run(run, self.runs))
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
        pane.border_title = visible_line(f"{this.candidate} against the others")
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

    def start(self, plan: RunPlan) -> None:
        """Measure what the plan says."""
        self._plan = plan
        self.measuring = True
        self._progress.show([Piece(" Starting…", "muted")], [Piece("x stops ", "muted")])
        self.measure(plan)

    @work(exclusive=True, group="measure", exit_on_error=False)
    async def measure(self, plan: RunPlan) -> None:
        """The base model where it is still missing, then the run, its progress a few times a second."""
        from workbench.workflow.measure import measure, quote_run

        pace: Pace[Progress] = Pace(
            lambda progress: self.post_message(Progressed(progress)), updates_per_second(self.context.environ)
        )
        run_id: str | None = None
        task = self.project.task.model_copy(update={"max_cost": plan.max_cost})
        asked: dict[str, Any] = {"task": task, "limit": plan.limit, "run_id": plan.run_id, "side": plan.side}
        try:
            if not plan.agreed:
                quote = await aside(quote_run(self.context, self.project, plan.candidates, **asked))
                if quote.needs_yes:
                    self.post_message(PriceTold(plan, quote))
                    return
            await self._fetch(plan)
            result = await aside(measure(self.context, self.project, plan.candidates, **asked, progress=pace.offer))
            run_id = result.run
        finally:
            pace.flush()
            self.post_message(RunEnded(run_id))

    @on(PriceTold)
    def ask_for_money(self, message: PriceTold) -> None:
        """Go on only after a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog

        def answered(yes: bool | None) -> None:
            if yes:
                self.start(replace(message.plan, agreed=True))

        quote, cost = message.quote, message.quote.cost
        price = amount(cost.value, cost.unit) if cost.value is not None else "an unknown price"
        question = f"Make {quote.calls:,} calls to providers for {price}?"
        self.app.push_screen(ConfirmDialog(question, f"{origin_word(cost)}: {cost.source or 'no source'}"), answered)

    async def _fetch(self, plan: RunPlan) -> None:
        """Fetch `starter` on first need, saying how far it is."""
        from workbench.evaluate.candidates import parse_candidate
        from workbench.workflow.answering import ensure_model
        from workbench.workflow.quickstart import pull_notice

        pace: Pace[str] = Pace(lambda text: self.post_message(Fetching(text)), updates_per_second(self.context.environ))

        def fetching(line: Mapping[str, Any]) -> None:
            notice = pull_notice("model", line)
            done = f", {notice.fraction:.0%}" if notice.fraction is not None else ""
            pace.offer(f"{notice.text}{done}")

        for candidate in map(parse_candidate, plan.candidates):
            if candidate.profile in self.context.profiles() and self.context.profile(candidate.profile).kind == "local":
                await aside(ensure_model(self.context, candidate.model, fetching))

    @on(Fetching)
    def show_fetching(self, message: Fetching) -> None:
        """How far the base model is."""
        if self.measuring:
            self._progress.show([Piece(f" {visible_line(message.text)}")], [Piece("x stops ", "muted")])

    @on(Progressed)
    def show_progress(self, message: Progressed) -> None:
        """How far, and how long it will still take."""
        if not self.measuring:
            return
        progress = message.progress
        fraction = progress.done / progress.total if progress.total else None
        counts = f" {progress.done:,} of {progress.total:,}"
        left = f" · about {duration(progress.eta_s)} left" if progress.eta_s is not None else ""
        failed = [Piece(f" · {progress.failed:,} failed", "bad")] if progress.failed else []
        spent = f" · ${progress.spent:.2f}" if progress.spent else ""
        waiting = [Piece(f" · {visible_line(progress.waiting)}", "warning")] if progress.waiting else []
        self._progress.show(
            [
                Piece(" "), Piece(progress_bar(fraction, BAR), "accent"), Piece(f"{counts}{left}{spent}"), *failed,
                *waiting, Piece(f" · {visible_line(progress.candidate)}", "muted"),
            ],
            [Piece(" x stops ", "muted")],
        )  # fmt: skip

    def action_cancel(self) -> None:
        """Stop; what was answered is kept."""
        self._progress.show([Piece(" Stopping; what was answered is kept…", "muted")])
        self.workers.cancel_group(self, "measure")

    @on(RunEnded)
    def show_ended(self, message: RunEnded) -> None:
        """Show the new run; after a stop say how to go on."""
        self.measuring = False
        if message.run_id is None:
            self._progress.show([Piece(" Stopped; what was answered is kept. r goes on.", "warning")])
            self.add_class("-stopped")
            return
        self._plan = None
        self.remove_class("-stopped")
        self.read_runs(message.run_id)
        self.find_next_step()

    def text_to_copy(self) -> str:
        """The candidate's name."""
        return self.candidate.candidate if self.candidate is not None else ""
