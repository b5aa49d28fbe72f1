"""The answers of a run item by item, and which of them are worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from workbench.evaluate.results import ItemResult
from workbench.evaluate.task import SYSTEM_ROLES, text_of

WRONG = 0.5
"""A score below this is called wrong where an answer can be right in part."""


class Which(StrEnum):
    """Which items of a run to look at."""

    ALL = "all"
    REGRESSIONS = "regressions"
    """The chosen candidate scored less than the other one."""
    DISAGREEMENTS = "disagreements"
    """Not all candidates that answered have the same score."""
    FAILED = "failed"
    """At least one candidate has no score: the call failed, or its answer could not be scored."""
    WRONG = "wrong by all"
    """Candidates answered, and none scored a half or more."""


@dataclass(frozen=True, slots=True)
class GridItem:
    """One item and what every candidate said."""

    index: int
    answers: Mapping[str, ItemResult]
    """By candidate; of several repeats the first."""
    scores: Mapping[str, float | None]
    """By candidate: the mean of the repeats that were answered; None where none was."""
    plain: ItemResult
    """The answer with the shortest prompt: every technique adds to it, so this one is nearest to the item itself."""

    @property
    def question(self) -> str:
        """What is asked, without system messages."""
        return "\n".join(text_of(one) for one in self.plain.messages if one.get("role") not in SYSTEM_ROLES)

    @property
    def turns(self) -> int:
        """How often the person speaks before the answer."""
        return sum(message.get("role") == "user" for message in self.plain.messages)

    def difference(self, candidate: str, against: str) -> float | None:
        """Score of `candidate` less that of `against`; None where one of them has none."""
        a, b = self.scores.get(candidate), self.scores.get(against)
        return None if a is None or b is None else a - b


def grid(rows: Iterable[ItemResult]) -> list[GridItem]:
    """The rows of a run by item, in the order of the test set."""
    by_item: dict[int, dict[str, list[ItemResult]]] = {}
    for row in rows:
        by_item.setdefault(row.index, {}).setdefault(row.candidate, []).append(row)
    return [_item(index, by_item[index]) for index in sorted(by_item)]


def _item(index: int, rows: Mapping[str, list[ItemResult]]) -> GridItem:
    scores: dict[str, float | None] = {}
    for candidate, repeats in rows.items():
        known = [row.score for row in repeats if row.score is not None]
        scores[candidate] = sum(known) / len(known) if known else None
    firsts = {candidate: min(repeats, key=lambda row: row.repeat) for candidate, repeats in rows.items()}
    return GridItem(index, firsts, scores, min(firsts.values(), key=_prompt_size))


def _prompt_size(row: ItemResult) -> int:
    return sum(len(text_of(message)) for message in row.messages)


def chosen(items: Sequence[GridItem], which: Which, candidate: str, against: str) -> list[GridItem]:
    """The items of that kind, in their order; `candidate` and `against` matter to regressions only."""
    return [item for item in items if _is(item, which, candidate, against)]


def _is(item: GridItem, which: Which, candidate: str, against: str) -> bool:
    scores = [score for score in item.scores.values() if score is not None]
    match which:
        case Which.REGRESSIONS:
            return (item.difference(candidate, against) or 0.0) < 0
        case Which.DISAGREEMENTS:
            return len(set(scores)) > 1
        case Which.FAILED:
            return len(scores) < len(item.scores)
        case Which.WRONG:
            return bool(scores) and max(scores) < WRONG
    return True


def by_difference(
    items: Sequence[GridItem], candidate: str, against: str, *, gains_first: bool = False
) -> list[GridItem]:
    """The items on which `candidate` lost most against the other one first; those without a difference last."""

    def place(item: GridItem) -> tuple[bool, float]:
        difference = item.difference(candidate, against)
        return difference is None, (difference or 0.0) * (-1 if gains_first else 1)

    return sorted(items, key=place)
