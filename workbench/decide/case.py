"""What is on the table when a verdict is found, and what it says to the questions of the checklist."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from workbench.decide import commands
from workbench.decide.breakeven import BreakEven
from workbench.decide.decision import JudgedCandidate, Kind, Missing, Reason, Stage, TrainingFacts
from workbench.decide.evidence import Facts
from workbench.evaluate.results import RunResult
from workbench.evaluate.task import TaskSpec

if TYPE_CHECKING:
    from workbench.catalog.models import Lifecycle


@dataclass(slots=True)
class Case:
    """All that is on the table, and the reasons and gaps as they are found."""

    run: RunResult | None
    task: TaskSpec
    rows: list[JudgedCandidate]
    training: TrainingFacts | None
    lifecycle: Lifecycle | None
    leaks: int
    today: date
    requests_per_month: int | None
    regression: RunResult | None = None
    """The same models on the questions of general ability."""
    break_even: BreakEven | None = None
    no_break_even: str | None = None
    never_pays: bool = False
    reasons: list[Reason] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def say(self, code: str, text: str) -> None:
        """Give a reason."""
        self.reasons.append(Reason(code=code, text=text))

    def ask(self, what: str, command: str) -> None:
        """Ask for what is missing, once."""
        if all(gap.command != command for gap in self.missing):
            self.missing.append(Missing(what=what, command=command))

    def of(self, *kinds: Kind, recorded: bool = False) -> list[JudgedCandidate]:
        """Measured candidates of these kinds, the best first; with `recorded` those of recordings, too."""
        found = [
            row for row in self.rows if row.kind in kinds and row.score is not None and (recorded or not row.recorded)
        ]
        return sorted(found, key=lambda row: -(row.score or 0.0))

    def kind(self, candidate: str) -> Kind | None:
        """What a candidate of the run is."""
        return next((row.kind for row in self.rows if row.candidate == candidate), None)

    @property
    def asked(self) -> list[str]:
        """The candidates of the run that call a model; a recording needs no other measurement."""
        return [row.candidate for row in self.rows if row.kind not in ("trivial", "seed") and not row.recorded]

    @property
    def base(self) -> str:
        """The untuned model to build on: that of the training, else of the first candidate without a technique."""
        if self.training is not None and self.training.base and not self.training.recorded:
            return self.training.base
        plain = [text for text in self.asked if "+" not in text and self.kind(text) == "untuned"]
        return plain[0] if plain else commands.DEFAULT_BASE

    @property
    def stage(self) -> Stage:
        """Whether something was trained yet; what a recording shows was not."""
        made = self.training
        trained = made is not None and made.status == "succeeded" and not made.recorded
        tuned = any(row.kind == "tuned" and not row.recorded for row in self.rows)
        return "after-training" if trained or tuned else "before-training"


def facts_of(case: Case) -> Facts:
    """What the questions of the checklist could use of it."""
    tuned, alternatives = case.of("tuned", recorded=True), case.of("trivial", "untuned", recorded=True)
    compared = (
        case.run.comparison(tuned[0].candidate, alternatives[0].candidate)
        if case.run and tuned and alternatives
        else None
    )
    return Facts(
        run=case.run.run if case.run else None,
        untuned=case.of("untuned", recorded=True),
        tuned=tuned[0] if tuned else None,
        best=alternatives[0] if alternatives else None,
        compared=compared,
        leaks=case.leaks,
        leaks_checked=case.run is not None and case.run.leaked_exact is not None,
        records=case.training.records if case.training else None,
        training_seconds=case.training.seconds if case.training else None,
        training_cost=case.training.cost if case.training else None,
        job=case.training.job if case.training else None,
        job_recorded=case.training is not None and case.training.recorded,
        trained=case.stage == "after-training",
        lifecycle=case.lifecycle,
        trainable=case.lifecycle.trainable(case.today) if case.lifecycle else None,
    )
