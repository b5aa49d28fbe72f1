"""Which training records an item is nearest to: what a model that was tuned on them has seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.evaluate.retrieval import Index
from workbench.evaluate.task import Item
from workbench.evaluate.text import words


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training record near an item."""

    record: Item
    score: float
    """By BM25, without an upper end: it only orders records."""
    shared: float
    """Distinct words that both have, of those that either has: 1 where they have the same words."""


def nearest(question: str, train: Sequence[Item], k: int = 10) -> list[Neighbour]:
    """The `k` training records whose questions are nearest, nearest first; none that shares no word."""
    if not train:
        return []
    ours = frozenset(words(question))
    found = Index([record.question for record in train]).scored(question, k)
    return [Neighbour(train[at], score, _shared(ours, frozenset(words(train[at].question)))) for at, score in found]


def _shared(ours: frozenset[str], theirs: frozenset[str]) -> float:
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
