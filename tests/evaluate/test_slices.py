"""A run cut by what its items are."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluate.answers import row
from workbench.evaluate.slices import WAYS, Slice, slices
from workbench.evaluate.statistics import wilson


def by_way(found: Iterable[Slice], way: str) -> dict[str, Slice]:
    return {one.name: one for one in found if one.way == way}


def test_length_cuts_into_thirds_and_keeps_equal_lengths_together() -> None:
    """The name says how long the items in it are."""
    rows = [row("p/a", index, 1.0, question="x" * (10 * (index + 1))) for index in range(9)]
    found = by_way(slices(rows, ["p/a"]), "length")
    assert [(name, one.indexes) for name, one in found.items()] == [
        ("short, 10 to 30 characters", (0, 1, 2)),
        ("middle, 40 to 60 characters", (3, 4, 5)),
        ("long, 70 to 90 characters", (6, 7, 8)),
    ]
    assert by_way(slices([row("p/a", at, 1.0) for at in range(9)], ["p/a"]), "length") == {}


def test_labels_are_slices_where_they_are_few_and_repeat() -> None:
    """Answers that are all different are no labels."""
    rows = [row("p/a", at, float(at % 2), reference="red" if at % 2 else " blue ") for at in range(8)]
    found = by_way(slices(rows, ["p/a"]), "label")
    assert {name: (one.n, one.results[0].score) for name, one in found.items()} == {"blue": (4, 0.0), "red": (4, 1.0)}
    different = [row("p/a", at, 1.0, reference=f"answer {at}") for at in range(8)]
    assert by_way(slices(different, ["p/a"]), "label") == {}


def test_turns_are_those_of_the_item_not_of_its_examples() -> None:
    """Many turns share a slice."""
    rows = [row("p/a+few-shot:2", at, 1.0, shots=2, turns=turns) for at, turns in enumerate([1, 1, 2, 4, 6, 9])]
    rows += [row("p/a", at, 1.0, turns=turns) for at, turns in enumerate([1, 1, 2, 4, 6, 9])]
    found = by_way(slices(rows, ["p/a"]), "turns")
    assert {name: one.indexes for name, one in found.items()} == {
        "1 turn": (0, 1), "2 turns": (2,), "4 turns and more": (3, 4, 5),
    }  # fmt: skip


def test_a_slice_has_each_candidates_score_interval_and_failures() -> None:
    """The same interval as the whole run has; failed items are in no score."""
    rows = [
        row("p/a", at, None if at == 0 else float(at < 4), reference="red" if at < 6 else "blue") for at in range(12)
    ]
    red = by_way(slices(rows, ["p/a", "p/absent"]), "label")["red"]
    result = red.result("p/a")
    assert result is not None
    assert (result.n, result.failed, result.score) == (5, 1, 0.6)
    assert result.ci95 == wilson(3, 5)
    absent = red.result("p/absent")
    assert absent is not None
    assert (absent.score, absent.failed) == (None, 6)


def test_few_independent_items_are_underpowered() -> None:
    """Groups count, not items."""
    alone = [row("p/a", at, 1.0, reference="red" if at < 60 else "blue") for at in range(120)]
    assert [one.underpowered for one in slices(alone, ["p/a"])] == [False, False]
    together = [one.model_copy(update={"group": f"document {one.index // 2}"}) for one in alone]
    assert [(one.units, one.underpowered) for one in slices(together, ["p/a"])] == [(30, True), (30, True)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.integers(1, 7)), min_size=1, max_size=40))
def test_every_way_puts_each_item_into_one_slice(items: list[tuple[int, str, int]]) -> None:
    """Nothing is lost and nothing counted twice; a way with one slice is left out."""
    rows = [
        row("p/a", index, 1.0, question="x" * length, reference=label, turns=turns)
        for index, (length, label, turns) in enumerate(items)
    ]
    found = list(slices(rows, ["p/a"]))
    for way in WAYS:
        parts = [one.indexes for one in found if one.way == way]
        assert len(parts) != 1
        if parts:
            assert sorted(index for part in parts for index in part) == list(range(len(items)))
