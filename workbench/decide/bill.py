"""The bill of one candidate: what it costs once, for each request, and by the month, every figure with its origin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.catalog.figure import Figure, Origin
from workbench.decide.cost import (
    HOURS_PER_MONTH,
    PER_1K,
    PER_MONTH,
    USD,
    CandidateCost,
    Hardware,
    derive,
    hosting_month,
    local_per_1k,
    number,
    per_1k_requests,
    per_month,
)
from workbench.evaluate.results import CandidateResult

SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
TOKENS = "tokens/request"
SECONDS = "s/request"
NO_VOLUME = "how many requests a month is not said"


class Bill(CandidateCost):
    """All that one candidate costs. `per_1k` is for answering 1,000 requests, without hosting."""

    prompt_1k: Figure
    """Of `per_1k`, what the prompts cost."""
    data: Figure
    """Preparing the training data."""
    training: Figure
    evaluation: Figure
    """Asking it every item of the run."""
    one_off: Figure
    """Data, training and evaluation, as far as they are known; not measured where training is not."""
    idle_month: Figure
    """Of hosting, what is paid while nobody asks."""
    month: Figure
    """A month at the volume that was asked about: answering and hosting."""
    all_in_1k: Figure
    """1,000 requests at that volume, hosting included."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one request takes: means over a run."""

    prompt_tokens: Figure
    completion_tokens: Figure
    cached_tokens: Figure
    """Of the prompt, what a provider bills as cached."""
    seconds: Figure
    """Of the server, calls in flight sharing them: 1 / throughput."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a hosted candidate is billed by."""

    input: Figure
    cached_input: Figure
    output: Figure
    hosting_hour: Figure


@dataclass(frozen=True, slots=True)
class Running:
    """What a candidate costs while it is there."""

    prompt_1k: Figure
    per_1k: Figure
    hosting_month: Figure


def request_of(row: CandidateResult, run: str | None, cached_from: int | None = None, cached_step: int = 1) -> Request:
    """One request of a candidate as the run measured it.

    What is cached is what the provider said it was; else, where prompts share a beginning of `cached_from` tokens or
    more, that beginning, in whole steps.
    """

    def mean(value: float | None, unit: str, why: str) -> Figure:
        return Figure.not_measured(unit, why) if value is None else measured_by(row, value, unit, run)

    prompt = mean(row.prompt_tokens_mean, TOKENS, f"the provider did not count the tokens of {row.candidate}")
    seconds = mean(row.busy_s_mean, SECONDS, f"no answer of {row.candidate} was timed")
    if row.busy_s_mean is None and row.latency_p50_s is not None:
        said = f"{run or 'the run'}: median latency, as if one request waited for the other, an upper bound"
        seconds = measured_by(row, row.latency_p50_s, SECONDS, said)
    return Request(
        prompt,
        mean(row.completion_tokens_mean, TOKENS, f"the provider did not count the tokens of {row.candidate}"),
        _cached(row, run, prompt, cached_from, cached_step),
        seconds,
    )


def measured_by(row: CandidateResult, value: float, unit: str, source: str | None) -> Figure:
    """A figure of a row of a run: measured, or what a recording says."""
    figure = Figure.measured(value, unit, source)
    return figure.replayed if row.recorded else figure


def _cached(row: CandidateResult, run: str | None, prompt: Figure, cached_from: int | None, step: int) -> Figure:
    if row.cached_tokens_mean is not None:
        return measured_by(row, row.cached_tokens_mean, TOKENS, run)
    if cached_from is None or prompt.value is None or row.shared_prefix is None:
        return Figure.estimated(0.0, TOKENS, "nothing is known to be cached")
    shared = prompt.value * row.shared_prefix
    if shared < cached_from:
        said = f"prompts share {shared:.0f} tokens from their beginning; from {cached_from:,} on they are cached"
        return Figure.estimated(0.0, TOKENS, said)
    said = "the beginning that all prompts of the run share, while the provider keeps it cached"
    return Figure.estimated(float(shared // step * step), TOKENS, said)


def hosted(request: Request, prices: Prices) -> Running:
    """Billed by the token, and by the hour where hosting has a price."""
    cached = number(request.cached_tokens) if prices.cached_input.value is not None else 0.0
    price = {"input_price": prices.input, "cached_tokens": cached, "cached_price": prices.cached_input}
    nothing = Figure(value=0.0, unit=TOKENS, origin=Origin.ESTIMATED)  # the prompt alone
    return Running(
        prompt_1k=per_1k_requests(request.prompt_tokens, nothing, output_price=prices.input, **price),  # type: ignore[arg-type]
        per_1k=per_1k_requests(
            request.prompt_tokens, request.completion_tokens, output_price=prices.output, **price  # type: ignore[arg-type]
        ),
        hosting_month=hosting_month(prices.hosting_hour),
    )  # fmt: skip


def local(request: Request, hardware: Hardware, requests: int | None = None) -> Running:
    """On a machine of one's own; as many of them as the volume needs, where they are always on."""
    busy = 0.0 if requests is None else requests * number(request.seconds) / SECONDS_PER_MONTH
    return Running(
        prompt_1k=Figure.not_measured(PER_1K, "a machine of one's own is not billed by the token"),
        per_1k=local_per_1k(request.seconds, hardware),
        hosting_month=hardware.month(machines=max(1, math.ceil(busy))),
    )


def free(why: str) -> Running:
    """What costs nothing to ask."""
    nothing = Figure.estimated(0.0, PER_1K, why)
    return Running(nothing, nothing, Figure.estimated(0.0, PER_MONTH, why))


def bill(
    running: Running, seconds: Figure, *, data: Figure, training: Figure, evaluation: Figure, requests: int | None
) -> Bill:
    """Everything together, at a volume where one is asked about."""
    cost = CandidateCost(per_1k=running.per_1k, hosting_month=running.hosting_month)
    month = Figure.not_measured(PER_MONTH, NO_VOLUME) if requests is None else per_month(cost, requests)
    all_in = derive(number(month) * 1_000 / (requests or 1), PER_1K, "cost of a month / requests", [month])
    return Bill(
        per_1k=running.per_1k,
        hosting_month=running.hosting_month,
        prompt_1k=running.prompt_1k,
        data=data,
        training=training,
        evaluation=evaluation,
        one_off=one_off({"data preparation": data, "training": training, "evaluation": evaluation}),
        idle_month=_idle(running.hosting_month, seconds, requests),
        month=month,
        all_in_1k=all_in,
    )


def one_off(parts: Mapping[str, Figure]) -> Figure:
    """The sum of what is known, with what is not in it named; not measured where `training` is not, or where only
    zeros are known.
    """
    if parts["training"].value is None:
        return Figure.not_measured(USD, parts["training"].source)
    known = {name: figure for name, figure in parts.items() if figure.value is not None}
    lacking = [name for name in parts if name not in known]
    if lacking and not any(figure.value for figure in known.values()):
        return Figure.not_measured(USD, parts[lacking[0]].source)
    said = " + ".join(known) + (f"; without {' and '.join(lacking)}: not known" if lacking else "")
    return derive(math.fsum(number(figure) for figure in known.values()), USD, said, list(known.values()))


def _idle(hosting: Figure, seconds: Figure, requests: int | None) -> Figure:
    """Hosting x the share of the month in which no request is being answered."""
    if requests is None or seconds.value is None:
        return derive(number(hosting), PER_MONTH, "hosting while nobody asks", [hosting])
    share = max(0.0, 1 - requests * seconds.value / SECONDS_PER_MONTH)
    return derive(number(hosting) * share, PER_MONTH, "hosting x share of the month without a request", [hosting])
