"""Test items that training has seen: exact and near, by their questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.evaluate.task import Item

NEAR = 0.8
"""Share of pieces in common from which two questions are near-duplicates (as in `dataset.duplicates`)."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One test item and the training item it repeats."""

    test_index: int
    train_index: int
    kind: Literal["exact", "near"]
    similarity: float


@dataclass(frozen=True, slots=True)
class LeakReport:
    """How many test items are in training, each counted once, exact before near."""

    exact: int
    near: int
    leaks: tuple[Leak, ...]

    @property
    def total(self) -> int:
        """All leaked test items."""
        return self.exact + self.near


def find_leaks(test: Sequence[Item], train: Sequence[Item], threshold: float = NEAR) -> LeakReport:
    """Compare every test question with all training questions, as `ftwb dataset duplicates --against` does.

    System messages are left out where all test items share one; where they differ they are part of what is asked.
    """
    from workbench.dataset.duplicates import leaked_texts

    whole = len({item.system for item in test}) > 1

    def asked(item: Item) -> str:
        return f"{item.system}\n{item.question}" if whole else item.question

    matches = leaked_texts([asked(item) for item in test], [asked(item) for item in train], threshold=threshold)
    leaks = tuple(
        Leak(
            test[match.row].index,
            train[match.other].index,
            "exact" if match.equal else "near",
            match.similarity,
        )
        for match in matches
    )
    exact = sum(leak.kind == "exact" for leak in leaks)
    return LeakReport(exact, len(leaks) - exact, leaks)
