"""Simulations with the whole verdict in the loop: rows, summary, comparisons, correction, decision.

Slow; run by hand with `-m slow -s` to see the figures. A false recommendation is the verdict *fine-tune* where no tuned
model is truly better than the best alternative.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import pytest

from tests.decide.made_runs import TASK
from workbench.decide.verdict import TrainingFacts, decide
from workbench.evaluate import comparison, statistics
from workbench.evaluate.results import ItemResult
from workbench.evaluate.statistics import wilson
from workbench.evaluate.summary import summarise

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

STUDIES = 2_000
TRAINED = TrainingFacts(job="ftjob-1", status="succeeded", base="local/starter")
BASELINES = ("trivial/majority", "local/starter", "local/starter+few-shot:5", "local/starter+rag:3")
SHARES = (0.15, 0.45, 0.55, 0.60)
"""Their true shares of right answers; tuned is to be held against the last, whoever comes out first."""

Draw = Callable[[Any, dict[str, float], int], tuple[dict[str, list[float]], list[str] | None]]


def right_or_wrong(rng: Any, shares: dict[str, float], n: int) -> tuple[dict[str, list[float]], None]:
    """Items share 60 % of their difficulty between candidates."""
    latent = rng.normal(size=n) * 0.6**0.5 + rng.normal(size=(len(shares), n)) * 0.4**0.5
    cuts = [NormalDist().inv_cdf(share) for share in shares.values()]
    return {text: (latent[at] < cuts[at]).astype(float).tolist() for at, text in enumerate(shares)}, None


def in_groups(rng: Any, shares: dict[str, float], n: int) -> tuple[dict[str, list[float]], list[str]]:
    """Four questions about each of a quarter as many documents, which some candidates know better than others."""
    import numpy as np

    numbers = np.arange(n) // 4
    of_group = rng.normal(size=(len(shares) + 1, n // 4 + 1))[:, numbers]
    latent = (rng.normal(size=(len(shares), n)) + of_group[0] + of_group[1:]) * (1 / 3) ** 0.5
    cuts = [NormalDist().inv_cdf(share) for share in shares.values()]
    scores = {text: (latent[at] < cuts[at]).astype(float).tolist() for at, text in enumerate(shares)}
    return scores, [str(number) for number in numbers]


def graded(rng: Any, shares: dict[str, float], n: int) -> tuple[dict[str, list[float]], None]:
    """Right answers are worth a random part of 1, so that candidates of one share have one mean."""
    scores, _ = right_or_wrong(rng, shares, n)
    return {text: (rng.beta(4, 1, size=n) * own).tolist() for text, own in scores.items()}, None


def study(draw: Draw, shares: dict[str, float], n: int, seed: int) -> Any:
    """One study from rows to verdict."""
    import numpy as np

    scores, groups = draw(np.random.default_rng((n, seed, round(100 * sum(shares.values())))), shares, n)
    rows = [
        ItemResult.model_construct(
            candidate=text, index=index, repeat=0, sha256="0", key="", group=groups[index] if groups else None,
            messages=[], output="x", reference="x", score=score, note=None, prompt_tokens=None,
            completion_tokens=None, latency_s=None, cost=None, fingerprint=None, error=None, cached_tokens=None,
            busy_s=None, judged=None, judge_cost=None,
        )
        for text, own in scores.items()
        for index, score in enumerate(own)
    ]  # fmt: skip
    run = summarise(rows, list(shares), run="r", test_sha256="0", task=TASK, items=n, leaked=(0, 0))
    kinds: Any = {text: "tuned" for text in shares if "/ft:" in text}
    return decide(run, task=TASK, candidates_kind=kinds, training=TRAINED)


def recommended(draw: Draw, tuned: tuple[float, ...], n: int, studies: int) -> float:
    """Share of studies that end in *fine-tune*."""
    shares = dict(zip(BASELINES, SHARES, strict=True))
    shares |= {f"local/ft:starter:local:x:{at}": share for at, share in enumerate(tuned)}
    found = sum(study(draw, shares, n, seed).verdict == "fine-tune" for seed in range(studies))
    return found / studies


def promised(false: float, studies: int) -> bool:
    """At most 2.5 % of studies, and with 95 % confidence at most 4 %."""
    return false <= 0.025 and wilson(round(false * studies), studies)[1] <= 0.04


@pytest.mark.parametrize("n", [60, 100, 300])
@pytest.mark.parametrize("tuned", [(0.60,), (0.60, 0.60, 0.60), (0.45,)])
def test_no_true_difference_is_rarely_recommended(tuned: tuple[float, ...], n: int) -> None:
    """Also where three equal tuned models were trained and the best of them is looked at."""
    false = recommended(right_or_wrong, tuned, n, STUDIES)
    print(f"right/wrong n={n:3} tuned={tuned}: recommended {false:.4f}")
    assert promised(false, STUDIES)


def test_a_true_gain_of_ten_points_is_found_with_300_items() -> None:
    power = recommended(right_or_wrong, (0.70,), 300, STUDIES)
    print(f"right/wrong n=300 ten points: recommended {power:.3f}")
    assert power >= 0.80


@pytest.fixture
def quick_resampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """500 resamples in the place of 10,000: their own noise makes studies a little less alike, and nothing cheaper."""
    whole, flips = statistics.bootstrap, statistics.sign_flip
    for module in (statistics, comparison):
        monkeypatch.setattr(module, "bootstrap", lambda *args, **more: whole(*args, **{**more, "resamples": 500}))
        monkeypatch.setattr(module, "sign_flip", lambda *args, **more: flips(*args, **{**more, "resamples": 1_999}))


@pytest.mark.usefixtures("quick_resampling")
@pytest.mark.parametrize(("draw", "n"), [(in_groups, 400), (graded, 100)])
def test_no_true_difference_is_rarely_recommended_by_resampling_either(draw: Draw, n: int) -> None:
    """Items in a hundred groups, and scores between 0 and 1."""
    studies = 1_000
    false = recommended(draw, (0.60,), n, studies)
    print(f"{draw.__name__:11} n={n:3}: recommended {false:.4f}")
    assert promised(false, studies)
