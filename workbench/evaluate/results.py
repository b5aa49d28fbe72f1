"""What a run says: one row a candidate, one line a pair, and everything it was computed from in `items.jsonl`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.catalog.figure import Figure, Origin
from workbench.evaluate.comparison import Verdict
from workbench.evaluate.task import TaskSpec

COST_UNIT = "USD/1k requests"


class ItemResult(BaseModel):
    """One answer of one candidate to one item: a line of `items.jsonl`."""

    model_config = ConfigDict(extra="allow")

    candidate: str
    index: int
    repeat: int = 0
    sha256: str
    """Of the item, so that a line about another item of the same number is not taken for it."""
    key: str
    """Of the call, as in the cache."""
    group: str | None = None
    messages: list[dict[str, Any]]
    """The prompt as sent."""
    output: str | None = None
    reference: str
    score: float | None = None
    """None where the call failed."""
    note: str | None = None
    """Why an output could not be read as what was asked for."""
    judged: list[str] | None = None
    """With a judge: the outcome where this answer was shown first, and where second: `win`, `tie` or `loss`."""
    judge_cost: float | None = None
    """US dollars of the judge's two calls."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float | None = None
    first_token_s: float | None = None
    cost: float | None = None
    """US dollars of this call."""
    fingerprint: str | None = None
    cached_tokens: int | None = None
    busy_s: float | None = None
    """As in `Answer`."""
    error: str | None = None
    cached: bool = False
    recorded: bool = False
    """A recording answered, judged or retrieved, not a provider: see `Origin.RECORDED`."""


class CandidateResult(BaseModel):
    """One candidate over the test set."""

    model_config = ConfigDict(extra="allow")

    candidate: str
    n: int
    """Items the score is over: those that were answered. n + failed is the size of the test set."""
    score: float | None = None
    """The mean; None where every item failed."""
    ci95: tuple[float, float] | None = None
    prompt_tokens: int | None = None
    """Total over all answers; None where the provider does not say."""
    completion_tokens: int | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    cost_per_1k: Figure
    failed: int
    """Items without an answer. They are in no score: a failed call says nothing of the model."""
    unreadable: int = 0
    """Answers that could not be read as what was asked for; they count, with the score they got."""
    prompt_tokens_mean: float | None = None
    completion_tokens_mean: float | None = None
    fingerprints: list[str] = Field(default_factory=list)
    """What answered, where it says so: host, precision, model content."""
    cached_tokens_mean: float | None = None
    """Prompt tokens of an answer that the provider took from its cache; None where it does not say."""
    shared_prefix: float | None = None
    """The part of a prompt, by characters, that all prompts begin with; None where fewer than two items were asked."""
    busy_s_mean: float | None = None
    """Seconds of the server for one answer, calls in flight together sharing them: 1 / it is the throughput."""
    cost_total: float | None = None
    """US dollars of all its answers; None where not each has a price."""
    origin: Origin = Origin.MEASURED
    """Of all figures here that have none of their own: *recorded* where any answer came out of a recording."""

    @property
    def recorded(self) -> bool:
        """It says nothing about a model: a recording answered, judged or retrieved."""
        return self.origin is Origin.RECORDED


class Comparison(BaseModel):
    """Two candidates on the items that both answered; difference = a - b, verdict is a's."""

    model_config = ConfigDict(extra="allow")

    a: str
    b: str
    difference: float | None = None
    """None where no item was answered by both."""
    ci95: tuple[float, float] | None = None
    p_value: float | None = None
    test: str | None = None
    verdict: Verdict = "tied"
    """After Holm's correction over all pairs of the run: better or worse only if `ci_corrected` excludes 0."""
    underpowered: bool = True
    """The interval cannot be trusted."""
    n: int = 0
    """Items that both answered."""
    units: int = 0
    """Independent units among them: groups where items are grouped, else items."""
    left_out: int = 0
    """Items that only one of them, or none, answered."""
    p_corrected: float | None = None
    ci_corrected: tuple[float, float] | None = None
    items_needed: int | None = None
    """Items to find a true difference of ten points with 80 % power at 5 %, from the spread seen here."""
    smallest_difference: float | None = None
    """The smallest true difference these items find with 80 % power at 5 %."""
    differences: list[str] = Field(default_factory=list)
    """What else differs between the two than model and technique: host, precision."""
    origin: Origin = Origin.MEASURED
    """*recorded* where one of the two is."""


class SeedSpread(BaseModel):
    """How much a tuned candidate's score varies between trainings that differ by their seed alone."""

    model_config = ConfigDict(extra="allow")

    candidate: str
    """The one that is judged; the others are there to show the spread."""
    siblings: list[str]
    seeds: list[int]
    """Its own first, then its siblings', in their order."""
    scores: list[float | None]
    """In the order of the seeds; None where nothing was answered."""
    mean: float | None = None
    sd: float | None = None
    """Sample standard deviation (n - 1); None of fewer than two scores."""
    low: float | None = None
    high: float | None = None
    origin: Origin = Origin.MEASURED

    @property
    def trained(self) -> int:
        """Trainings with a score."""
        return sum(score is not None for score in self.scores)


Side = Literal["test", "validation", "regression", "imported"]
"""`validation`: to choose a prompt, a k, a checkpoint by. `test`: for those that were chosen, and to judge by.
`regression`: the bundled questions of general ability. `imported`: measured by another program."""


class Best(BaseModel):
    """What a run on the validation side chose."""

    candidate: str
    score: float
    tied_with: list[str] = Field(default_factory=list)
    """Those that these items cannot tell from it, after correction."""
    origin: Origin = Origin.MEASURED


class JudgeReport(BaseModel):
    """Who judged, and how far the judge can be trusted."""

    model: str
    criterion: str
    judged: int
    """Answers that were judged in both orders; those equal to the reference need no judge."""
    agreement: float | None = None
    """Share of them with the same outcome in both orders."""
    kappa: float | None = None
    """Cohen's kappa of the two orders: 0 is chance, 1 is always the same."""
    first_shown_wins: float | None = None
    """Share of the verdicts that are no ties in which the answer that was shown first won: 0.5 is no position bias."""
    unreadable: int = 0
    """Answers that could not be judged: failed, not zero."""
    cost: float | None = None
    """US dollars of all judging; None where there is no price."""
    origin: Origin = Origin.MEASURED


class RunResult(BaseModel):
    """One evaluation: every candidate on the same items."""

    schema_version: int = 1
    model_config = ConfigDict(extra="allow")

    run: str = ""
    test_sha256: str = ""
    scorer: str = ""
    candidates: list[CandidateResult] = Field(default_factory=list)
    comparisons: list[Comparison] = Field(default_factory=list)
    task: TaskSpec = Field(default_factory=TaskSpec)
    created_at: datetime = datetime.fromtimestamp(0, UTC)
    items: int = 0
    """Size of the test set as run (after `--limit`)."""
    items_in_file: int | None = None
    """Size of the whole test set; None in a run that was recorded before this was kept."""
    repeat: int = 1
    leaked_exact: int | None = None
    """Test items that are in the training file; None where there is none to compare with."""
    leaked_near: int | None = None
    side: Side = "test"
    opened: int | None = None
    """How often this test set had been opened in the workspace, this time included; None on the validation side."""
    imported: str | None = None
    """By what and on what it was measured, where it was not measured here."""
    regression: str | None = None
    """The run that measured the same models on the questions of general ability, where one did."""
    judge: JudgeReport | None = None
    """Where a model was the scorer."""
    best: Best | None = None
    """On the validation side: the candidate to take to the test set."""
    seeds: list[SeedSpread] = Field(default_factory=list)
    """Variation between training seeds, for each tuned candidate it was measured for."""

    @property
    def siblings(self) -> frozenset[str]:
        """Candidates that are only here to show the spread between seeds: nobody may choose among them."""
        return frozenset(text for spread in self.seeds for text in spread.siblings)

    @property
    def recorded(self) -> list[str]:
        """The candidates whose figures are those of a recording."""
        return [row.candidate for row in self.candidates if row.recorded]

    def spread(self, candidate: str) -> SeedSpread | None:
        """The variation between seeds of a tuned candidate, if it was measured."""
        return next((one for one in self.seeds if one.candidate == candidate), None)

    def candidate(self, text: str) -> CandidateResult | None:
        """The row of a candidate."""
        return next((row for row in self.candidates if row.candidate == text), None)

    def comparison(self, a: str, b: str) -> Comparison | None:
        """The comparison of a with b, turned round where it was made as b with a."""
        for one in self.comparisons:
            if (one.a, one.b) == (a, b):
                return one
            if (one.a, one.b) == (b, a):
                return _turned(one)
        return None


def _turned(one: Comparison) -> Comparison:
    opposite: dict[Verdict, Verdict] = {"better": "worse", "worse": "better", "tied": "tied"}
    return one.model_copy(
        update={
            "a": one.b,
            "b": one.a,
            "difference": None if one.difference is None else -one.difference,
            "ci95": None if one.ci95 is None else (-one.ci95[1], -one.ci95[0]),
            "ci_corrected": None if one.ci_corrected is None else (-one.ci_corrected[1], -one.ci_corrected[0]),
            "verdict": opposite[one.verdict],
            "differences": [" / ".join(_swapped(text)) for text in one.differences],
        }
    )


def _swapped(text: str) -> tuple[str, str]:
    what, _, sides = text.partition(": ")
    mine, _, theirs = sides.partition(" / ")
    return f"{what}: {theirs}", mine
