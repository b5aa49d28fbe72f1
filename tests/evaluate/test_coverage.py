"""Simulations: do 95 % intervals hold the truth 95 times in 100, and does the verdict rule keep its promises?

Slow; run by hand with `-m slow -s` to see the table. Bootstrap intervals use 1,000 resamples here.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import pytest

from workbench.evaluate import comparison, statistics
from workbench.evaluate.comparison import correct, paired

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

STUDIES = 2_000


@pytest.fixture
def quick_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def bootstrap(values: Any, groups: Any = None, *, resamples: int = 0, seed: int = 0) -> statistics.Bootstrap:
        return statistics.bootstrap(values, groups, resamples=1_000, seed=seed)

    monkeypatch.setattr(comparison, "bootstrap", bootstrap)
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


@pytest.mark.parametrize("n", [12, 25, 50, 100, 200, 400])
@pytest.mark.parametrize(("p_a", "p_b"), [(0.5, 0.5), (0.5, 0.4), (0.9, 0.85), (0.97, 0.95)])
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
@pytest.mark.parametrize("n", [12, 50, 100, 200, 400])
@pytest.mark.parametrize("perfect", [0.0, 0.7, 0.95])
def test_intervals_of_graded_scores_hold_the_truth_or_are_flagged(n: int, perfect: float) -> None:
    """Scores between 0 and 1; a share of them is exactly 1, for the other candidate a tenth less."""
    import numpy as np

    def draw(study: int) -> tuple[list[float], list[float]]:
        rng = np.random.default_rng((n, study))
        graded = rng.beta(2, 2, size=(2, n))
        shares = np.array([[perfect], [perfect * 0.9]])
        return tuple(np.where(rng.random((2, n)) < shares, 1.0, graded).tolist())

    held, flagged = coverage(draw, perfect * 0.1 * 0.5, STUDIES // 2)
    print(f"graded      n={n:3} perfect={perfect:.2f}     coverage {held:.3f}  flagged {flagged:.2f}")
    assert flagged == 1 if n < 50 else flagged >= 0.5 or 0.925 <= held <= 0.975


@pytest.mark.usefixtures("quick_bootstrap")
@pytest.mark.parametrize("groups", [12, 50, 100])
def test_intervals_of_grouped_items_hold_the_truth_or_are_flagged(groups: int) -> None:
    """Four items a group that share their difficulty; the difference is that of two probit models."""
    import numpy as np

    numbers = np.repeat(np.arange(groups), 4)
    truth = NormalDist().cdf(0.4 / 2**0.5) - NormalDist().cdf(0.2 / 2**0.5)

    def draw(study: int) -> tuple[list[float], list[float], list[int]]:
        rng = np.random.default_rng((groups, study))
        shared = rng.normal(size=(3, groups))[:, numbers]
        own = rng.normal(size=(2, len(numbers)))
        latent = own + shared[0] * 0.5**0.5 + shared[1:] * 0.5**0.5
        a, b = latent[0] < 0.4, latent[1] < 0.2
        return a.astype(float).tolist(), b.astype(float).tolist(), numbers.tolist()

    held, flagged = coverage(draw, truth, STUDIES // 2)
    print(f"grouped     groups={groups:3}            coverage {held:.3f}  flagged {flagged:.2f}")
    assert flagged == 1 if groups < 50 else 0.925 <= held <= 0.975


def recommended(p_tuned: float, studies: int, n: int = 300) -> float:
    """Share of studies in which tuned is better than the best of three others after correction over all ten pairs."""
    import numpy as np

    shares = [0.15, 0.45, 0.55, 0.60, p_tuned]
    cuts = np.array([[NormalDist().inv_cdf(share)] for share in shares])
    found = 0
    for study in range(studies):
        rng = np.random.default_rng((int(p_tuned * 100), study))
        latent = rng.normal(size=n) * 0.6**0.5 + rng.normal(size=(5, n)) * 0.4**0.5
        scores = (latent < cuts).astype(float)
        best = int(scores[:4].mean(axis=1).argmax())
        pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
        family = correct([paired(scores[i].tolist(), scores[j].tolist()) for i, j in pairs])
        found += family[pairs.index((best, 4))].verdict == "worse"
    return found / studies


def test_no_true_difference_is_rarely_recommended_and_ten_points_are_found() -> None:
    """At n = 300 with five candidates: false recommendations at most 2.5 % (upper bound 4 %), power at least 80 %."""
    from workbench.evaluate.statistics import wilson

    false = recommended(0.60, STUDIES)
    power = recommended(0.70, STUDIES)
    print(f"recommended: no difference {false:.3f}, ten points {power:.3f}")
    assert false <= 0.025
    assert wilson(round(false * STUDIES), STUDIES)[1] <= 0.04
    assert power >= 0.80
