"""What an edit does to the order of rows, forwards and backwards."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.dataset.rows.overlay import Added
from workbench.dataset.rows.packing import pack, unpack
from workbench.dataset.rows.pieces import Pieces

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

Kind = Literal["replace", "insert", "delete", "move", "reorder"]

RowId = int
"""A row: from 0 its number in the base file, below 0 one that a person wrote."""


class Replaced(Mapping[RowId, RowId]):
    """Old row to new row; a bulk edit's has a million, so it is a dictionary only once somebody looks one up."""

    def __init__(self, old: Sequence[RowId] = (), new: Sequence[RowId] = ()) -> None:
        self.old = old
        self.new = new
        self._found: dict[RowId, RowId] | None = None

    def __len__(self) -> int:
        return len(self.old)

    def __iter__(self) -> Iterator[RowId]:
        return iter(self.old)

    def __getitem__(self, row: RowId) -> RowId:
        if self._found is None:
            self._found = dict(zip(self.old, self.new, strict=True))
        return self._found[row]

    def __repr__(self) -> str:
        return f"Replaced({len(self)} rows)" if len(self) > 8 else f"Replaced({dict(self)})"


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit, an undo or a redo did."""

    title: str
    replaced: Mapping[RowId, RowId]
    """Old row to the row that stands in its place now."""
    inserted: Sequence[RowId]
    deleted: Sequence[RowId]
    position: int
    """Where to look: the first place that is different."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One undo step: what is needed to do it, to take it back, and to do both again after a restart.

    Lists are packed, as they stay in memory for as long as they can be undone.
    """

    kind: Kind
    title: str
    step: dict[str, Any] | None
    positions: bytes
    """Where the rows concerned stand before (replace, delete, move) or afterwards (insert), rising."""
    old: bytes
    """Rows that stood there; for reorder, all rows as they stood."""
    new: bytes
    """Rows that stand there afterwards (replace, insert); for reorder, all rows as they stand afterwards."""
    at: int = 0
    """Where moved rows begin afterwards."""
    added: Added | None = None


def edit(
    kind: Kind,
    title: str,
    step: dict[str, Any] | None,
    *,
    positions: Sequence[int] = (),
    old: Sequence[RowId] = (),
    new: Sequence[RowId] = (),
    at: int = 0,
    added: Added | None = None,
) -> Edit:
    """An edit of these lists."""
    return Edit(kind, title, step, pack(positions), pack(old), pack(new), at, added)


def do(what: Edit, pieces: Pieces) -> Change:
    """Make an edit; IndexError or ValueError if it does not belong to this list of rows."""
    positions, old, new = unpack(what.positions), unpack(what.old), unpack(what.new)
    if what.kind == "replace":
        pieces.put(positions, new)
        return Change(what.title, Replaced(old, new), (), (), positions[0])
    if what.kind == "insert":
        pieces.give(positions, new)
        return Change(what.title, Replaced(), new, (), positions[0])
    if what.kind == "delete":
        pieces.take(positions)
        return Change(what.title, Replaced(), (), old, min(positions[0], max(0, len(pieces) - 1)))
    if what.kind == "move":
        pieces.take(positions)
        pieces.give(range(what.at, what.at + len(old)), old)
        return Change(what.title, Replaced(), (), (), what.at)
    _arrange(pieces, new)
    return Change(what.title, Replaced(), (), (), 0)


def undo(what: Edit, pieces: Pieces) -> Change:
    """Take an edit back, which must be the last one that was made."""
    positions, old, new = unpack(what.positions), unpack(what.old), unpack(what.new)
    if what.kind == "replace":
        pieces.put(positions, old)
        return Change(what.title, Replaced(new, old), (), (), positions[0])
    if what.kind == "insert":
        pieces.take(positions)
        return Change(what.title, Replaced(), (), new, min(positions[0], max(0, len(pieces) - 1)))
    if what.kind == "delete":
        pieces.give(positions, old)
        return Change(what.title, Replaced(), old, (), positions[0])
    if what.kind == "move":
        pieces.take(range(what.at, what.at + len(old)))
        pieces.give(positions, old)
        return Change(what.title, Replaced(), (), (), positions[0])
    _arrange(pieces, old)
    return Change(what.title, Replaced(), (), (), 0)


def _arrange(pieces: Pieces, rows: array[int]) -> None:
    """Put the rows in this order; those that the file has gained since stay behind them."""
    import numpy as np

    flat: NDArray[int64] = np.frombuffer(rows, np.int64)
    if len(pieces) > len(flat):
        flat = np.concatenate((flat, pieces.ids()[len(flat) :]))
    pieces.arrange(flat)
