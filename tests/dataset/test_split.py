"""The split: disjoint in meaning, near the wanted sizes, decided by content and seed alone."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.dataset.split import SIDES, split
from workbench.errors import WorkbenchError

FRACTIONS = (0.8, 0.1, 0.1)


def keys(count: int) -> list[str]:
    return [f"record {number}" for number in range(count)]


def test_sizes_are_the_fractions() -> None:
    """To the record, where every record stands alone."""
    made = split(keys(1000), FRACTIONS, 7)
    assert [len(made.side(name)) for name in SIDES] == [800, 100, 100]
    assert sorted(made.train + made.validation + made.test) == list(range(1000))
    assert made.groups == 1000


def test_two_fractions_make_no_test_side() -> None:
    """The test set is then elsewhere, frozen."""
    made = split(keys(10), (0.7, 0.3))
    assert (len(made.train), len(made.validation), made.test) == (7, 3, ())


@settings(max_examples=60)
@given(
    numbers=st.lists(st.integers(0, 30), min_size=3, max_size=120).filter(lambda groups: len(set(groups)) >= 3),
    seed=st.integers(0, 5),
)
def test_no_group_is_parted_and_no_record_lost(numbers: list[int], seed: int) -> None:
    """Whatever the groups: each is on one side, every side has something, every row is somewhere once."""
    made = split(keys(len(numbers)), FRACTIONS, seed, numbers)
    sides = {name: {numbers[row] for row in made.side(name)} for name in SIDES}
    assert all(sides.values())
    assert sum(map(len, sides.values())) == len(set(numbers)) == made.groups
    assert sorted(made.train + made.validation + made.test) == list(range(len(numbers)))


def test_sizes_are_as_near_as_groups_allow() -> None:
    """One group of 30 in a hundred can only go to train, and single records fill every side to the record."""
    made = split(keys(100), FRACTIONS, 3, [0] * 30 + list(range(1, 71)))
    assert [len(made.side(name)) for name in SIDES] == [80, 10, 10]
    assert set(range(30)) <= set(made.train)


def test_the_order_of_the_file_decides_nothing() -> None:
    """The same records in another order, with groups numbered otherwise, fall on the same sides."""
    contents = keys(300)
    numbers = {content: number // 3 for number, content in enumerate(contents)}
    first = split(contents, FRACTIONS, 1, [numbers[content] for content in contents])
    shuffled = random.Random(5).sample(contents, len(contents))
    second = split(shuffled, FRACTIONS, 1, [1000 - numbers[content] for content in shuffled])
    for name in SIDES:
        assert {contents[row] for row in first.side(name)} == {shuffled[row] for row in second.side(name)}


def test_another_seed_is_another_split() -> None:
    """And the same seed is the same one."""
    assert split(keys(200), FRACTIONS, 1) == split(keys(200), FRACTIONS, 1)
    assert split(keys(200), FRACTIONS, 1).test != split(keys(200), FRACTIONS, 2).test


def test_most_records_stay_on_their_side_when_others_are_added() -> None:
    """Next month's split does not turn this month's around: a tenth more records move few."""
    first, second = split(keys(1000), FRACTIONS, 1), split(keys(1100), FRACTIONS, 1)
    stayed = sum(len(set(first.side(name)) & set(second.side(name))) for name in SIDES)
    assert stayed > 950


def test_labels_are_spread_in_proportion() -> None:
    """A label that is rare in the file is rare on every side, and absent from none."""
    labels = ["rare" if number % 10 == 0 else "common" for number in range(1000)]
    made = split(keys(1000), FRACTIONS, 4, labels=labels)
    counted = [Counter(labels[row] for row in made.side(name)) for name in SIDES]
    assert [count["rare"] for count in counted] == [80, 10, 10]
    assert [sum(count.values()) for count in counted] == [800, 100, 100]


def test_what_is_kept_out_is_nowhere() -> None:
    """Records near the frozen test set are on no side, and said so."""
    made = split(keys(100), FRACTIONS, 0, keep_out=[3, 5])
    assert made.kept_out == (3, 5)
    assert not {3, 5} & set(made.train + made.validation + made.test)
    assert len(made.train) + len(made.validation) + len(made.test) == 98


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.1), (1.0,), (0.5, 0.5, 0.0), (0.8, 0.3, -0.1), (0.25,) * 4, (float("nan"), 0.5)]
)
def test_fractions_that_make_no_split_are_refused(fractions: tuple[float, ...]) -> None:
    """Two or three, each above 0, that make 1."""
    with pytest.raises(WorkbenchError) as error:
        split(keys(10), fractions)
    assert error.value.exit_code == 2


def test_fewer_groups_than_sides_are_refused() -> None:
    """Five copies of one record cannot be parted."""
    with pytest.raises(WorkbenchError, match="needs a group of records for each of 3 sides, and there are 2"):
        split(keys(5), FRACTIONS, 0, [0, 0, 0, 0, 1])
