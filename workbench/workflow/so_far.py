"""What a job has trained and cost so far, while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from workbench.catalog.figure import Figure
from workbench.decide.cost import USD, training_by_hours, training_by_tokens
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.costing import Costing
from workbench.workflow.eligibility import price_tier
from workbench.workflow.follow import JobView
from workbench.workflow.job_records import RecordedJob, recorded_jobs
from workbench.workflow.project import Costs
from workbench.workflow.train import ATTACHED

TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class SoFar:
    """Both as figures with their origin; not measured where nobody can tell."""

    tokens: Figure
    cost: Figure


@dataclass
class Reckoning:
    """Works it out for one job, view after view; prices are those of when it began. Blocks: its data may be counted."""

    context: Context
    costs: Costs
    job_id: str
    _costing: Costing = field(init=False)

    def __post_init__(self) -> None:
        self._costing = Costing.of(self.context, self.costs, None)

    def __call__(self, view: JobView) -> SoFar:
        """As of that view."""
        tokens = self._tokens(view)
        return SoFar(tokens, self._cost(view, tokens))

    def _tokens(self, view: JobView) -> Figure:
        """The provider's own count, else that of its newest report, else as much of the data as it has gone through."""
        job = view.job
        if job.trained_tokens:
            return Figure.measured(float(job.trained_tokens), TOKENS, f"{job.id}, epochs included")
        if points := view.series.get("tokens"):
            step, value = points[-1]
            return Figure.measured(value, TOKENS, f"{job.id}, reported at step {step:,}")
        if not view.step or not view.total_steps:
            return Figure.not_measured(TOKENS, f"{job.profile} does not say how far it is")
        if self._billable is None:
            return Figure.not_measured(TOKENS, "its data is not kept here")
        share = min(1.0, view.step / view.total_steps)
        said = f"step {view.step:,} of {view.total_steps:,} x {self._billable:,} tokens of its data"
        return Figure.estimated(float(round(share * self._billable)), TOKENS, said)

    def _cost(self, view: JobView, tokens: Figure) -> Figure:
        job = view.job
        if job.cost.value is not None:
            return job.cost
        profile = self.context.profiles().get(job.profile)
        if job.profile == ATTACHED or profile is None:
            return Figure.not_measured(USD, "something else trains it")
        seconds = Figure.not_measured("s", f"{job.id} has reported no step")
        if view.elapsed_s is not None:
            seconds = Figure.measured(view.elapsed_s, "s", f"{job.id}: since its first step")
        if profile.kind == "local":
            return training_by_hours(seconds, self._costing.hardware.hourly())
        tier = price_tier(profile, job.raw, self.costs.tier)
        where = {"provider": profile.kind, "tier": tier, "profile": job.profile}
        by_hour = self._costing.prices.price(job.model, "training_hour", **where)
        if by_hour.value is not None:
            cost = training_by_hours(seconds, by_hour)
        else:
            cost = training_by_tokens(tokens, 1, self._costing.prices.price(job.model, "training", **where))
        return cost.replayed if profile.replay else cost

    @property
    def _record(self) -> RecordedJob | None:
        return recorded_jobs(self.context).get(self.job_id)

    @cached_property
    def _billable(self) -> int | None:
        """Tokens that the whole training bills, counted once in the bytes that we kept; None where there are none."""
        from workbench.workflow.prepare import dataset_stats

        found = self._record
        if found is None or found.record.train_sha256 is None:
            return None
        epochs = found.job.settings.get("n_epochs")
        try:
            counted = dataset_stats(
                self.context,
                self.context.home / "data" / found.record.train_sha256,
                model=found.job.model,
                n_epochs=epochs if isinstance(epochs, int) else None,
            )
        except WorkbenchError:  # it was removed since, or is no chat data
            return None
        return counted.billable_tokens


def so_far(context: Context, costs: Costs, view: JobView) -> SoFar:
    """One look."""
    return Reckoning(context, costs, view.job.id)(view)
