"""Test items that training has seen: exact and near, by their questions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.evaluate.task import Item
from workbench.evaluate.text import normalise

SHINGLE = 5
"""Characters in one shingle of a normalised question."""
NEAR = 0.8
"""Jaccard similarity of shingles from which two questions are near-duplicates, as usual in deduplication (Lee et al.,
ACL 2022, use 0.8)."""
COMMON = 0.2
"""Shingles in more than this share of the training questions are scaffolding (`Title:`, `Ingredients:`) and do not
count, where there are at least 20 questions to tell."""


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
    """Compare every test question with all training questions, each normalised.

    System messages are left out where all test items share one; where they differ they are part of what is asked.
    """
    whole = len({item.system for item in test}) > 1

    def asked(item: Item) -> str:
        return normalise(f"{item.system}\n{item.question}" if whole else item.question)

    texts = [asked(item) for item in train]
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        first.setdefault(text, index)
    shingles = [_shingles(text) for text in texts]
    counts = Counter(shingle for one in shingles for shingle in one)
    scaffolding = (
        {shingle for shingle, seen in counts.items() if seen > COMMON * len(train)} if len(train) >= 20 else set()
    )
    postings: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(shingles):
        one -= scaffolding
        for shingle in one:
            postings[shingle].append(index)
    leaks: list[Leak] = []
    for item in test:
        text = asked(item)
        if text in first:
            leaks.append(Leak(item.index, train[first[text]].index, "exact", 1.0))
            continue
        mine = _shingles(text) - scaffolding
        shared = Counter(index for shingle in mine for index in postings.get(shingle, ()))
        best, similarity = None, 0.0
        for index, common in shared.items():
            jaccard = common / (len(mine) + len(shingles[index]) - common)
            if jaccard > similarity:
                best, similarity = index, jaccard
        if best is not None and similarity >= threshold:
            leaks.append(Leak(item.index, train[best].index, "near", similarity))
    exact = sum(leak.kind == "exact" for leak in leaks)
    return LeakReport(exact, len(leaks) - exact, tuple(leaks))


def _shingles(text: str) -> set[str]:
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}
