"""Paired comparisons: what is called better, tied, underpowered."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluate.comparison import correct, paired
from workbench.evaluate.statistics import MIN_DISCORDANT


def scores(right: int, n: int) -> list[float]:
    return [1.0] * right + [0.0] * (n - right)


def test_binary_scores_take_the_exact_test_and_others_the_bootstrap() -> None:
    assert "McNemar" in paired(scores(30, 60), scores(20, 60)).test
    assert "bootstrap" in paired([0.5, 1.0] * 30, scores(20, 60)).test
    assert "by group" in paired(scores(30, 60), scores(20, 60), [n // 2 for n in range(60)]).test
    assert "by group" not in paired(scores(30, 60), scores(20, 60), list(range(60))).test


@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 1.0])] * 2), min_size=1, max_size=80),
)
def test_a_comparison_turns_round(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one, other = paired(a, b), paired(b, a)
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_value == other.p_value
    assert one.interval() == pytest.approx(tuple(-bound for bound in reversed(other.interval())))


def test_twelve_items_are_underpowered_and_say_how_many_are_needed() -> None:
    one = paired(scores(9, 12), scores(6, 12))
    assert one.underpowered
    assert 100 < one.items_needed() < 400
    assert one.smallest_difference > 0.3


def test_items_needed_do_not_hang_on_luck_in_a_small_run() -> None:
    """Twelve items on which two candidates agree do not promise that twelve are enough."""
    one = paired(scores(6, 12), scores(6, 12))
    assert one.items_needed() >= 50
    assert one.interval()[0] < -0.1 < 0.1 < one.interval()[1]


def test_few_discordant_items_make_the_interval_wide_and_say_so() -> None:
    agree = paired(scores(95, 100), scores(95, 100))
    assert agree.underpowered
    apart = paired([*scores(50, 100)], [*scores(50 - MIN_DISCORDANT, 100)])
    assert not apart.underpowered


def test_equal_scores_between_0_and_1_leave_a_doubt() -> None:
    """The bootstrap of sixty zeros is one value; the interval must not be."""
    one = paired([0.5] * 60, [0.5] * 60)
    low, high = one.interval()
    assert low < 0 < high
    assert one.underpowered


def test_better_needs_both_the_corrected_test_and_the_corrected_interval() -> None:
    strong, weak = paired(scores(80, 100), scores(50, 100)), paired(scores(57, 100), scores(50, 100))
    assert weak.p_value < 0.05
    alone = correct([weak])[0]
    assert alone.verdict == "better"
    crowd = correct([weak] * 6)
    assert [one.verdict for one in crowd] == ["tied"] * 6
    assert crowd[0].interval[0] < alone.interval[0], "the interval grows with the family"
    mixed = correct([strong, weak])
    assert [one.verdict for one in mixed] == ["better", "better"], "Holm lets go of what is settled"
    assert correct([paired(scores(50, 100), scores(80, 100))])[0].verdict == "worse"


def test_no_difference_is_rarely_called_one() -> None:
    """500 studies of three equal candidates: at most 5 % may have any finding (binomial, so up to 8 %)."""
    rng = random.Random(7)
    wrong = 0
    for _ in range(500):
        columns = [[float(rng.random() < 0.6) for _ in range(100)] for _ in range(3)]
        family = [paired(columns[i], columns[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
        wrong += any(one.verdict != "tied" for one in correct(family))
    assert wrong <= 40


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired([1.0], [])
    with pytest.raises(ValueError, match="at least one"):
        paired([], [])
