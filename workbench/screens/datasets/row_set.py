"""A set of rows, one byte a row: a million marks are a megabyte, and as quick as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.dataset.rows import RowId

_AT_LEAST = 1024


class RowSet:
    """Row ids, of the file (from 0) and of what a person wrote (below 0)."""

    def __init__(self, rows: Sequence[RowId] | NDArray[np.int64] = ()) -> None:
        self._file = np.zeros(_AT_LEAST, dtype=bool)
        self._written = np.zeros(_AT_LEAST, dtype=bool)
        self._count = 0
        self.put(rows)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, row: RowId) -> bool:
        part, at = (self._file, row) if row >= 0 else (self._written, -1 - row)
        return at < len(part) and bool(part[at])

    def put(self, rows: Sequence[RowId] | NDArray[np.int64], inside: bool = True) -> None:
        """Take rows in, or out."""
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return
        ours = rows >= 0
        self._file = _with_room(self._file, rows[ours])
        self._written = _with_room(self._written, -1 - rows[~ours])
        self._file[rows[ours]] = inside
        self._written[-1 - rows[~ours]] = inside
        self._count = int(self._file.sum()) + int(self._written.sum())

    def among(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each of these rows whether it is in the set."""
        found = np.zeros(len(rows), dtype=bool)
        for part, places, here in ((self._file, rows, rows >= 0), (self._written, -1 - rows, rows < 0)):
            here &= places < len(part)
            found[here] = part[places[here]]
        return found


def _with_room(part: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The same, long enough for these places."""
    needed = int(places.max()) + 1 if len(places) else 0
    if needed <= len(part):
        return part
    longer = np.zeros(max(needed, 2 * len(part)), dtype=bool)
    longer[: len(part)] = part
    return longer
