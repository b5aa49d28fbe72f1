"""What is known of every row: one numpy array a property."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROLE_BITS = {"system": 1, "user": 2, "assistant": 4, "tool": 8, "developer": 16}
OTHER_ROLE = 128
"""Bits of the column `roles`."""

NO_SEVERITY, WARNING, ERROR = 0, 1, 2
"""Values of the column `severity`."""

SECRET, PERSONAL, DUPLICATE, BROKEN, ESTIMATED = 1, 2, 4, 8, 16
"""Bits of the column `flags`; the last says that the tokens of the row have no published count."""

TYPES = {
    "turns": "u2",
    "roles": "u1",
    "tokens": "i4",
    "answer_tokens": "i4",
    "severity": "u1",
    "flags": "u1",
    "size": "i4",
}

DIGEST = "u8"
"""Of a row's value: equal for equal values, whatever the spacing and the order of keys; 0 where it cannot be read. What
copies are found by; nobody who shows rows needs it, so it is no column."""
_DIGESTS = "digests"


@dataclass(frozen=True, slots=True)
class Columns:
    """Arrays of one length, by row number of the base file."""

    turns: NDArray[Any]
    """u2: messages (of a pair: prompt and both answers); 65,535 where there are more."""
    roles: NDArray[Any]
    """u1: which roles occur, see ROLE_BITS."""
    tokens: NDArray[Any]
    """i4: -1 where they are not counted or cannot be."""
    answer_tokens: NDArray[Any]
    """i4: those of the assistant; -1 as above."""
    severity: NDArray[Any]
    """u1: of the worst finding about the row."""
    flags: NDArray[Any]
    """u1: see SECRET and the others."""
    size: NDArray[Any]
    """i4: bytes of the row."""

    def __len__(self) -> int:
        return len(self.size)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {column.name: getattr(self, column.name) for column in fields(self)}


class ColumnStore:
    """Columns that are filled as parts come in; never twice in memory.

    `count` is how many rows there will be, if that is known, `into` where the columns of so many are to stand: then
    `shared` is there from the beginning.
    """

    def __init__(self, count: int | None = None, into: Columns | None = None) -> None:
        import numpy as np

        if into is None:
            into = Columns(**{name: np.zeros(count or 0, kind) for name, kind in TYPES.items()})
        self._arrays = {**into.arrays(), _DIGESTS: np.zeros(len(into), DIGEST)}
        self._filled = 0
        self.shared = None if count is None else into
        """All rows of the file, for whoever may look at those that are filled; None if it is not known how many."""

    @classmethod
    def of(cls, columns: Columns, digests: NDArray[Any]) -> ColumnStore:
        """One that has all its rows."""
        store = cls()
        store._arrays, store._filled, store.shared = {**columns.arrays(), _DIGESTS: digests}, len(columns), columns
        return store

    @property
    def digests(self) -> NDArray[Any]:
        """Of all rows, see DIGEST."""
        return self._arrays[_DIGESTS][: self._filled]

    def append(self, columns: Columns, digests: NDArray[Any]) -> None:
        """Add the rows of the next part."""
        import numpy as np

        filled, self._filled = self._filled, self._filled + len(columns)
        for name, part in {**columns.arrays(), _DIGESTS: digests}.items():
            array = self._arrays[name]
            if self._filled > len(array):
                if self.shared is None:
                    array.resize(self._filled, refcheck=False)  # nobody else has it yet
                else:  # there are more rows than there were: the file was changed meanwhile
                    array = self._arrays[name] = np.concatenate([array[:filled], part])
            array[filled : self._filled] = part

    def finish(self) -> Columns:
        """All rows."""
        return Columns(**{name: self._arrays[name][: self._filled] for name in TYPES})
