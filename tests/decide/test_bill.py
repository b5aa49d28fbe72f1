"""The bill of a candidate, against bills that others published and sums worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.catalog.figure import Figure, Origin
from workbench.catalog.prices import price
from workbench.decide.bill import Bill, Prices, bill, free, hosted, local, one_off, request_of
from workbench.decide.cost import PER_1K, USD, Hardware, training_by_hours
from workbench.evaluate.results import CandidateResult

NOTHING = Figure.estimated(0.0, USD, "none")


def row(**values: Any) -> CandidateResult:
    """A candidate as a run measured it."""
    known = {
        "candidate": "azure/gpt-4.1.ft-0a",
        "n": 60,
        "failed": 0,
        "cost_per_1k": Figure.not_measured(PER_1K),
        "prompt_tokens_mean": 1_100.0,
        "completion_tokens_mean": 2_200.0,
    }
    return CandidateResult.model_validate(known | values)


def azure(tier: str = "global") -> Prices:
    """gpt-4.1, tuned, by the table that comes with ftwb."""
    told = {
        name: price("gpt-4.1.ft-0a", name, tier=tier)  # type: ignore[arg-type]
        for name in ("input", "cached_input", "output", "hosting_hour")
    }
    return Prices(**told)


def billed(requests: int | None = 10_000, request: Any = None, prices: Prices | None = None, **parts: Figure) -> Bill:
    asked = request or request_of(row(), "run-1")
    given = {"data": NOTHING, "training": NOTHING, "evaluation": NOTHING} | parts
    return bill(hosted(asked, prices or azure()), asked.seconds, requests=requests, **given)


def test_azures_published_month_comes_out_of_the_table_and_measured_tokens() -> None:
    """Inputs: Azure's fine-tuning cost management page (2026-02), a month of 10,000 chats on gpt-4.1: 1.70 x 24 x 30 of
    hosting, $22 of input and $176 of output, which are 1,100 and 2,200 tokens a chat at $2 and $8 a million."""
    one = billed()
    assert one.hosting_month.value == pytest.approx(1_224)
    assert one.per_1k.value == pytest.approx((22 + 176) / 10)
    assert one.prompt_1k.value == pytest.approx(2.2)
    assert one.month.value == pytest.approx(1_422)
    assert one.all_in_1k.value == pytest.approx(142.2)
    assert (one.month.origin, one.month.as_of) == (Origin.ESTIMATED, "2026-08-11")
    assert "Azure Retail Prices API" in (one.per_1k.source or "") and "run-1" in (one.per_1k.source or "")


def test_azures_tiers_differ_in_hosting_and_tokens() -> None:
    """A Developer deployment has no hourly fee; a regional one costs a tenth more by the token."""
    assert billed(prices=azure("developer")).month.value == pytest.approx(198)
    assert billed(prices=azure("regional")).month.value == pytest.approx(1_224 + 198 * 1.1)


def test_schmids_run_comes_out_of_its_hours_and_the_price_of_its_machine() -> None:
    """Inputs: Phil Schmid, fine-tune-llms-in-2024-with-trl (January 2024): 01:29:58 on a g5.2xlarge at $1.212 an hour,
    "$1.8"."""
    seconds = Figure.measured(1 * 3600 + 29 * 60 + 58, "s", "the tutorial")
    training = training_by_hours(seconds, Hardware(per_hour=1.212).hourly())
    request = request_of(row(candidate="local/ft", busy_s_mean=1.5), "run-1")
    one = bill(
        local(request, Hardware(per_hour=1.212)), request.seconds, data=NOTHING, training=training,
        evaluation=NOTHING, requests=None,
    )  # fmt: skip
    assert one.one_off.value == pytest.approx(1.80, abs=0.02)
    # ~25 minutes for 1,000 samples, in the same tutorial: 1.5 s each.
    assert one.per_1k.value == pytest.approx(1.212 * 1_500 / 3600)


def test_throughput_not_latency_is_what_a_machine_costs() -> None:
    """Four in flight, each 2 s: half a second of the machine each. Without it, latency is said to be an upper bound."""
    batched = request_of(row(busy_s_mean=0.5, latency_p50_s=2.0), "run-1")
    assert batched.seconds.value == 0.5
    alone = request_of(row(latency_p50_s=2.0), "run-1")
    assert alone.seconds.value == 2.0 and "upper bound" in (alone.seconds.source or "")
    assert request_of(row(), None).seconds.value is None


@pytest.mark.parametrize(
    ("values", "cached", "origin"),
    [
        ({"prompt_tokens_mean": 2_000.0, "shared_prefix": 0.9}, 1_792, Origin.ESTIMATED),
        ({"prompt_tokens_mean": 1_100.0, "shared_prefix": 0.9}, 0, Origin.ESTIMATED),
        ({"prompt_tokens_mean": 2_000.0, "shared_prefix": None}, 0, Origin.ESTIMATED),
        ({"prompt_tokens_mean": 2_000.0, "shared_prefix": 0.9, "cached_tokens_mean": 640.0}, 640, Origin.MEASURED),
    ],
)
def test_the_beginning_that_prompts_share_is_cached_from_1024_tokens_in_steps_of_128(
    values: dict[str, Any], cached: float, origin: Origin
) -> None:
    """1,800 tokens are shared: 14 steps of 128. What the provider says it cached goes before."""
    asked = request_of(row(**values), "run-1", 1_024, 128)
    assert (asked.cached_tokens.value, asked.cached_tokens.origin) == (cached, origin)


def test_cached_tokens_cost_their_own_price_and_the_full_one_where_there_is_none() -> None:
    asked = request_of(
        row(prompt_tokens_mean=2_000.0, shared_prefix=0.9, completion_tokens_mean=100.0), "r", 1_024, 128
    )
    one = billed(request=asked)
    assert one.per_1k.value == pytest.approx((208 * 2.0 + 1_792 * 0.5 + 100 * 8.0) / 1_000)
    assert one.prompt_1k.value == pytest.approx((208 * 2.0 + 1_792 * 0.5) / 1_000)
    prices = azure()
    bare = Prices(prices.input, Figure.not_measured("USD per 1M tokens", "none"), prices.output, prices.hosting_hour)
    assert billed(request=asked, prices=bare).per_1k.value == pytest.approx((2_000 * 2.0 + 100 * 8.0) / 1_000)


def test_idle_hosting_is_the_part_of_the_month_without_a_request() -> None:
    """10,000 requests of 64.8 s are a quarter of 720 hours."""
    asked = request_of(row(busy_s_mean=64.8), "run-1")
    assert billed(request=asked).idle_month.value == pytest.approx(1_224 * 0.75)
    assert billed(requests=None, request=asked).idle_month.value == pytest.approx(1_224)
    assert billed(requests=10_000_000, request=asked).idle_month.value == 0.0


def test_as_many_machines_as_the_volume_needs() -> None:
    machine = Hardware(per_hour=1.0, always_on=True)
    asked = request_of(row(busy_s_mean=1.0), "run-1")
    assert local(asked, machine, 2_000_000).hosting_month.value == 720
    assert local(asked, machine, 3_000_000).hosting_month.value == 1_440


def test_the_one_off_cost_names_what_is_not_in_it() -> None:
    unknown = Figure.not_measured(USD, "hours are not given")
    ten = Figure.quoted(10.0, USD, "a table", "2026-01-01")
    some = one_off({"data preparation": unknown, "training": ten, "evaluation": ten})
    assert some.value == 20.0 and some.as_of == "2026-01-01"
    assert "without data preparation: not known" in (some.source or "")
    all_of_it = one_off({"data preparation": ten, "training": ten, "evaluation": ten})
    assert all_of_it.value == 30.0 and "without" not in (all_of_it.source or "")
    assert one_off({"data preparation": NOTHING, "training": NOTHING, "evaluation": unknown}).value is None
    none = one_off({"data preparation": ten, "training": unknown, "evaluation": ten})
    assert (none.value, none.source) == (None, "hours are not given")


def test_what_is_not_known_stays_so_in_every_part() -> None:
    one = billed(prices=Prices(*[Figure.not_measured("USD per 1M tokens", "no price")] * 4))
    parts = {"prompt_1k", "per_1k", "hosting_month", "month", "all_in_1k", "idle_month"}
    assert {name for name in Bill.model_fields if getattr(one, name).value is None} == parts
    assert billed(requests=None).month.source == "how many requests a month is not said"
    nothing = bill(free("no model"), NOTHING, data=NOTHING, training=NOTHING, evaluation=NOTHING, requests=5)
    assert nothing.month.value == 0.0
