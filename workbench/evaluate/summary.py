"""Summing up a run: the figures of each candidate and of each pair, from the rows of its items."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from statistics import stdev

from workbench.catalog.figure import Figure, Origin
from workbench.evaluate.comparison import correct, paired
from workbench.evaluate.results import (
    COST_UNIT,
    CandidateResult,
    Comparison,
    ItemResult,
    JudgeReport,
    RunResult,
    SeedSpread,
)
from workbench.evaluate.statistics import mean_interval
from workbench.evaluate.task import TaskSpec


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
    spreads = [_spread(family, {row.candidate: row for row in measured}) for family in seeds]
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


def _origin(recorded: bool) -> Origin:
    return Origin.RECORDED if recorded else Origin.MEASURED


def _spread(seeds: Mapping[str, int], measured: Mapping[str, CandidateResult]) -> SeedSpread:
    first, *siblings = seeds
    rows = [measured.get(text) for text in seeds]
    found = [row.score if row is not None else None for row in rows]
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
        origin=_origin(any(row.recorded for row in rows if row is not None)),
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
        origin=_origin(any(row.recorded for row in rows)),
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
    cost = Figure.estimated(1_000 * math.fsum(costs) / len(costs), COST_UNIT, source)
    return cost.replayed if any(row.recorded for row in answered) else cost


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
        origin = _origin(any(row.recorded for text in (a, b) for row in by_candidate[text]))
        if one is None or after is None:
            comparisons.append(Comparison(a=a, b=b, left_out=items, differences=differences, origin=origin))
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
                origin=origin,
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
