"""Intervals and tests against published values, scipy and statsmodels."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluate.statistics import (
    PairedTable,
    bootstrap,
    holm,
    items_for,
    mcnemar_exact,
    mean_interval,
    newcombe_paired,
    sign_flip,
    smallest_difference,
    t_of,
    trusted_interval,
    wilson,
)

counts = st.integers(min_value=0, max_value=200)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (Wilson's score without correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_newcombes_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(min_value=1, max_value=500), st.data())
def test_wilson_is_statsmodels_wilson(n: int, data: st.DataObject) -> None:
    from statsmodels.stats.proportion import proportion_confint

    successes = data.draw(st.integers(min_value=0, max_value=n))
    assert wilson(successes, n, 0.9) == pytest.approx(
        proportion_confint(successes, n, alpha=0.1, method="wilson"), abs=1e-9
    )


def test_newcombe_gives_the_published_interval_of_cavo_2012() -> None:
    """Complete response before and after consolidation (Cavo et al. 2012), as in Fagerland, Lydersen and Laake,
    Statistical Analysis of Contingency Tables (2017), ch. 8: -0.0621, -0.1186 to -0.0046."""
    table = PairedTable(both=59, only_a=6, only_b=16, neither=80)
    assert newcombe_paired(table) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


def test_newcombe_without_correlation_is_the_interval_for_independent_proportions() -> None:
    """With phi = 0 method 10 is the square-and-add interval that statsmodels has for two samples."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    # 0 < ad - bc <= n/2: the continuity correction takes the whole correlation away.
    table = PairedTable(both=13, only_a=12, only_b=12, neither=12)
    expected = confint_proportions_2indep(25, 49, 25, 49, method="newcomb")
    assert newcombe_paired(table) == pytest.approx(expected, abs=1e-9)


@given(counts, counts, counts, counts)
def test_newcombe_turns_round_with_the_candidates(both: int, only_a: int, only_b: int, neither: int) -> None:
    """The interval of b - a is that of a - b, mirrored; it holds the difference and stays within -1 and 1."""
    table = PairedTable(both, only_a, only_b, neither)
    if table.n == 0:
        return
    low, high = newcombe_paired(table)
    mirrored = newcombe_paired(PairedTable(both, only_b, only_a, neither))
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)
    assert -1 <= low <= (only_a - only_b) / table.n + 1e-12
    assert (only_a - only_b) / table.n - 1e-12 <= high <= 1
    assert low < high


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_mcnemar_is_statsmodels_exact_test(only_a: int, only_b: int) -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    if only_a + only_b == 0:
        assert mcnemar_exact(0, 0) == 1.0
        return
    expected = mcnemar([[10, only_a], [only_b, 10]], exact=True).pvalue
    assert mcnemar_exact(only_a, only_b) == pytest.approx(min(1.0, expected), rel=1e-9)


def test_mcnemar_copes_with_test_sets_of_many_thousands() -> None:
    assert 0 < mcnemar_exact(2_000, 2_300) < 0.001


def test_holm_is_statsmodels_holm() -> None:
    from statsmodels.stats.multitest import multipletests

    rng = random.Random(11)
    for size in (*range(1, 13), 45):
        p_values = [rng.random() ** rng.choice((1, 4, 8)) for _ in range(size)] + [0.01] * (size % 3)
        rejected, adjusted, _, _ = multipletests(p_values, alpha=0.05, method="holm")
        steps = holm(p_values)
        assert [step.adjusted for step in steps] == pytest.approx(list(adjusted), abs=1e-12)
        assert [step.rejected for step in steps] == list(rejected)


def test_holm_levels_grow_until_the_first_that_is_not_rejected_and_stay_there() -> None:
    """Interval and test must agree: what is not rejected is judged at the level at which Holm stopped."""
    levels = [step.level for step in holm([0.001, 0.5, 0.012, 0.6])]
    assert levels == pytest.approx([1 - 0.05 / 4, 1 - 0.05 / 2, 1 - 0.05 / 3, 1 - 0.05 / 2])


def test_bca_agrees_with_scipy_on_skewed_data() -> None:
    import numpy as np
    from scipy.stats import bootstrap as scipy_bootstrap

    data = np.random.default_rng(5).exponential(size=60)
    ours = bootstrap(data.tolist(), seed=1).bca()
    theirs = scipy_bootstrap((data,), np.mean, n_resamples=20_000, method="BCa", rng=2).confidence_interval
    width = theirs.high - theirs.low
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.03 * width)
    assert ours[1] - data.mean() > data.mean() - ours[0], "the interval leans as the data do"


def test_the_bootstrap_is_the_same_every_time() -> None:
    values = [0.1, 0.9, 0.4, 0.4, 0.7] * 12
    assert bootstrap(values, seed=3).bca() == bootstrap(values, seed=3).bca()
    assert bootstrap(values, seed=3).bca() != bootstrap(values, seed=4).bca()


def test_groups_widen_the_interval_when_their_items_agree() -> None:
    """Forty items that are ten, four times each, know what ten know."""
    rng = random.Random(0)
    once = [rng.random() for _ in range(10)]
    values = [value for value in once for _ in range(4)]
    groups = [number for number in range(10) for _ in range(4)]
    grouped_low, grouped_high = bootstrap(values, groups, seed=1).bca()
    low, high = bootstrap(values, seed=1).bca()
    assert grouped_high - grouped_low > 1.7 * (high - low)
    assert bootstrap(values, groups, seed=1).bca() == pytest.approx(bootstrap(once, seed=1).bca())


@pytest.mark.parametrize("n", [8, 12])
def test_sign_flips_of_few_items_are_scipys_exact_permutation_test(n: int) -> None:
    import numpy as np
    from scipy.stats import permutation_test

    rng = np.random.default_rng(n)
    differences = rng.normal(0.4, 1.0, size=n)
    exact = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(differences.tolist()) == pytest.approx(exact.pvalue, abs=1e-9)


def test_random_sign_flips_come_near_the_exact_test() -> None:
    import numpy as np

    differences = np.random.default_rng(3).normal(0.3, 1.0, size=40)
    from scipy.stats import ttest_1samp

    assert sign_flip(differences.tolist(), seed=1) == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=0.015)
    assert sign_flip([0.5] * 40, seed=1) == pytest.approx(1 / 10_001)
    assert sign_flip([0.0] * 40) == 1.0


def test_sample_size_is_the_textbooks() -> None:
    """Two-sided 5 %, power 80 %: (1.96 + 0.8416)^2 = 7.849 times (spread / difference)^2."""
    assert items_for(0.5, 0.1) == math.ceil(7.8489 * 25)
    assert items_for(0.1, 0.5) == 50, "never fewer than an interval needs"
    assert smallest_difference(0.5, items_for(0.5, 0.1)) == pytest.approx(0.1, abs=0.001)


def test_the_interval_of_a_score_never_has_no_width() -> None:
    """Sixty equal scores do not make the sixty-first certain."""
    for scores in ([1.0] * 60, [0.0] * 60, [0.25] * 60):
        low, high = mean_interval(scores)
        assert 0 <= low < high <= 1
        assert low <= scores[0] <= high
    low, high = mean_interval([1.0] * 60, [str(n // 2) for n in range(60)])
    assert low < high


@pytest.mark.parametrize("freedom", [5, 8, 20, 49, 300])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.995])
def test_students_quantile_is_scipys(level: float, freedom: int) -> None:
    from scipy.stats import t

    assert t_of(level, freedom) == pytest.approx(t.ppf(0.5 + level / 2, freedom), abs=0.01 if level < 0.99 else 0.06)


def test_the_interval_of_grouped_scores_is_never_narrower_than_the_cluster_robust_one() -> None:
    """Checked against statsmodels: the mean as a regression on a constant, errors clustered by group."""
    import numpy as np
    import statsmodels.api as sm

    rng = np.random.default_rng(9)
    numbers = np.repeat(np.arange(80), rng.integers(1, 6, 80))
    values = (rng.normal(size=len(numbers)) + rng.normal(size=80)[numbers] < 1.2).astype(float)
    distribution = bootstrap(values.tolist(), numbers.tolist(), seed=2)
    low, high = trusted_interval(distribution, varied=80)
    fitted = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": numbers})
    half = t_of(0.95, 79) * float(fitted.bse[0])
    assert low <= values.mean() - 0.98 * half and high >= values.mean() + 0.98 * half
    assert high - low <= 2.5 * half
    assert trusted_interval(distribution, varied=6)[0] < low, "what does not differ gives no information"


def test_grouped_differences_that_hardly_vary_are_counted_by_group() -> None:
    """Forty differences in five groups of eight are five, not forty."""
    from workbench.evaluate.comparison import paired

    groups = [number // 8 for number in range(480)]
    a = [1.0] * 480
    b = [0.0 if number < 40 else 1.0 for number in range(480)]
    one = paired(a, b, groups)
    assert (one.units, one.varied, one.commonest) == (60, 5, 0.0)
    assert one.underpowered
