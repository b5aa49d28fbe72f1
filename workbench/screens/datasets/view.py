"""Which records of a file are shown and in which order, and which of them are marked. Knows no widget.

Nothing is held by position: rows are named by their ids, so that an edit moves nothing that it did not touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.query import Query
    from workbench.dataset.rows import Change, Document, RowId
    from workbench.screens.datasets.row_set import RowSet

SortKey = Literal["line", "tokens", "turns", "size", "findings", "label"]
SORT_KEYS: Final[tuple[SortKey, ...]] = ("line", "tokens", "turns", "size", "findings", "label")
FEW: Final = 64
"""Rows that are marked one by one."""


@dataclass(frozen=True, slots=True)
class Sort:
    """By what, and whether the largest comes first."""

    key: SortKey = "line"
    descending: bool = False

    @property
    def arrow(self) -> str:
        """How the heading shows it."""
        return "▼" if self.descending else "▲"

    @property
    def changes_order(self) -> bool:
        """Whether rows stand elsewhere than in the file."""
        return self != Sort()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked to see."""

    text: str = ""
    """The filter as it was typed."""
    query: Query | None = None
    """What it says; None: nothing, all records fit."""
    sort: Sort = field(default_factory=Sort)
    sample: int = 0
    """How many, drawn at random; 0: all."""
    seed: int = 0
    """Of the sample: another one draws others."""

    @property
    def is_all(self) -> bool:
        """Whether that is the whole file in its own order."""
        return self.query is None and not self.sort.changes_order and not self.sample


class View:
    """The rows that are shown."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.wanted = Wanted()
        self._order: NDArray[np.int64] | None = None
        self._marks: RowSet | None = None

    def __len__(self) -> int:
        return len(self.document) if self._order is None else len(self._order)

    def row_at(self, position: int) -> RowId:
        """The row that stands at a position of the list."""
        return self.document.id_at(position) if self._order is None else int(self._order[position])

    def position_of(self, row: RowId) -> int | None:
        """Where in the list a row stands; None if it is not shown."""
        if self._order is None:
            return self.document.position_of(row)
        import numpy as np

        found = np.flatnonzero(self._order == row)
        return int(found[0]) if len(found) else None

    def rows(self) -> NDArray[np.int64]:
        """All rows that are shown, in order; not to be written to."""
        return self.document.ids() if self._order is None else self._order

    def show(self, order: NDArray[np.int64] | None) -> None:
        """Show these rows; None: the whole file as it stands."""
        self._order = order

    # Marks ----------------------------------------------------------------------------------------------------------

    @property
    def marked(self) -> int:
        """How many rows are marked."""
        return 0 if self._marks is None else len(self._marks)

    def is_marked(self, row: RowId) -> bool:
        """Whether a row is."""
        return self._marks is not None and row in self._marks

    def mark(self, positions: range, marked: bool = True) -> None:
        """Mark the rows at these positions of the list, or take their marks away."""
        from workbench.screens.datasets.row_set import RowSet

        if self._marks is None:
            self._marks = RowSet()
        few = len(positions) <= FEW
        rows = [self.row_at(at) for at in positions] if few else self.rows()[positions.start : positions.stop]
        self._marks.put(rows, marked)
        if not len(self._marks):
            self._marks = None

    def unmark(self) -> None:
        """Take all marks away."""
        self._marks = None

    def chosen(self, position: int) -> NDArray[np.int64]:
        """What an edit is about: the marked rows in their order, else the one at `position`."""
        import numpy as np

        if self._marks is None:
            return np.array([self.row_at(position)] if position < len(self) else [], dtype=np.int64)
        ids = self.document.ids()
        return ids[self._marks.among(ids)]

    # Following edits ------------------------------------------------------------------------------------------------

    def follow(self, change: Change, near: int) -> None:
        """Let the rows be those that a change left: what was shown stays shown, new rows are shown too.

        `near` is where in a sorted list new rows are put.
        """
        if self._marks is not None:
            self._follow_marks(self._marks, change)
        if self._order is not None:
            self._order = self._followed(self._order, change, near)

    def _follow_marks(self, marks: RowSet, change: Change) -> None:
        import numpy as np

        old, new = _replaced_rows(change)
        hit = marks.among(old)
        marks.put(old[hit], False)
        marks.put(new[hit])
        marks.put(np.asarray(change.deleted, dtype=np.int64), False)
        if not len(marks):
            self._marks = None

    def _followed(self, order: NDArray[np.int64], change: Change, near: int) -> NDArray[np.int64]:
        import numpy as np

        from workbench.screens.datasets.row_set import RowSet

        order = _renamed(order, change)
        if len(change.deleted):
            order = order[~RowSet(np.asarray(change.deleted, dtype=np.int64)).among(order)]
        new = np.asarray(change.inserted, dtype=np.int64)
        if self.wanted.sort.changes_order:
            return np.insert(order, min(near, len(order)), new)
        if not len(new) and (len(change.replaced) or len(change.deleted)):
            return order
        shown = RowSet(order)  # some came, or all moved
        shown.put(new)
        ids = self.document.ids()
        return ids[shown.among(ids)]

    def rebase(self, ids: NDArray[np.int64] | None) -> None:
        """After a save over the source: `ids[i]` is what row `i` was called before (None: as now)."""
        self._marks = None
        if self._order is None or ids is None:
            return
        import numpy as np

        by_name = np.argsort(ids, kind="stable")
        places = np.searchsorted(ids, self._order, sorter=by_name)
        places = np.minimum(places, len(ids) - 1)
        fits = ids[by_name[places]] == self._order
        self._order = by_name[places][fits].astype(np.int64)


def _replaced_rows(change: Change) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that were replaced, and those that stand in their places."""
    import numpy as np

    count = len(change.replaced)
    old = np.fromiter(change.replaced.keys(), dtype=np.int64, count=count)
    return old, np.fromiter(change.replaced.values(), dtype=np.int64, count=count)


def _renamed(rows: NDArray[np.int64], change: Change) -> NDArray[np.int64]:
    """`rows` with those that were replaced under their new names."""
    import numpy as np

    old, new = _replaced_rows(change)
    if not len(old):
        return rows
    by_name = np.argsort(old, kind="stable")
    places = np.minimum(np.searchsorted(old, rows, sorter=by_name), len(old) - 1)
    hit = old[by_name[places]] == rows
    rows = rows.copy()
    rows[hit] = new[by_name[places[hit]]]
    return rows
