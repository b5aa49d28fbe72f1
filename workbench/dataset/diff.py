"""Two versions of a file's records compared: what was added, removed, changed.

Rows that are the same byte for byte are told by hashes first, so that a million of them cost seconds; only what is left
is decoded and paired: by spelling, by an id, by where it stands, and by how alike it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from workbench.dataset.formats import Format, detect
from workbench.dataset.pairing import How, Loose, Pair, Side, pair_up
from workbench.dataset.record_diff import PartChange, record_changes
from workbench.dataset.rows import DecodeError, decode

if TYPE_CHECKING:
    from numpy import bool_, int64
    from numpy.typing import NDArray

__all__ = ["Descended", "Diff", "How", "Pair", "PartChange", "Side", "changes_of", "diff", "format_of_sides"]

_PROGRESS_EVERY = 20_000  # rows between two calls of `progress`


@runtime_checkable
class Descended(Protocol):
    """A version that was made of another one, record by record, and knows how: an open document, of its file."""

    base: Side
    """The version it was made of."""

    def __len__(self) -> int: ...

    def iter_raw(self) -> Iterator[bytes]:
        """As `Side`."""

    def raw(self, index: int, /) -> bytes:
        """As `Side`."""

    def origins(self) -> NDArray[int64]:
        """For each record the place in `base` of what it was; -1 for a new one."""

    def untouched(self) -> NDArray[bool_]:
        """For each record whether it is byte for byte what it was."""


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
    equal bytes. A version that knows what it came from (`Descended`) says all by itself, and nothing is read.
    `progress` gets rows read and rows in all.
    """
    if isinstance(new, Descended) and new.base is old:
        return _descended(len(old), new)
    import numpy as np

    if keys is None:
        total = len(old) + len(new)
        keys = _hashes(old, 0, total, progress), _hashes(new, len(old), total, progress)
    partner = _matched(*keys)
    there = partner >= 0
    in_order = partner[there]
    taken = np.zeros(len(new), bool)
    taken[in_order] = True
    # The gap a loose record is in: how many shared records stand before it. Without moves that is the same in both.
    pairs, gone, come = pair_up(
        Loose(old, np.flatnonzero(~there), np.cumsum(there, dtype=np.int64)[~there]),
        Loose(new, np.flatnonzero(~taken), np.cumsum(taken, dtype=np.int64)[~taken]),
    )
    return Diff(
        same=int(there.sum()),
        added=come,
        removed=gone,
        changed=tuple(sorted(pairs, key=lambda pair: pair.new)),
        reordered=bool((np.diff(in_order) < 0).any()),
    )


def _descended(base: int, new: Descended) -> Diff:
    """The differences of a version that knows which record each of its own was."""
    import numpy as np

    origins, untouched = new.origins(), new.untouched()
    known = origins >= 0
    removed = np.ones(base, bool)
    removed[origins[known]] = False
    places = np.flatnonzero(known & ~untouched).tolist()
    return Diff(
        same=int(untouched.sum()),
        added=tuple(np.flatnonzero(~known).tolist()),
        removed=tuple(np.flatnonzero(removed).tolist()),
        changed=tuple(Pair(int(origins[place]), place, "origin") for place in places),
        reordered=bool((np.diff(origins[known]) < 0).any()),
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
