"""An open document as a version that knows what it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.dataset.pairing import Side
from workbench.dataset.rows import Document

if TYPE_CHECKING:
    from numpy import bool_, int64
    from numpy.typing import NDArray


class EditedSide:
    """The records of a document as they are now; compared with `base`, its file, nothing needs to be read."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._ids = document.ids()
        self.base: Side = document.rows

    def __len__(self) -> int:
        return len(self._ids)

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes of every record in order."""
        for row in self._ids.tolist():
            yield self._document.raw(row)

    def raw(self, index: int, /) -> bytes:
        """The bytes of the record at a position, from 0."""
        return self._document.raw(int(self._ids[index]))

    def origins(self) -> NDArray[int64]:
        """For each record the row of the file that it was; -1 for one that was inserted."""
        import numpy as np

        found = self._ids.copy()
        for place in np.flatnonzero(self._ids < 0).tolist():
            origin = self._document.origin(int(self._ids[place]))
            found[place] = -1 if origin is None else origin
        return found

    def untouched(self) -> NDArray[bool_]:
        """For each record whether it is a row of the file as it is."""
        untouched: NDArray[bool_] = self._ids >= 0
        return untouched
