"""Which items of a run are worth a look."""

from __future__ import annotations

import pytest

from tests.evaluate.answers import row, rows_of
from workbench.evaluate.grid import GridItem, Which, by_difference, chosen, grid

SCORES = {"p/a": [1.0, 0.0, 0.0, None, 0.4, 1.0], "p/b": [1.0, 1.0, 0.0, 1.0, 0.2, 0.0]}


def indexes(items: list[GridItem]) -> list[int]:
    return [item.index for item in items]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Which.ALL, [0, 1, 2, 3, 4, 5]),
        (Which.REGRESSIONS, [1]),
        (Which.DISAGREEMENTS, [1, 4, 5]),
        (Which.FAILED, [3]),
        (Which.WRONG, [2, 4]),
    ],
)
def test_each_filter_keeps_its_items(which: Which, found: list[int]) -> None:
    """A failed call is no disagreement and no regression: it says nothing of the model."""
    assert indexes(chosen(grid(rows_of(SCORES)), which, "p/a", "p/b")) == found


def test_a_regression_is_seen_from_the_chosen_candidate() -> None:
    """The other way round it is a gain."""
    assert indexes(chosen(grid(rows_of(SCORES)), Which.REGRESSIONS, "p/b", "p/a")) == [4, 5]


def test_the_largest_loss_comes_first_and_the_unknown_last() -> None:
    """And the other way round the largest gain; equal ones keep the file's order."""
    items = grid(rows_of(SCORES))
    assert indexes(by_difference(items, "p/a", "p/b")) == [1, 0, 2, 4, 5, 3]
    assert indexes(by_difference(items, "p/a", "p/b", gains_first=True)) == [5, 4, 0, 2, 1, 3]


def test_repeats_are_averaged_and_the_first_is_shown() -> None:
    """Whatever order the rows come in."""
    (item,) = grid([row("p/a", 0, 0.0, repeat=1), row("p/a", 0, 1.0), row("p/a", 0, None, repeat=2)])
    assert item.scores == {"p/a": 0.5}
    assert item.answers["p/a"].repeat == 0


def test_the_plain_prompt_is_the_one_without_examples() -> None:
    """Its question and turns are the item's, whatever a technique put before it."""
    (item,) = grid([row("p/a+few-shot:3", 0, 1.0, shots=3, turns=2), row("p/a", 0, 1.0, turns=2)])
    assert item.plain.candidate == "p/a"
    assert (item.turns, item.question) == (2, "hm\nyes?\nWhat colour is the sky?")
