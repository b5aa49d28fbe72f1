"""What a decision is made of, as it is stored and printed."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from workbench.catalog.figure import Figure
from workbench.decide.bill import Bill
from workbench.decide.breakeven import BreakEven
from workbench.decide.checklist import ChecklistItem
from workbench.evaluate.results import CandidateResult

Kind = Literal["trivial", "untuned", "tuned", "seed"]
"""`seed`: a tuned candidate's training with another seed, there to show the spread and not to be chosen."""
Stage = Literal["before-training", "after-training"]
Verdict = Literal["fine-tune", "do-not-fine-tune", "not-enough-evidence"]


class TrainingFacts(BaseModel):
    """What is known of the training that made the tuned candidate."""

    model_config = ConfigDict(extra="allow")

    job: str | None = None
    status: str | None = None
    base: str | None = None
    """The candidate it was made from, `local/starter`."""
    fine_tuned_model: str | None = None
    """What it made, by its profile's name for it."""
    records: int | None = None
    seconds: Figure | None = None
    cost: Figure | None = None
    """What one training costs, in US dollars."""
    recorded: bool = False
    """A recording's job: nothing was trained."""


class Reason(BaseModel):
    """Why the verdict is what it is."""

    code: str
    text: str


class Missing(BaseModel):
    """What would change *not enough evidence*, and the command that supplies it."""

    what: str
    command: str


class JudgedCandidate(CandidateResult):
    """A candidate of the run, and what it is to this decision."""

    kind: Kind
    costs: Bill | None = None
    """What it costs; None where nobody worked it out."""


class Preference(BaseModel):
    """Blind votes of people between two candidates; a figure beside the verdict, which rests on the scorer alone."""

    model_config = ConfigDict(extra="allow")

    a: str
    b: str
    wins_a: int
    wins_b: int
    ties: int
    skipped: int
    left: int
    """Items without a vote."""
    same: int
    """Items to which both gave the same answer: nobody was asked about those."""
    share_a: float | None
    """Of the votes that were no tie."""
    ci95: tuple[float, float] | None
    """Wilson's, of that share."""
    p_value: float
    """Exact sign test, two-sided."""
    preferred: str | None
    """None where these votes show no difference."""
    underpowered: bool
    looked_after: int | None
    """Votes that were given when the person first saw who was which."""


class Decision(BaseModel):
    """The answer to "should we fine-tune?", with everything it rests on."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    stage: Stage
    verdict: Verdict
    reasons: list[Reason]
    missing: list[Missing]
    checklist: list[ChecklistItem]
    candidates: list[JudgedCandidate]
    break_even: BreakEven | None
    run: str | None = None
    decided_on: date
    no_break_even: str | None = None
    """Why `break_even` is null."""
    never_pays: bool = False
    """`break_even` is null because at no volume it pays; else because something is not known."""
    requests_per_month: int | None = None
    """The volume that was asked about."""
    votes: list[Preference] = []
    """Of the run; only pairs whose result was seen, or is complete."""
