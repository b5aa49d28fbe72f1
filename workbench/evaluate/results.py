"""What a run says: one row a candidate, one line a pair, and everything it was computed from in `items.jsonl`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from statistics import stdev
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.catalog.figure import Figure
from workbench.evaluate.comparison import Verdict, correct, paired
from workbench.evaluate.statistics import mean_interval
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


def summarise(
    rows: Iterable[ItemResult],
    candidates: Sequence[str],
    *,
    run: str,
    test_sha256: str,
    task: TaskSpec,
    items: int,
    items_in_file: int | None = None,
    repeat: int = 1,
    created_at: datetime | None = None,
    leaked: tuple[int, int] | None = None,
    seeds: Sequence[Mapping[str, int]] = (),
    judge: JudgeReport | None = None,
) -> RunResult:
    """All figures of a run from its rows: the same rows always give the same figures.

    `seeds` has, for each tuned candidate that was trained several times, the seed of each training by candidate, the
    candidate itself first.
    """
    by_candidate: dict[str, list[ItemResult]] = defaultdict(list)
    for row in rows:
        by_candidate[row.candidate].append(row)
    measured = [candidate_result(text, by_candidate[text], items, task.seed) for text in candidates]
    spreads = [_spread(family, {row.candidate: row.score for row in measured}) for family in seeds]
    apart = frozenset(text for spread in spreads for text in spread.siblings)
    return RunResult(
        run=run,
        test_sha256=test_sha256,
        scorer=task.scorer,
        candidates=measured,
        comparisons=_comparisons(by_candidate, candidates, items, task.seed, apart),
        seeds=spreads,
        judge=judge,
        task=task,
        created_at=created_at or datetime.now(UTC),
        items=items,
        items_in_file=items_in_file,
        repeat=repeat,
        leaked_exact=leaked[0] if leaked else None,
        leaked_near=leaked[1] if leaked else None,
    )


def _spread(seeds: Mapping[str, int], scores: Mapping[str, float | None]) -> SeedSpread:
    first, *siblings = seeds
    found = [scores.get(text) for text in seeds]
    known = [score for score in found if score is not None]
    return SeedSpread(
        candidate=first,
        siblings=siblings,
        seeds=list(seeds.values()),
        scores=found,
        mean=sum(known) / len(known) if known else None,
        sd=stdev(known) if len(known) > 1 else None,
        low=min(known, default=None),
        high=max(known, default=None),
    )


def _item_scores(rows: Sequence[ItemResult]) -> dict[int, float]:
    """Score by item: the mean of its repeats that were answered."""
    scores: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row.score is not None:
            scores[row.index].append(row.score)
    return {index: sum(values) / len(values) for index, values in sorted(scores.items())}


def _groups(rows: Sequence[ItemResult], indexes: Sequence[int]) -> list[str] | None:
    """The group of each item, alone in one of its own where it has none; None where no item has one."""
    known = {row.index: row.group for row in rows if row.group is not None}
    if not known:
        return None
    return [f"group {known[index]}" if index in known else f"item {index}" for index in indexes]


def candidate_result(text: str, rows: Sequence[ItemResult], items: int, seed: int) -> CandidateResult:
    """One candidate's figures over `items` items, of which `rows` are its answers."""
    scores = _item_scores(rows)
    answered = [row for row in rows if row.error is None]
    values = list(scores.values())
    latencies = sorted(row.latency_s for row in answered if row.latency_s is not None)
    costs = [row.cost for row in answered if row.cost is not None]
    prompt = _total([row.prompt_tokens for row in answered])
    completion = _total([row.completion_tokens for row in answered])
    groups = _groups(rows, list(scores))
    if groups is not None and len(set(groups)) == len(groups):
        groups = None
    return CandidateResult(
        candidate=text,
        n=len(values),
        score=sum(values) / len(values) if values else None,
        ci95=mean_interval(values, groups, seed=seed) if values else None,
        prompt_tokens=prompt,
        completion_tokens=completion,
        latency_p50_s=percentile(latencies, 0.5),
        latency_p95_s=percentile(latencies, 0.95),
        cost_per_1k=_cost(answered),
        failed=items - len(values),
        unreadable=sum(row.note is not None for row in answered),
        prompt_tokens_mean=prompt / len(answered) if prompt is not None and answered else None,
        completion_tokens_mean=completion / len(answered) if completion is not None and answered else None,
        fingerprints=sorted({row.fingerprint for row in answered if row.fingerprint}),
        cached_tokens_mean=_mean([row.cached_tokens for row in answered if row.cached_tokens is not None]),
        shared_prefix=shared_prefix(rows),
        busy_s_mean=_mean([row.busy_s for row in answered if row.busy_s is not None]),
        cost_total=math.fsum(costs) if costs and len(costs) == len(answered) else None,
    )


def shared_prefix(rows: Iterable[ItemResult]) -> float | None:
    """How much of a prompt is the same for every item, from its beginning: what a provider can take from its cache.

    The prefix that many texts share is that of the first and the last of them in order.
    """
    first = last = ""
    length, prompts, items = 0, 0, set[int]()
    for row in rows:
        text = "\x1e".join(f"{message.get('role')}\x1f{message.get('content')}" for message in row.messages)
        first, last = (text, text) if not prompts else (min(first, text), max(last, text))
        length, prompts = length + len(text), prompts + 1
        items.add(row.index)
    if len(items) < 2 or not length:
        return None
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return same * prompts / length


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _cost(answered: Sequence[ItemResult]) -> Figure:
    costs = [row.cost for row in answered if row.cost is not None]
    if not answered or len(costs) < len(answered):
        return Figure.not_measured(COST_UNIT, "no price for every call")
    source = "mean over the run of measured tokens times price"
    if not any(row.prompt_tokens for row in answered) and not any(costs):
        source = "no model is called"
    return Figure.estimated(1_000 * math.fsum(costs) / len(costs), COST_UNIT, source)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The percentile of sorted values, interpolated linearly; None of none."""
    if not ordered:
        return None
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def _comparisons(
    by_candidate: dict[str, list[ItemResult]],
    candidates: Sequence[str],
    items: int,
    seed: int,
    apart: frozenset[str] = frozenset(),
) -> list[Comparison]:
    """Every pair. Those `apart` are in nobody's choice: their pairs are corrected over all, and burden no other."""
    scores = {text: _item_scores(by_candidate[text]) for text in candidates}
    pairs = list(combinations(candidates, 2))
    measured = []
    for a, b in pairs:
        both = [index for index in scores[a] if index in scores[b]]
        if both:
            groups = _groups(by_candidate[a], both)
            values = [scores[a][index] for index in both], [scores[b][index] for index in both]
            measured.append(((a, b), paired(*values, groups, seed=seed)))
    chosen_from = [(pair, one) for pair, one in measured if not apart & {*pair}]
    corrected = dict(zip([pair for pair, _ in measured], correct([one for _, one in measured]), strict=True))
    corrected |= zip([pair for pair, _ in chosen_from], correct([one for _, one in chosen_from]), strict=True)
    by_pair = dict(measured)
    comparisons = []
    for a, b in pairs:
        one, after = by_pair.get((a, b)), corrected.get((a, b))
        differences = _unlike(by_candidate[a], by_candidate[b])
        if one is None or after is None:
            comparisons.append(Comparison(a=a, b=b, left_out=items, differences=differences))
            continue
        comparisons.append(
            Comparison(
                a=a,
                b=b,
                difference=one.difference,
                ci95=one.interval(),
                p_value=one.p_value,
                test=one.test,
                verdict=after.verdict,
                underpowered=one.underpowered,
                n=one.n,
                units=one.units,
                left_out=items - one.n,
                p_corrected=after.p_value,
                ci_corrected=after.interval,
                items_needed=one.items_needed(),
                smallest_difference=one.smallest_difference,
                differences=differences,
            )
        )
    return comparisons


def _unlike(a: Sequence[ItemResult], b: Sequence[ItemResult]) -> list[str]:
    """Host and precision where they differ; local fingerprints are `ftwb:HOST:PRECISION:SHA12`."""
    found = []
    for position, what in ((1, "host"), (2, "precision")):
        mine, theirs = _part(a, position), _part(b, position)
        if mine and theirs and mine != theirs:
            found.append(f"{what}: {', '.join(sorted(mine))} / {', '.join(sorted(theirs))}")
    return found


def _part(rows: Sequence[ItemResult], position: int) -> set[str]:
    parts = [row.fingerprint.split(":") for row in rows if row.fingerprint and row.fingerprint.startswith("ftwb:")]
    return {part[position] for part in parts if len(part) == 4}


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
