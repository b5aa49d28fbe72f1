"""Costs and break-even, against bills that others published and sums worked by hand."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.figure import Figure, Origin
from workbench.decide.breakeven import BreakEven, NoBreakEven, break_even
from workbench.decide.cost import (
    PER_1K,
    PER_MONTH,
    CandidateCost,
    Hardware,
    hosting_month,
    local_per_1k,
    per_1k_requests,
    per_month,
    training_by_hours,
    training_by_tokens,
)

TODAY = date(2026, 11, 22)


def quoted(value: float, unit: str = "USD per 1M tokens") -> Figure:
    return Figure.quoted(value, unit, "price list", "2026-03-01")


def measured(value: float, unit: str = "tokens") -> Figure:
    return Figure.measured(value, unit, "run-1")


def test_azures_published_month_comes_out() -> None:
    """Cost management page (2026-02): 10,000 chats are $22 of input, $176 of output, and 1.70 x 24 x 30 of hosting."""
    one = per_1k_requests(measured(1_100), measured(2_200), input_price=quoted(2.0), output_price=quoted(8.0))
    cost = CandidateCost(per_1k=one, hosting_month=hosting_month(quoted(1.70, "USD/hour")))
    assert cost.hosting_month.value == pytest.approx(1_224)
    month = per_month(cost, 10_000)
    assert month.value == pytest.approx(1_422)
    assert (month.origin, month.as_of) == (Origin.ESTIMATED, "2026-03-01")


def test_schmids_training_run_comes_out() -> None:
    """01:29:58 on a g5.2xlarge at $1.212 an hour: $1.8 (fine-tune-llms-in-2024-with-trl)."""
    spent = training_by_hours(measured(5_398, "s"), quoted(1.212, "USD/hour"))
    assert spent.value == pytest.approx(1.817, abs=0.001)


def test_azures_training_by_tokens_comes_out() -> None:
    """gpt-4.1 Global: 1 M tokens x 2 epochs x $2 per million = $4."""
    assert training_by_tokens(measured(1_000_000), 2, quoted(2.0)).value == pytest.approx(4.0)


def test_cached_input_is_billed_at_its_own_price() -> None:
    price = {"input_price": quoted(2.0), "output_price": quoted(8.0)}
    cached = per_1k_requests(measured(1_000), measured(100), **price, cached_tokens=800, cached_price=quoted(0.5))
    assert cached.value == pytest.approx((200 * 2.0 + 800 * 0.5 + 100 * 8.0) / 1_000)
    unknown = per_1k_requests(measured(1_000), measured(100), **price, cached_tokens=800)
    assert unknown.value is None and "cached" in (unknown.source or "")


def test_what_is_not_known_stays_not_measured() -> None:
    unknown = Figure.not_measured("USD per 1M tokens", "no price for m")
    one = per_1k_requests(measured(10), measured(10), input_price=unknown, output_price=quoted(1))
    assert (one.value, one.origin, one.source) == (None, Origin.NOT_MEASURED, "no price for m")
    assert per_month(CandidateCost(per_1k=one, hosting_month=quoted(0, PER_MONTH)), 5).value is None
    assert local_per_1k(measured(0.5, "s"), Hardware()).value is None


def test_a_machine_that_is_always_on_is_paid_by_the_month() -> None:
    """0.36 x 720 = 259.20 a month; an answer adds the power alone."""
    machine = Hardware(per_hour=0.36, watts=100, per_kwh=0.40, always_on=True)
    assert machine.month().value == pytest.approx(259.20)
    assert machine.month(machines=2).value == pytest.approx(518.40)
    assert local_per_1k(measured(0.9, "s"), machine).value == pytest.approx(0.9 * 1000 / 3600 * 0.04)
    assert machine.hourly().value == pytest.approx(0.40), "training has to bear its share of the machine"
    assert Hardware(per_hour=0.36).month().value == 0.0
    assert Hardware(always_on=True).month().value is None


def test_a_machine_of_ones_own_costs_its_price_and_its_power() -> None:
    machine = Hardware(per_hour=0.36, watts=100, per_kwh=0.40)
    assert machine.hourly().value == pytest.approx(0.40)
    assert local_per_1k(measured(0.9, "s"), machine).value == pytest.approx(0.1)
    assert Hardware(watts=50, per_kwh=0.4).hourly().value == pytest.approx(0.02)
    assert Hardware(watts=50).hourly().value is None


def cost(per_1k: float, hosting: float = 0.0) -> CandidateCost:
    return CandidateCost(per_1k=quoted(per_1k, PER_1K), hosting_month=quoted(hosting, PER_MONTH))


def reached(**kwargs: object) -> BreakEven:
    found = break_even(
        **{"alternative": cost(5), "tuned": cost(1), "one_off": quoted(60, "USD"), "today": TODAY, **kwargs}
    )
    assert isinstance(found, BreakEven)
    return found


def test_a_break_even_worked_by_hand() -> None:
    """Saving 4 USD per 1,000, hosting 20 USD a month more, 60 USD once, twelve months: (20 + 60 / 12) / 0.004 = 6,250
    requests a month. At 10,000 the month leaves 40 - 20 = 20 USD: 60 USD are back in three months, 91.3 days."""
    one = reached(tuned=cost(1, 20), requests_per_month=10_000)
    assert one.requests_per_month == pytest.approx(6_250)
    assert one.date == date(2027, 2, 22)
    # 20 % better: (20 + 50/12) / 0.0048; worse: (20 + 75/12) / 0.0032.
    assert one.band == pytest.approx(((20 + 50 / 12) / 0.0048, (20 + 75 / 12) / 0.0032))
    assert one.bounded_by is None


def test_what_is_otherwise_by_a_fifth_is_worked_by_hand() -> None:
    """As above, 4 USD saved, of which 3 come from shorter prompts. Each thing by itself."""
    found = break_even(
        alternative=cost(5),
        tuned=cost(1, 20),
        one_off=quoted(60, "USD"),
        today=TODAY,
        requests_per_month=10_000,
        tokens_saving_1k=3.0,
    )
    assert isinstance(found, BreakEven)
    volumes = {(one.changed, round(one.by, 6)): one.requests_per_month for one in found.sensitivity}
    assert volumes == {
        ("saving", -0.2): pytest.approx(25 / 0.0032),
        ("saving", 0.2): pytest.approx(25 / 0.0048),
        ("one-off", -0.2): pytest.approx((20 + 4) / 0.004),
        ("one-off", 0.2): pytest.approx((20 + 6) / 0.004),
        ("prices", -0.2): pytest.approx(25 / 0.004),
        ("prices", 0.2): pytest.approx(25 / 0.004),
        ("tokens", -0.2): pytest.approx(25 / 0.0034),
        ("tokens", 0.2): pytest.approx(25 / 0.0046),
        ("saving and one-off", 0.2): pytest.approx(found.band[0]),
        ("saving and one-off", -0.2): pytest.approx(found.band[1]),
    }
    days = {(one.changed, round(one.by, 6)): one.date for one in found.sensitivity}
    assert days["one-off", 0.2] == date(2027, 3, 12), "72 / 20 = 3.6 months, 109.6 days"
    assert days["saving", -0.2] == date(2027, 4, 24), "60 / (32 - 20) = 5 months, 152.2 days"
    dear = break_even(
        alternative=cost(5), tuned=cost(4), one_off=quoted(60), today=TODAY, requests_per_month=9, tokens_saving_1k=8.0
    )
    assert isinstance(dear, BreakEven)
    never = next(one for one in dear.sensitivity if one.changed == "tokens" and one.by < 0)
    assert (never.requests_per_month, never.date) == (None, None), "1 - 0.2 x 8 is no saving any more"


def test_costs_by_month_cross_on_the_day_of_break_even_and_step_up_with_each_training() -> None:
    one = reached(tuned=cost(1, 20), requests_per_month=10_000)
    assert [point.month for point in one.by_month] == list(range(13))
    assert (one.by_month[0].alternative, one.by_month[0].tuned) == (0, 60)
    assert (one.by_month[3].alternative, one.by_month[3].tuned) == pytest.approx((150, 60 + 3 * 30))
    again = reached(tuned=cost(1, 20), requests_per_month=10_000, retrain_months=6)
    assert [at.tuned - at.month * 30 for at in again.by_month] == pytest.approx([60] * 6 + [120] * 6 + [120])
    until = reached(retirement=date(2027, 2, 21), requests_per_month=10_000)
    assert until.by_month[-1].month == 3
    assert reached().drawn_at == 1_250, "nobody asked: at the volume from which it pays"


def test_retirement_and_retraining_shorten_the_horizon() -> None:
    until = reached(retirement=date(2027, 2, 21), requests_per_month=10_000)
    assert until.bounded_by == "2027-02-21"
    assert until.months == pytest.approx(91 / (365.25 / 12))
    assert until.requests_per_month == pytest.approx(60 / until.months / 0.004)
    assert until.date is not None and until.date < date(2027, 2, 21)
    again = reached(retirement=date(2029, 1, 1), retrain_months=1, requests_per_month=10_000)
    assert (again.months, again.bounded_by, again.date) == (1, None, None), "1.5 months are needed, 1 is there"


def test_no_volume_no_date_and_too_little_volume_never_pays() -> None:
    assert reached().date is None
    assert reached(tuned=cost(1, 20), requests_per_month=4_000).date is None
    assert reached(tuned=cost(1, 20), requests_per_month=5_000).date is None, "nothing is left over hosting"


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"tuned": cost(5)}, True),
        ({"tuned": cost(6)}, True),
        ({"retirement": TODAY}, True),
        ({"one_off": Figure.not_measured("USD", "training has no price")}, False),
        ({"tuned": CandidateCost(per_1k=quoted(1), hosting_month=Figure.not_measured(PER_MONTH))}, False),
    ],
)
def test_where_there_is_none_it_says_why(changes: dict, known: bool) -> None:
    found = break_even(**{"alternative": cost(5), "tuned": cost(1), "one_off": quoted(60), "today": TODAY, **changes})
    assert isinstance(found, NoBreakEven)
    assert found.known is known and found.why


@given(
    st.floats(0.01, 100), st.floats(0.01, 0.99), st.floats(0, 1_000), st.floats(0, 10_000), st.integers(1, 10_000_000)
)
def test_the_date_is_within_the_horizon_exactly_from_the_volume_on(
    price: float, share: float, hosting: float, once: float, requests: int
) -> None:
    """Volume and date are two readings of one sum, and must agree."""
    found = break_even(
        alternative=cost(price),
        tuned=cost(price * share, hosting),
        one_off=quoted(once),
        today=TODAY,
        requests_per_month=requests,
    )
    assert isinstance(found, BreakEven)
    assert found.band[0] <= found.requests_per_month <= found.band[1]
    if requests > found.requests_per_month * 1.0001 + 1:
        assert found.date is not None
    if requests < found.requests_per_month * 0.9999 - 1:
        assert found.date is None
