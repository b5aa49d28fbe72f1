"""Two versions of a file's records compared: what was added, removed, changed.

Rows that are the same byte for byte are told by hashes first, so that a million of them cost seconds; only what is left
is decoded and paired: by spelling, by an id, by where it stands, and by how alike it is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from workbench.dataset.digest import digest_raw
from workbench.dataset.formats import Format, detect
from workbench.dataset.record_diff import PartChange, record_changes
from workbench.dataset.rows import DecodeError, decode

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

How = Literal["spelling", "id", "place", "alike"]

ALIKE = 0.5
"""Share of words that two records have in common from which on one is taken for a change of the other."""

_IDS = ("id", "_id", "uuid", "guid", "record_id", "conversation_id", "example_id")
_COMMON = 50  # records in which a word stands from which on it says nothing about which is which
_PROGRESS_EVERY = 20_000  # rows between two calls of `progress`


class Side(Protocol):
    """One version: `Rows` is one, an open document too."""

    def __len__(self) -> int: ...

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes of every record in order."""

    def raw(self, index: int, /) -> bytes:
        """The bytes of the record at a place, from 0."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A record that changed: its place in both versions, from 0."""

    old: int
    new: int
    how: How
    """What says that it is the same record: `spelling` means that only spacing or the order of keys differs."""


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences, in the order of the new version."""

    same: int
    """Records that are in both, byte for byte."""
    added: tuple[int, ...]
    """Places in the new version."""
    removed: tuple[int, ...]
    """Places in the old version."""
    changed: tuple[Pair, ...]
    reordered: bool
    """Whether records that are in both stand in another order."""

    @property
    def empty(self) -> bool:
        """Whether both are the same."""
        return not (self.added or self.removed or self.changed or self.reordered)


def diff(
    old: Side,
    new: Side,
    *,
    keys: tuple[NDArray[int64], NDArray[int64]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Diff:
    """Compare two versions.

    `keys` says what is the same without reading it, where that is known: one number a record on both sides, equal for
    equal bytes (the row ids of a document and of its file). `progress` gets rows read and rows in all.
    """
    import numpy as np

    total = len(old) + len(new)
    left, right = (
        keys if keys is not None else (_hashes(old, 0, total, progress), _hashes(new, len(old), total, progress))
    )
    partner = _matched(left, right)
    there = partner >= 0
    in_order = partner[there]
    loose_old = np.flatnonzero(~there)
    taken = np.zeros(len(right), bool)
    taken[in_order] = True
    loose_new = np.flatnonzero(~taken)
    # The gap a loose record is in: how many shared records stand before it. Without moves that is the same in both.
    before_old = np.cumsum(there)[loose_old] if len(loose_old) else loose_old
    before_new = np.cumsum(taken)[loose_new] if len(loose_new) else loose_new
    pairs, gone, come = _paired(
        [_Loose(int(at), old.raw(int(at)), int(gap)) for at, gap in zip(loose_old, before_old, strict=True)],
        [_Loose(int(at), new.raw(int(at)), int(gap)) for at, gap in zip(loose_new, before_new, strict=True)],
    )
    return Diff(
        same=int(there.sum()),
        added=tuple(item.at for item in come),
        removed=tuple(item.at for item in gone),
        changed=tuple(sorted(pairs, key=lambda pair: pair.new)),
        reordered=bool((np.diff(in_order) < 0).any()),
    )


def changes_of(old: bytes, new: bytes, fmt: Format) -> list[PartChange]:
    """What changed inside a pair; a broken row is compared as the text it is."""
    try:
        return record_changes(decode(old), decode(new), fmt)
    except DecodeError:
        return [PartChange("", "", old.decode("utf-8", "replace"), new.decode("utf-8", "replace"))]


def format_of_sides(old: bytes, new: bytes) -> Format:
    """The format that a pair is compared in."""
    values = []
    for raw in (old, new):
        try:
            values.append(decode(raw))
        except DecodeError:
            continue
    return detect(values).format


def _hashes(side: Side, done: int, total: int, progress: Callable[[int, int], None] | None) -> NDArray[int64]:
    """A number for each record's bytes, the same within this process."""
    import numpy as np

    def numbers() -> Iterator[int]:
        for row, raw in enumerate(side.iter_raw()):
            if progress is not None and row % _PROGRESS_EVERY == 0:
                progress(done + row, total)
            yield hash(raw)

    return np.fromiter(numbers(), np.int64, len(side))


def _matched(left: NDArray[int64], right: NDArray[int64]) -> NDArray[int64]:
    """For each record of the left its equal on the right, or -1; of several equal ones the first for the first."""
    import numpy as np

    order_left, order_right = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
    sorted_left, sorted_right = left[order_left], right[order_right]
    # The how-manieth of its equals each is; the same how-manieth on the right is its partner.
    nth = np.arange(len(left)) - np.searchsorted(sorted_left, sorted_left, "left")
    at = np.searchsorted(sorted_right, sorted_left, "left") + nth
    fits = at < np.searchsorted(sorted_right, sorted_left, "right")
    partner = np.full(len(left), -1, np.int64)
    partner[order_left[fits]] = order_right[at[fits]]
    return partner


@dataclass(slots=True)
class _Loose:
    """A record without an equal on the other side."""

    at: int
    raw: bytes
    gap: int
    value: Any = None
    words: frozenset[str] = frozenset()

    def read(self) -> None:
        try:
            self.value = decode(self.raw)
        except DecodeError:
            self.value = None
        self.words = frozenset(re.findall(r"\w+", self.raw.decode("utf-8", "replace").lower()))


def _paired(old: list[_Loose], new: list[_Loose]) -> tuple[list[Pair], list[_Loose], list[_Loose]]:
    """Pairs, and what is left of both sides."""
    pairs: list[Pair] = []
    if not old or not new:
        return pairs, old, new
    for item in (*old, *new):
        item.read()
    ways: tuple[tuple[How, Callable[[list[_Loose], list[_Loose]], list[tuple[_Loose, _Loose]]]], ...] = (
        ("spelling", lambda gone, come: _by_key(gone, come, lambda item: digest_raw(item.raw))),
        ("id", lambda gone, come: _by_key(gone, come, _id)),
        ("place", _by_place),
        ("alike", _by_likeness),
    )
    for how, way in ways:
        found = way(old, new)
        pairs += [Pair(a.at, b.at, how) for a, b in found]
        used = {id(item) for pair in found for item in pair}
        old = [item for item in old if id(item) not in used]
        new = [item for item in new if id(item) not in used]
    return pairs, old, new


def _id(item: _Loose) -> object:
    """The record's own id, if it has one."""
    if not isinstance(item.value, dict):
        return None
    return next((f"{key}={item.value[key]}" for key in _IDS if isinstance(item.value.get(key), (str, int))), None)


def _by_key(
    old: Sequence[_Loose], new: Sequence[_Loose], key: Callable[[_Loose], object]
) -> list[tuple[_Loose, _Loose]]:
    """Those with the same key, in order; None is no key."""
    waiting: defaultdict[object, list[_Loose]] = defaultdict(list)
    for item in reversed(new):
        waiting[key(item)].append(item)
    found = []
    for item in old:
        wanted = key(item)
        if wanted is not None and waiting.get(wanted):
            found.append((item, waiting[wanted].pop()))
    return found


def _likeness(a: _Loose, b: _Loose) -> float:
    """The share of words in common (Jaccard)."""
    return len(a.words & b.words) / len(a.words | b.words) if a.words or b.words else 0.0


def _by_place(old: Sequence[_Loose], new: Sequence[_Loose]) -> list[tuple[_Loose, _Loose]]:
    """Those between the same neighbours, in order, if they have anything in common at all.

    Every record of a format shares its keys' words, so `anything` is measured against the bare keys: see `_ALONE`.
    """
    gaps: defaultdict[int, list[_Loose]] = defaultdict(list)
    for item in new:
        gaps[item.gap].append(item)
    counts = Counter(item.gap for item in old)
    found = []
    for item in old:
        candidates = gaps.get(item.gap, [])
        # As many on both sides: one became the other. Else the first that is alike, those before it being new.
        exact = len(candidates) == counts[item.gap]
        counts[item.gap] -= 1
        match = next((other for other in candidates if _likeness(item, other) >= (_ALONE if exact else ALIKE)), None)
        if match is not None and (not exact or match is candidates[0]):
            found.append((item, match))
            del candidates[: candidates.index(match) + 1]
        elif exact and candidates:
            candidates.pop(0)
    return found


_ALONE = 0.25
"""Likeness from which on a record in the very place of another is a change of it and not something new."""


def _by_likeness(old: Sequence[_Loose], new: Sequence[_Loose]) -> list[tuple[_Loose, _Loose]]:
    """The most alike first, found by the words that few records have."""
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(new):
        for word in item.words:
            holders[word].append(index)
    scored = []
    for at, item in enumerate(old):
        shared = Counter(
            index for word in item.words if len(holders.get(word, ())) <= _COMMON for index in holders.get(word, ())
        )
        for index, _ in shared.most_common(5):
            likeness = _likeness(item, new[index])
            if likeness >= ALIKE:
                scored.append((-likeness, at, index))
    found, taken_old, taken_new = [], set(), set()
    for _, at, index in sorted(scored):
        if at not in taken_old and index not in taken_new:
            taken_old.add(at)
            taken_new.add(index)
            found.append((old[at], new[index]))
    return found
