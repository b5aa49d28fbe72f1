"""Measuring from the Evaluate screen: trainings with other seeds, prices, the run, general ability; how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from textual import on, work
from textual.reactive import var

from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync
from workbench.screens.evaluate_messages import Fetching, PriceTold, Progressed, RunEnded, TrainingPriceTold
from workbench.screens.frame import Frame
from workbench.terminal.escape import visible_line
from workbench.widgets.pace import Pace, updates_per_second
from workbench.widgets.textline import Piece, TextLine
from workbench.widgets.words import amount, duration, origin_word, progress_bar

if TYPE_CHECKING:
    from workbench.evaluate.runner import Progress
    from workbench.screens.dialogs.new_run import RunPlan
    from workbench.workflow.context import Context
    from workbench.workflow.follow import JobView
    from workbench.workflow.project import Project
    from workbench.workflow.quoting import Quote
    from workbench.workflow.reproduce import Siblings

BAR: Final = 24


class _NeedsYes(Exception):
    """Trainings that nobody has agreed to yet."""

    def __init__(self, candidate: str, quote: Quote, trainings: int) -> None:
        super().__init__(candidate)
        self.candidate = candidate
        self.quote = quote
        self.trainings = trainings


@dataclass(frozen=True, slots=True)
class _Agreement:
    """Lets the trainings of a candidate be created, or asks."""

    candidate: str
    plan: RunPlan

    def __call__(self, quote: Quote, trainings: int) -> None:
        if quote.needs_yes and self.candidate not in self.plan.trainings:
            raise _NeedsYes(self.candidate, quote, trainings)


class Measuring(Frame):
    """Base of the Evaluate screen: everything that measures."""

    measuring: var[bool] = var(False, toggle_class="-measuring", bindings=True)

    def __init__(self, context: Context, project: Project) -> None:
        super().__init__(context, project)
        self._plan: RunPlan | None = None
        """What was measured last here; kept while it is not done, so that `r` offers to go on."""
        self._progress = TextLine(id="progress")

    def read_runs(self, show: str | None = None) -> object:
        """Read the project's runs again and show one."""
        raise NotImplementedError

    def start(self, plan: RunPlan) -> None:
        """Measure what the plan says."""
        self._plan = plan
        self.measuring = True
        self._progress.show([Piece(" Starting…", "muted")], [Piece("x stops ", "muted")])
        self.measure(plan)

    @work(exclusive=True, group="measure", exit_on_error=False)
    async def measure(self, plan: RunPlan) -> None:
        """Trainings with other seeds, the base model where it is still missing, the run, then general ability."""
        from workbench.workflow.measure import measure
        from workbench.workflow.regress import measure_regression

        pace: Pace[Progress] = Pace(
            lambda progress: self.post_message(Progressed(progress)), updates_per_second(self.context.environ)
        )
        run_id: str | None = None
        spent = 0.0

        def further(progress: Progress) -> None:
            nonlocal spent
            spent = progress.spent
            pace.offer(progress)

        try:
            siblings = await self._agreed(plan)
            if siblings is None:
                return
            await self._fetch(plan)
            asked = self._asked(plan)
            result = await aside(
                measure(self.context, self.project, plan.candidates, **asked, siblings=siblings, progress=further)
            )
            run_id = result.run
            if plan.general is not None:
                left = None if plan.max_cost is None else max(0.0, plan.max_cost - spent)
                questions = plan.general or None
                await aside(
                    measure_regression(
                        self.context, self.project, result, questions=questions, max_cost=left, progress=further
                    )
                )
        finally:
            pace.flush()
            self.post_message(RunEnded(run_id))

    def _asked(self, plan: RunPlan) -> dict[str, Any]:
        task = self.project.task.model_copy(update={"max_cost": plan.max_cost})
        return {"task": task, "limit": plan.limit, "run_id": plan.run_id, "side": plan.side}

    async def _agreed(self, plan: RunPlan) -> Sequence[Siblings] | None:
        """What can be refused, then the trainings, then the price; None where a price has to be agreed to first."""
        from workbench.workflow.measure import quote_run
        from workbench.workflow.regress import quote_regression

        asked = self._asked(plan)
        siblings: Sequence[Siblings] = ()
        if plan.agreed and plan.seeds == 1:
            return siblings
        quote = await aside(quote_run(self.context, self.project, plan.candidates, **asked))
        general = None
        if plan.general is not None:
            questions = plan.general or None
            general = await aside(quote_regression(self.context, self.project, plan.candidates, questions))
        if plan.seeds > 1:
            try:
                siblings = await self._trained(plan)
            except _NeedsYes as needs:
                self.post_message(TrainingPriceTold(plan, needs.candidate, needs.quote, needs.trainings))
                return None
            quote = await aside(quote_run(self.context, self.project, plan.candidates, **asked, siblings=siblings))
        quote = quote.plus(general) if general is not None else quote
        if quote.needs_yes and not plan.agreed:
            self.post_message(PriceTold(plan, quote))
            return None
        return siblings

    async def _trained(self, plan: RunPlan) -> Sequence[Siblings]:
        """Every tuned candidate trained with as many seeds as asked for; what is there is not trained again."""
        from workbench.workflow.quickstart import training_notice
        from workbench.workflow.reproduce import train_seeds, tuned_candidates

        tuned = await aside_sync(lambda: tuned_candidates(self.context, plan.candidates))
        if not tuned:
            hint = "choose a model that a job of this workspace made"
            raise WorkbenchError("training seeds", "none of the candidates is tuned", hint, code="no_tuned")
        pace: Pace[str] = Pace(lambda text: self.post_message(Fetching(text)), updates_per_second(self.context.environ))

        def show(view: JobView, number: int, of: int) -> None:
            notice = training_notice(view.job.status, view.step, view.total_steps, view.series, view.eta_s)
            pace.offer(f"seed {view.job.seed}, {number} of {of}: {notice.text}")

        found = []
        for candidate in tuned:
            needs_yes = _Agreement(candidate, plan)
            found.append(await aside(train_seeds(self.context, candidate, plan.seeds, agree=needs_yes, progress=show)))
        return found

    @on(TrainingPriceTold)
    def ask_for_training(self, message: TrainingPriceTold) -> None:
        """Train only after a yes."""
        from workbench.screens.dialogs.confirm import ConfirmDialog

        plan, cost = message.plan, message.quote.cost

        def answered(yes: bool | None) -> None:
            if yes:
                self.start(replace(plan, trainings=plan.trainings | {message.candidate}))

        price = amount(cost.value, cost.unit) if cost.value is not None else "an unknown price"
        question = f"Train {visible_line(message.candidate)} {message.trainings:,} more times for {price}?"
        self.app.push_screen(ConfirmDialog(question, f"{origin_word(cost)}: {cost.source or 'no source'}"), answered)

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
            if (
                candidate.profile in self.context.profiles()
                and self.context.profile(candidate.profile).capabilities.own_machine
            ):
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
