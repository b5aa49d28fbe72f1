"""The rows of a document as they stand now: of the file, and of what a person wrote."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.rows.changes import RowId
from workbench.dataset.rows.decode import decode
from workbench.dataset.rows.open import Encoding, Rows
from workbench.dataset.rows.overlay import Overlay
from workbench.dataset.rows.pieces import Pieces
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

_SEEN = 4096  # places of rows that are remembered: more than any screen shows

Progress = Callable[[int, int], None]


class Present:
    """Rows in order, each with an id that does not change when others come and go.

    Reading may be done from several threads at any time.
    """

    def __init__(self, rows: Rows, overlay: Overlay) -> None:
        self.rows = rows
        """The file as it is on disk."""
        self.overlay = overlay
        self.pieces = Pieces()
        self._state = threading.RLock()
        self._known = 0
        self._seen: dict[RowId, int] = {}

    @property
    def path(self) -> Path:
        """The file as it was given."""
        return self.rows.path

    @property
    def encoding(self) -> Encoding:
        """How the file is written."""
        return self.rows.encoding

    @property
    def complete(self) -> bool:
        """Whether all rows of the file are known."""
        return self.rows.complete and self._known == len(self.rows)

    @property
    def estimated(self) -> int:
        """How many rows there are, or will be once all are known."""
        return len(self) + max(0, self.rows.estimated - self._known)

    def index_rest(self, progress: Progress | None = None) -> None:
        """Find the rows that are not known yet: for a thread of the caller's, see `Rows.index_rest`."""

        def grow(done: int, total: int) -> None:
            self._grow()
            if progress is not None:
                progress(done, total)

        self.rows.index_rest(grow)
        self._grow()

    def _grow(self) -> None:
        with self._state:
            known = len(self.rows)
            self.pieces.append(range(self._known, known))
            self._known = known

    def __len__(self) -> int:
        with self._state:
            return len(self.pieces)

    def id_at(self, position: int) -> RowId:
        """The row at a position, from 0; IndexError outside."""
        with self._state:
            row = self.pieces.id_at(position)
            if len(self._seen) > _SEEN:
                self._seen.clear()
            self._seen[row] = position
            return row

    def ids(self) -> NDArray[int64]:
        """All rows in their order: a copy, eight bytes a row."""
        with self._state:
            return self.pieces.ids()

    def position_of(self, row: RowId) -> int | None:
        """Where a row stands now, or None if it does not."""
        with self._state:
            near = self._seen.get(row, row)
            if row < 0 and row not in self._seen:
                near = (self.origin(row) or 0) if -row <= len(self.overlay) else 0
            return self.pieces.find(row, near)

    def raw(self, row: RowId) -> bytes:
        """The bytes of a row without its line end; it may have been replaced or deleted meanwhile."""
        if row >= 0:
            return self.rows.raw(row)
        return self.rows.index.content(self.overlay.read(self._number(row)))

    def value(self, row: RowId) -> object:
        """The value of a row; raises DecodeError, with the line of the base file where there is one."""
        if row >= 0:
            return self.rows.decode(row)
        origin = self.origin(row)
        return decode(self.raw(row), 1 if origin is None else self.rows.line(origin))

    def line(self, row: RowId) -> int | None:
        """The line of the base file on which a row starts; None for a row that a person wrote (see `origin`)."""
        return self.rows.line(row) if row >= 0 else None

    def origin(self, row: RowId) -> RowId | None:
        """The row of the base file from which a row was made, itself for one of those; None if it was inserted."""
        return row if row >= 0 else self.overlay.origin(self._number(row))

    def _number(self, row: RowId) -> int:
        number = -1 - row
        if number >= len(self.overlay):
            raise self._gone(row)
        return number

    def _gone(self, row: RowId) -> WorkbenchError:
        return WorkbenchError(str(self.path), f"row {row} is not there any more", "look again", code="stale_row")
