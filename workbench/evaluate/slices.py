"""A run in parts: how each candidate does on short and long prompts, on each label, on each number of turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.evaluate.candidates import MOST_LABELS
from workbench.evaluate.grid import GridItem, grid
from workbench.evaluate.results import CandidateResult, ItemResult
from workbench.evaluate.statistics import MIN_ITEMS
from workbench.evaluate.summary import candidate_result

Way = Literal["length", "label", "turns"]
WAYS: tuple[Way, ...] = ("length", "label", "turns")
MOST_TURNS = 4
"""Items with at least as many turns are one slice."""
_PARTS = ("short", "middle", "long")


@dataclass(frozen=True, slots=True)
class Slice:
    """Some items of a run, chosen by what they are, never by how they were answered."""

    way: Way
    name: str
    indexes: tuple[int, ...]
    units: int
    """Independent items among them: groups, where items are grouped."""
    results: tuple[CandidateResult, ...]

    @property
    def n(self) -> int:
        """Items in it, answered or not."""
        return len(self.indexes)

    @property
    def underpowered(self) -> bool:
        """Too few independent items for its intervals to be trusted."""
        return self.units < MIN_ITEMS

    def result(self, candidate: str) -> CandidateResult | None:
        """A candidate's figures on these items."""
        return next((row for row in self.results if row.candidate == candidate), None)


def slices(rows: Sequence[ItemResult], candidates: Sequence[str], seed: int = 0) -> Iterator[Slice]:
    """The run cut by length, label and turns, a slice as soon as its intervals are there.

    A way that gives one slice only is left out: it is the whole run.

    *Length* is in characters of what is asked, in thirds of the items; equal lengths stay together. *Label* is the
    reference, where references are a few that repeat. *Turns* are messages of the user. Intervals are those of the
    whole run (`mean_interval`), on the slice's items alone and not corrected for the number of slices.
    """
    items = grid(rows)
    by_item: dict[int, dict[str, list[ItemResult]]] = {}
    for row in rows:
        by_item.setdefault(row.index, {}).setdefault(row.candidate, []).append(row)
    for way in WAYS:
        parts = _cut(way, items)
        if len(parts) > 1:
            for name, part in parts.items():
                yield _slice(way, name, part, by_item, candidates, seed)


def _slice(
    way: Way,
    name: str,
    items: Sequence[GridItem],
    rows: Mapping[int, Mapping[str, list[ItemResult]]],
    candidates: Sequence[str],
    seed: int,
) -> Slice:
    groups = [item.plain.group if item.plain.group is not None else item.index for item in items]
    results = tuple(
        candidate_result(text, [row for item in items for row in rows[item.index].get(text, [])], len(items), seed)
        for text in candidates
    )
    return Slice(way, name, tuple(item.index for item in items), len(set(groups)), results)


def _cut(way: Way, items: Sequence[GridItem]) -> dict[str, list[GridItem]]:
    match way:
        case "length":
            return _by_length(items)
        case "label":
            return _by_label(items)
    most = max((item.turns for item in items), default=0)
    ordered = sorted(items, key=lambda item: item.turns)
    return _collected((_turns(item.turns, most), item) for item in ordered)


def _turns(count: int, most: int) -> str:
    if count >= MOST_TURNS and most > MOST_TURNS:
        return f"{MOST_TURNS} turns and more"
    return "1 turn" if count == 1 else f"{count} turns"


def _by_length(items: Sequence[GridItem]) -> dict[str, list[GridItem]]:
    lengths = {item.index: len(item.question) for item in items}
    ordered = sorted(lengths.values())
    if len(set(ordered)) < len(_PARTS):
        return {}
    bounds = (ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3])
    parts = [[item for item in items if sum(lengths[item.index] >= bound for bound in bounds) == at] for at in range(3)]
    return {
        f"{name}, {_range([lengths[item.index] for item in part])} characters": part
        for name, part in zip(_PARTS, parts, strict=True)
        if part
    }


def _range(lengths: Sequence[int]) -> str:
    low, high = min(lengths), max(lengths)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _by_label(items: Sequence[GridItem]) -> dict[str, list[GridItem]]:
    found = _collected((item.plain.reference.strip(), item) for item in items)
    if len(found) > MOST_LABELS or len(items) < 3 * len(found):
        return {}
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def _collected(pairs: Iterable[tuple[str, GridItem]]) -> dict[str, list[GridItem]]:
    found: dict[str, list[GridItem]] = {}
    for name, item in pairs:
        found.setdefault(name, []).append(item)
    return found
