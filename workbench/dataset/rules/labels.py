"""B: the balance of answers that are labels."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.dataset.rules.facts import Facts
from workbench.dataset.rules.quote import quote
from workbench.dataset.rules.registry import Context, Problem, Severity, file_rule

FEWEST = 20
"""Records from which labels are told from answers that happen to be short."""
MOST_LABELS = 50
"""Different answers that may still be labels; and each is there five times on average."""
LOPSIDED = 10
"""How many times as frequent as the rarest the most frequent label may be."""


@file_rule("B001", "label_imbalance", Severity.WARNING)
def label_imbalance(facts: Facts, context: Context) -> Iterator[Problem]:
    """Answers are labels, and some of them are rare.

    Where most answers are short and repeat, the model learns to classify; a label with a tenth of another's records, or
    less, is hardly learnt, and a model that always gives the frequent one looks good. Add records of the rare labels,
    or leave out frequent ones.
    """
    labels = facts.labels
    count = sum(labels.values())
    if facts.many_labels or count < FEWEST or count < 0.9 * facts.answers:
        return
    if len(labels) > MOST_LABELS or count < 5 * len(labels):
        return
    ordered = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    most, least = ordered[0], ordered[-1]
    if len(ordered) == 1:
        yield Problem(f"all {count:,} answers are {quote(most[0])}")
    elif most[1] > LOPSIDED * least[1]:
        text = f"{quote(most[0])} is the answer {most[1]:,} times, {quote(least[0])} only {least[1]:,} times"
        yield Problem(f"{text}, of {len(ordered)} labels in {count:,} records")
