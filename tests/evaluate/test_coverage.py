"""Simulations: do 95 % intervals hold the truth 95 times in 100, or say that they cannot be trusted?

Slow; run by hand with `-m slow -s` to see the tables. Each line is one row: so many items or groups, the true shares of
both candidates, the share of studies whose interval held the true difference among those that were not called
underpowered, and the share that was. Bootstrap intervals use 2,000 resamples here.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import pytest

from workbench.evaluate import comparison, statistics
from workbench.evaluate.comparison import paired
from workbench.evaluate.statistics import mean_interval

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

STUDIES = 2_000
BOOTSTRAPPED = 1_000
SIZES = [12, 25, 50, 100, 200, 400]
SHARES = [(0.5, 0.5), (0.5, 0.4), (0.9, 0.85), (0.97, 0.95)]


@pytest.fixture
def quick_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def bootstrap(values: Any, groups: Any = None, *, resamples: int = 0, seed: int = 0) -> statistics.Bootstrap:
        return original(values, groups, resamples=2_000, seed=seed)

    original = statistics.bootstrap
    for module in (comparison, statistics):
        monkeypatch.setattr(module, "bootstrap", bootstrap)
    monkeypatch.setattr(comparison, "sign_flip", lambda *args, **kwargs: 1.0)


def coverage(draw: Any, truth: float, studies: int) -> tuple[float, float]:
    """Share of studies whose interval holds the truth among those not flagged, and the share of those flagged."""
    held = unflagged = 0
    for study in range(studies):
        one = paired(*draw(study))
        if one.underpowered:
            continue
        low, high = one.interval()
        unflagged += 1
        held += low <= truth <= high
    return (held / unflagged if unflagged else 1.0), 1 - unflagged / studies


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("p_a", "p_b"), SHARES)
def test_binary_intervals_hold_the_truth_or_are_flagged(n: int, p_a: float, p_b: float) -> None:
    """Two candidates whose items share half their difficulty."""
    import numpy as np

    z_a, z_b = NormalDist().inv_cdf(p_a), NormalDist().inv_cdf(p_b)

    def draw(study: int) -> tuple[list[float], list[float]]:
        rng = np.random.default_rng((n, study))
        hard, own = rng.normal(size=n), rng.normal(size=(2, n))
        mixed = (hard + own) * 0.5**0.5
        return (mixed[0] < z_a).astype(float).tolist(), (mixed[1] < z_b).astype(float).tolist()

    held, flagged = coverage(draw, p_a - p_b, STUDIES)
    print(f"binary      n={n:3} p={p_a:.2f}/{p_b:.2f}  coverage {held:.3f}  flagged {flagged:.2f}")
    if n < 50:
        assert flagged == 1
    elif flagged < 0.5:  # else few studies are left, and those are the odd ones
        assert 0.93 <= held <= 0.97


@pytest.mark.usefixtures("quick_bootstrap")
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("perfect", [0.0, 0.7, 0.95])
def test_intervals_of_graded_scores_hold_the_truth_or_are_flagged(n: int, perfect: float) -> None:
    """Scores between 0 and 1; a share of them is exactly 1, for the other candidate a tenth less."""
    import numpy as np

    def draw(study: int) -> tuple[list[float], list[float]]:
        rng = np.random.default_rng((n, study))
        graded = rng.beta(2, 2, size=(2, n))
        shares = np.array([[perfect], [perfect * 0.9]])
        return tuple(np.where(rng.random((2, n)) < shares, 1.0, graded).tolist())

    held, flagged = coverage(draw, perfect * 0.1 * 0.5, BOOTSTRAPPED)
    print(f"graded      n={n:3} perfect={perfect:.2f}     coverage {held:.3f}  flagged {flagged:.2f}")
    assert flagged == 1 if n < 50 else flagged >= 0.5 or 0.93 <= held <= 0.97


@pytest.mark.usefixtures("quick_bootstrap")
@pytest.mark.parametrize("groups", SIZES)
@pytest.mark.parametrize(("p_a", "p_b"), SHARES)
def test_intervals_of_grouped_items_hold_the_truth_or_are_flagged(groups: int, p_a: float, p_b: float) -> None:
    """One to eight items a group; a third of an item's difficulty is its group's, another third its group's for one
    candidate alone."""
    import numpy as np

    cuts = NormalDist().inv_cdf(p_a), NormalDist().inv_cdf(p_b)

    def draw(study: int) -> tuple[list[float], list[float], list[int]]:
        rng = np.random.default_rng((groups, study))
        numbers = np.repeat(np.arange(groups), rng.integers(1, 9, groups))
        shared = rng.normal(size=(3, groups))[:, numbers]
        latent = (rng.normal(size=(2, len(numbers))) + shared[0] + shared[1:]) * (1 / 3) ** 0.5
        a, b = latent[0] < cuts[0], latent[1] < cuts[1]
        return a.astype(float).tolist(), b.astype(float).tolist(), numbers.tolist()

    held, flagged = coverage(draw, p_a - p_b, BOOTSTRAPPED)
    print(f"grouped     groups={groups:3} p={p_a:.2f}/{p_b:.2f}  coverage {held:.3f}  flagged {flagged:.2f}")
    if groups < 50:
        assert flagged == 1
    elif flagged < 0.5:
        assert 0.93 <= held <= 0.97


@pytest.mark.usefixtures("quick_bootstrap")
@pytest.mark.parametrize("units", [50, 100, 400])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_of_one_score_holds_the_truth(units: int, grouped: bool, share: float) -> None:
    """One candidate: the share of right answers, of independent items and of groups of one to eight."""
    import numpy as np

    cut, held = NormalDist().inv_cdf(share), 0
    for study in range(BOOTSTRAPPED):
        rng = np.random.default_rng((units, study, 3))
        numbers = np.repeat(np.arange(units), rng.integers(1, 9, units) if grouped else 1)
        latent = (rng.normal(size=len(numbers)) + rng.normal(size=units)[numbers]) * 0.5**0.5
        scores = (latent < cut).astype(float).tolist()
        low, high = mean_interval(scores, numbers.tolist() if grouped else None)
        held += low <= share <= high
    kind = "groups" if grouped else "items "
    print(f"one score   {kind}={units:3} p={share:.2f}       coverage {held / BOOTSTRAPPED:.3f}")
    assert 0.93 <= held / BOOTSTRAPPED <= 0.97
