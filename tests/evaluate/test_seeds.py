"""Variation between training seeds, out of a run's rows."""

from __future__ import annotations

import pytest

from workbench.evaluate.results import ItemResult
from workbench.evaluate.summary import summarise
from workbench.evaluate.task import TaskSpec

A, B, C, BASE = "local/ft:a", "local/ft:b", "local/ft:c", "local/starter"


def rows(candidate: str, right: int, of: int = 60) -> list[ItemResult]:
    return [
        ItemResult(
            candidate=candidate, index=n, sha256="0", key=f"{candidate}{n}", messages=[], output="x", reference="x",
            score=float((n * 7 + 3) % of < right),
        )
        for n in range(of)
    ]  # fmt: skip


def summary(right: dict[str, int], seeds: list[dict[str, int]]):
    made = [row for text, count in right.items() for row in rows(text, count)]
    return summarise(made, list(right), run="r", test_sha256="0", task=TaskSpec(), items=60, seeds=seeds)


def test_the_spread_is_mean_standard_deviation_and_range() -> None:
    (spread,) = summary({BASE: 30, A: 45, B: 48, C: 54}, [{A: 1, B: 2, C: 5}]).seeds
    assert (spread.candidate, spread.siblings, spread.seeds) == (A, [B, C], [1, 2, 5])
    assert spread.scores == [0.75, 0.8, 0.9]
    assert spread.mean == pytest.approx(0.81667, abs=1e-5)
    assert spread.sd == pytest.approx(0.07638, abs=1e-5)
    assert (spread.low, spread.high, spread.trained) == (0.75, 0.9, 3)


def test_one_training_has_no_spread() -> None:
    (spread,) = summary({A: 45}, [{A: 1, B: 2}]).seeds
    assert spread.scores == [0.75, None] and spread.sd is None and spread.trained == 1


def test_siblings_burden_no_other_comparison() -> None:
    """They are there to show the spread: what a comparison says must not depend on how many seeds were trained."""
    alone = summary({BASE: 40, A: 51}, [])
    together = summary({BASE: 40, A: 51, B: 52, C: 50}, [{A: 1, B: 2, C: 3}])
    assert together.comparison(BASE, A) == alone.comparison(BASE, A)
    assert together.siblings == {B, C}
    among_all = summary({BASE: 40, A: 51, B: 52, C: 50}, [])
    assert together.comparison(BASE, B).p_corrected == among_all.comparison(BASE, B).p_corrected
