"""Two candidates on the same items: the paired test, its interval, and a verdict that survives all the others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workbench.evaluate.statistics import (
    MIN_DISCORDANT,
    MIN_ITEMS,
    MIN_VARIED,
    Bootstrap,
    Interval,
    PairedTable,
    bootstrap,
    holm,
    is_binary,
    items_for,
    mcnemar_exact,
    newcombe_paired,
    sign_flip,
    smallest_difference,
    trusted_interval,
    unit_means,
    wilson,
)

Verdict = Literal["better", "worse", "tied"]

RELEVANT_GAIN = 0.10
"""The difference a test set is expected to be able to show: ten points. `items_needed` is reckoned for it."""


@dataclass(frozen=True, slots=True)
class Paired:
    """One difference a - b over the items that both answered, before other comparisons are thought of.

    Build it with `paired`; `interval` gives the interval at any level, by the method that `test` goes with.
    """

    n: int
    units: int
    """Independent units: groups where items are grouped, else items."""
    difference: float
    p_value: float
    test: str
    spread: float
    """Standard deviation of one unit's difference, floored: equal answers in a small run do not promise certainty."""
    varied: int
    """Units whose difference is not the commonest one."""
    commonest: float
    """The commonest difference of a unit."""
    table: PairedTable | None = field(repr=False)
    distribution: Bootstrap | None = field(repr=False)

    def interval(self, level: float = 0.95) -> Interval:
        """The interval of the difference at this level."""
        if self.table is not None:
            return newcombe_paired(self.table, level)
        assert self.distribution is not None
        low, high = trusted_interval(self.distribution, self.varied, level)
        if self.varied >= MIN_VARIED:
            return max(-1.0, low), min(1.0, high)
        # Hardly anything varies: the bootstrap cannot see what it has not seen. As many more as Wilson allows may be
        # as far away as differences go.
        unseen = wilson(min(self.varied, self.units), self.units, level)[1]
        low, high = (
            min(low, self.commonest - unseen * (1 + self.commonest)),
            max(high, self.commonest + unseen * (1 - self.commonest)),
        )
        return max(-1.0, low), min(1.0, high)

    @property
    def underpowered(self) -> bool:
        """Whether the interval cannot be trusted to be one of 95 %: too few independent items, or too few that differ.

        In the second case it errs on the wide side.
        """
        if self.table is not None:
            return self.units < MIN_ITEMS or self.table.only_a + self.table.only_b < MIN_DISCORDANT
        return self.units < MIN_ITEMS or self.varied < MIN_VARIED

    def items_needed(self, difference: float = RELEVANT_GAIN) -> int:
        """Items to find `difference` with 80 % power at 5 %, from the spread seen here."""
        per_unit = self.n / self.units
        return math.ceil(items_for(self.spread, difference) * per_unit)

    @property
    def smallest_difference(self) -> float:
        """The smallest true difference these items find with 80 % power at 5 %."""
        return smallest_difference(self.spread, self.units)


def paired(
    a: Sequence[float], b: Sequence[float], groups: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Paired:
    """Compare two score lists of the same items.

    Binary scores of independent items: exact McNemar and Newcombe's method 10. All others: a sign-flip permutation
    test and the BCa bootstrap, by group where `groups` has any group of more than one item.
    """
    if len(a) != len(b) or not a:
        raise ValueError("a comparison needs the same items, and at least one")
    if groups is not None and len(set(groups)) == len(groups):
        groups = None
    n = len(a)
    differences = [x - y for x, y in zip(a, b, strict=True)]
    units = len(set(groups)) if groups is not None else n
    commonest, repeats = Counter(unit_means(differences, groups)).most_common(1)[0]
    common = {"n": n, "units": units, "varied": units - repeats}
    if groups is None and is_binary(a) and is_binary(b):
        table = PairedTable.of(a, b)
        # One discordant pair more, half to each side: an estimate of the spread that is never 0.
        discordant = (table.only_a + table.only_b + 1) / (n + 1)
        spread = math.sqrt(max(discordant - ((table.only_a - table.only_b) / n) ** 2, discordant / 4))
        return Paired(
            **common,
            difference=(table.only_a - table.only_b) / n,
            p_value=mcnemar_exact(table.only_a, table.only_b),
            test="exact McNemar, Newcombe interval",
            spread=spread,
            commonest=commonest,
            table=table,
            distribution=None,
        )
    distribution = bootstrap(differences, groups, seed=seed)
    deviation = math.sqrt(units) * float(distribution.replicates.std())
    return Paired(
        **common,
        difference=distribution.estimate,
        p_value=sign_flip(differences, groups, seed=seed),
        test="paired permutation, BCa bootstrap" + (" by group" if groups is not None else ""),
        spread=max(deviation, 1 / math.sqrt(4 * (units + 1))),
        commonest=commonest,
        table=None,
        distribution=distribution,
    )


@dataclass(frozen=True, slots=True)
class Corrected:
    """A comparison seen among all the others of its run."""

    p_value: float
    interval: Interval
    verdict: Verdict


def correct(family: Sequence[Paired], alpha: float = 0.05) -> list[Corrected]:
    """Holm's correction over a family of comparisons.

    Better or worse is said only if the adjusted p-value is at most alpha *and* the interval at the level of that step
    excludes 0; everything else is tied.
    """
    corrected = []
    for one, step in zip(family, holm([one.p_value for one in family], alpha), strict=True):
        low, high = one.interval(step.level)
        verdict: Verdict = "tied"
        if step.rejected and low > 0:
            verdict = "better"
        elif step.rejected and high < 0:
            verdict = "worse"
        corrected.append(Corrected(step.adjusted, (low, high), verdict))
    return corrected
