"""Train, validation and test: disjoint in meaning, as near to the wanted sizes as that allows, the same every time."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.dataset.formats import Format
from workbench.dataset.texts import texts_of
from workbench.errors import WorkbenchError

SIDES = ("train", "validation", "test")
"""The sides in the order of the fractions."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers by side, each in the order of the file."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    seed: int
    groups: int
    """Groups that were kept together; a record that is like no other is one too."""
    kept_out: tuple[int, ...] = ()
    """Rows on no side: they are near something that must stay unseen."""

    def side(self, name: str) -> tuple[int, ...]:
        """The rows of train, validation or test."""
        rows: tuple[int, ...] = getattr(self, name)
        return rows

    def sides(self) -> list[tuple[int, ...]]:
        """The rows of each side that has any."""
        return [rows for rows in (self.train, self.validation, self.test) if rows]


def checked_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """Two or three fractions as three; a WorkbenchError (usage) unless each is above 0 and they make 1."""
    if len(fractions) not in (2, 3) or not all(math.isfinite(part) and 0 < part < 1 for part in fractions):
        why = "are not two or three numbers between 0 and 1"
    elif abs(sum(fractions) - 1) > 1e-6:
        why = f"make {sum(fractions):g}, not 1"
    else:
        train, validation, *rest = fractions
        return train, validation, rest[0] if rest else 0.0
    said = ",".join(f"{part:g}" for part in fractions)
    hint = "for example 0.8,0.1,0.1, or 0.9,0.1 for no test side"
    raise WorkbenchError(f"fractions {said}", why, hint, code="usage", exit_code=2)


def split(
    keys: Sequence[str],
    fractions: Sequence[float],
    seed: int = 0,
    groups: Sequence[int] | None = None,
    *,
    labels: Sequence[str | None] | None = None,
    keep_out: Iterable[int] = (),
) -> Split:
    """Distribute rows; `keys[n]` is the content of row n (its digest), so that their order in the file decides nothing.

    `groups` has one number a row: rows with the same belong together (near-duplicates, equal prompts; see
    `duplicates.groups`). With `labels` every label is spread over the sides in the same proportions. Rows of `keep_out`
    go nowhere. When records are added later, most of the others stay on their side. Raises WorkbenchError where there
    are fewer groups than sides.
    """
    wanted = checked_fractions(fractions)
    out = set(keep_out)
    together = _together(len(keys), groups, out)
    sides = sum(part > 0 for part in wanted)
    if len(together) < sides:
        raise WorkbenchError(
            "the split",
            f"needs a group of records for each of {sides} sides, and there {_are(len(together))}",
            "records that are alike cannot be parted: add others, or take fewer sides",
            code="too_few_groups",
        )
    ordered = sorted(together, key=lambda rows: _drawn(seed, min(keys[row] for row in rows)))
    placed: list[list[int]] = [[], [], []]
    allotted = [0, 0, 0]
    seen = 0
    for stratum in _strata(ordered, labels):
        size = sum(map(len, stratum))
        seen += size
        # What all strata so far should have given, less what they gave: rounding never adds up.
        room = [target - given for target, given in zip(_targets(seen, wanted), allotted, strict=True)]
        for side, rows in _fill(stratum, room):
            placed[side] += rows
            allotted[side] += len(rows)
    _no_side_empty(placed, wanted, ordered)
    train, validation, test = (tuple(sorted(rows)) for rows in placed)
    return Split(train, validation, test, seed, len(together), tuple(sorted(out)))


_LONGEST_LABEL = 60  # characters
_FEWEST_OF_A_LABEL = 3  # records: one for each side


def labels_of(values: Iterable[object], fmt: Format) -> list[str | None]:
    """The label of each record: its last answer, if that is one short line that other records give too; else None."""
    found: list[str | None] = []
    for value in values:
        answers = [text.text.strip() for text in texts_of(value, fmt) if text.role == "assistant"]
        short = answers and len(answers[-1]) <= _LONGEST_LABEL and "\n" not in answers[-1]
        found.append(answers[-1] if short else None)
    counts = Counter(found)
    return [label if counts[label] >= _FEWEST_OF_A_LABEL else None for label in found]


def _are(count: int) -> str:
    return "is one" if count == 1 else f"are {count}"


def _together(count: int, groups: Sequence[int] | None, out: set[int]) -> list[list[int]]:
    """The rows of 0 to `count` but those of `out`, by group."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(count):
        if row not in out:
            members[row if groups is None else int(groups[row])].append(row)
    return list(members.values())


def _drawn(seed: int, key: str) -> bytes:
    """Where in the shuffled order a group stands: by its content and the seed alone."""
    return hashlib.blake2b(key.encode(), digest_size=16, key=str(seed).encode()[:64]).digest()


def _strata(ordered: list[list[int]], labels: Sequence[str | None] | None) -> list[list[list[int]]]:
    """The groups by label (a group has the one that most of its records have), or all of them as one."""
    if labels is None:
        return [ordered]
    strata: defaultdict[str, list[list[int]]] = defaultdict(list)
    for rows in ordered:
        votes = Counter(labels[row] or "" for row in rows)
        strata[max(votes, key=lambda label: (votes[label], label))].append(rows)
    return [strata[label] for label in sorted(strata)]


def _targets(count: int, wanted: tuple[float, float, float]) -> list[int]:
    """Whole numbers that make `count`, by the largest remainders."""
    exact = [count * part for part in wanted]
    whole = [math.floor(part + 1e-9) for part in exact]
    by_remainder = sorted(range(3), key=lambda side: (whole[side] - exact[side], side))
    for side in by_remainder[: count - sum(whole)]:
        whole[side] += 1
    return whole


def _fill(groups: list[list[int]], room: list[int]) -> Iterable[tuple[int, list[int]]]:
    """Each group on the first side with room for all of it, else where most room is left.

    What is larger than the smallest side goes first, the largest at its head: single records then fill what is left.
    """
    left = list(room)
    smallest = min((size for size in room if size > 0), default=0)
    large = sorted((rows for rows in groups if len(rows) > max(1, smallest // 2)), key=len, reverse=True)
    small = [rows for rows in groups if len(rows) <= max(1, smallest // 2)]
    for rows in [*large, *small]:
        fits = [side for side in range(3) if left[side] >= len(rows)]
        side = fits[0] if fits else max(range(3), key=lambda side: (left[side], -side))
        left[side] -= len(rows)
        yield side, rows


def _no_side_empty(placed: list[list[int]], wanted: tuple[float, float, float], ordered: list[list[int]]) -> None:
    """Give a wanted side that got nothing the smallest group of the fullest side that can spare one."""
    side_of = {row: side for side in range(3) for row in placed[side]}
    for side in range(3):
        if placed[side] or not wanted[side]:
            continue
        held = Counter(side_of[rows[0]] for rows in ordered)
        rows = min(
            (rows for rows in ordered if held[side_of[rows[0]]] > 1),
            key=lambda rows: (len(rows), -len(placed[side_of[rows[0]]])),
        )
        giver = side_of[rows[0]]
        moved = set(rows)
        placed[giver] = [row for row in placed[giver] if row not in moved]
        placed[side] = list(rows)
        side_of |= dict.fromkeys(rows, side)
