"""What each candidate of a run costs: measured amounts, prices known here, and what the person said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.catalog.figure import Figure
from workbench.catalog.limits import limits_for
from workbench.catalog.prices import PriceBook
from workbench.decide.bill import Bill, Prices, Request, Running, bill, free, hosted, local, request_of
from workbench.decide.cost import USD, Hardware, derive, number, training_by_hours, training_by_tokens
from workbench.decide.decision import Kind
from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import CandidateResult, RunResult
from workbench.workflow.context import Context
from workbench.workflow.job_records import RecordedJob, job_folder
from workbench.workflow.prices import price_book
from workbench.workflow.project import Costs

TRAINED: tuple[Kind, ...] = ("tuned", "seed")
"""Kinds of candidates that a training made."""
GIVE = "give --hardware-per-hour, or --watts with --per-kwh"


@dataclass(frozen=True)
class Costing:
    """Everything that bills are made from."""

    context: Context
    costs: Costs
    requests_per_month: int | None
    prices: PriceBook

    @classmethod
    def of(cls, context: Context, costs: Costs, requests_per_month: int | None) -> Costing:
        """With the prices that are known now."""
        return cls(context, costs, requests_per_month, price_book(context))

    @property
    def hardware(self) -> Hardware:
        """The person's own machine."""
        said = self.costs
        return Hardware(
            per_hour=said.hardware_per_hour, watts=said.watts, per_kwh=said.per_kwh, always_on=said.always_on
        )

    def data(self) -> Figure:
        """Preparing the training data: hours x rate."""
        if self.costs.data_hours is None or self.costs.hourly_rate is None:
            return Figure.not_measured(USD, "hours of preparing data and their rate are not given")
        return Figure.estimated(self.costs.data_hours * self.costs.hourly_rate, USD, "hours x rate, by the person")

    def training(self, made: RecordedJob | None) -> Figure:
        """What one training cost: as the provider says, else by its tokens, else by its hours."""
        if made is None:
            return Figure.not_measured(USD, "no training of ours made this model")
        found = self._training(made)
        return found.replayed if made.job.replay else found

    def _training(self, made: RecordedJob) -> Figure:
        job = made.job
        if job.cost.value is not None:
            return job.cost
        seconds = training_seconds(self.context, made)
        kind = self._kind(job.profile)
        if kind == "local":
            return _asking(training_by_hours(seconds, self.hardware.hourly()))
        where = {"provider": kind, "tier": self.costs.tier, "profile": job.profile}
        by_hour = self.prices.price(job.model, "training_hour", **where)
        if by_hour.value is not None:
            return training_by_hours(seconds, by_hour)
        tokens = Figure.not_measured("tokens", f"{job.profile} does not say how many tokens it trained")
        if job.trained_tokens is not None:
            tokens = Figure.measured(float(job.trained_tokens), "tokens", f"{job.id}, epochs included")
        return training_by_tokens(tokens, 1, self.prices.price(job.model, "training", **where))

    def bills(self, run: RunResult, kinds: Mapping[str, Kind], tuned: Mapping[str, RecordedJob]) -> dict[str, Bill]:
        """The bill of every candidate; `tuned` are our jobs by the candidate that they made."""
        return {row.candidate: self.bill(row, run, kinds, tuned) for row in run.candidates}

    def bill(
        self, row: CandidateResult, run: RunResult, kinds: Mapping[str, Kind], tuned: Mapping[str, RecordedJob]
    ) -> Bill:
        """One bill. Training and its data are those of tuned candidates; for others there is none."""
        kind = kinds.get(row.candidate, "untuned")
        profile = self._kind(parse_candidate(row.candidate).profile)
        limits = limits_for(profile)
        request = request_of(row, run.run, limits.cached_from, limits.cached_step)
        none = Figure.estimated(0.0, USD, "nothing is trained")
        running = self._running(row, kind, request)
        if row.recorded:
            running = Running(running.prompt_1k.replayed, running.per_1k.replayed, running.hosting_month.replayed)
        return bill(
            running,
            request.seconds,
            data=self.data() if kind in TRAINED else none,
            training=self.training(tuned.get(row.candidate)) if kind in TRAINED else none,
            evaluation=self._evaluation(row, run, kind, request, running),
            requests=self.requests_per_month,
        )

    def _kind(self, profile: str) -> str:
        """The kind of a profile; one that is gone by now is taken for a compatible provider."""
        known = self.context.profiles().get(profile)
        return known.kind if known else "compatible"

    def _running(self, row: CandidateResult, kind: Kind, request: Request) -> Running:
        if kind == "trivial":
            return free("no model is called")
        parsed = parse_candidate(row.candidate)
        profile = self._kind(parsed.profile)
        if profile == "local":
            made = local(request, self.hardware, self.requests_per_month)
            return Running(made.prompt_1k, _asking(made.per_1k), _asking(made.hosting_month))
        where = {"provider": profile, "tier": self.costs.tier, "profile": parsed.profile}
        hosting = self.prices.price(parsed.model, "hosting_hour", **where)
        if kind == "untuned":
            hosting = Figure.estimated(0.0, "USD per hour", "a base model is billed by the token alone")
        return hosted(
            request,
            Prices(
                input=self.prices.price(parsed.model, "input", **where),
                cached_input=self.prices.price(parsed.model, "cached_input", **where),
                output=self.prices.price(parsed.model, "output", **where),
                hosting_hour=hosting,
            ),
        )

    def _evaluation(
        self, row: CandidateResult, run: RunResult, kind: Kind, request: Request, running: Running
    ) -> Figure:
        """Asking every item of the run, as often as it was repeated: as reckoned then, else by the prices now."""
        if kind == "trivial":
            return Figure.estimated(0.0, USD, "no model is called")
        if self._kind(parse_candidate(row.candidate).profile) == "local":
            hourly = self.hardware.hourly()
            value = row.n * run.repeat * number(request.seconds) / 3600 * number(hourly)
            return _asking(derive(value, USD, "answers x seconds x price of an hour", [request.seconds, hourly]))
        if row.cost_total is not None:
            total = Figure.estimated(row.cost_total, USD, f"{run.run}: measured tokens x price, over all answers")
            return total.replayed if row.recorded else total
        value = number(running.per_1k) * row.n * run.repeat / 1_000
        return derive(value, USD, "answers x cost of one", [running.per_1k])


def training_seconds(context: Context, made: RecordedJob) -> Figure:
    """How long it trained: from its first step to its end, else from its creation, the queue included."""
    found = _seconds(context, made)
    return found.replayed if made.job.replay else found


def _seconds(context: Context, made: RecordedJob) -> Figure:
    from workbench.providers.event_log import EventLog

    job = made.job
    if job.finished_at is None:
        return Figure.not_measured("s", f"{job.id} has no end")
    events = EventLog(job_folder(context, job.profile, job.id)).events()
    stepped = [event.created_at for event in events if event.data.get("step") is not None and event.created_at]
    if stepped and min(stepped) < job.finished_at:
        return Figure.measured(job.finished_at - min(stepped), "s", f"{job.id}: from its first step to its end")
    if job.created_at is None:
        return Figure.not_measured("s", f"{job.id} has no beginning")
    said = f"{job.id}: from created to finished, the queue included"
    return Figure.measured(job.finished_at - job.created_at, "s", said)


def _asking(figure: Figure) -> Figure:
    """The figure; where the price of the machine is missing, with the options that give it."""
    if figure.value is not None or "machine" not in (figure.source or ""):
        return figure
    return Figure.not_measured(figure.unit, f"{figure.source}: {GIVE}")
