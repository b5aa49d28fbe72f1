"""Between rows and lines of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.dataset.analysis.findings import ABOUT_FILE

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Places:
    """On which lines, from 1, the rows of a file begin."""

    rows: int
    """How many there are."""
    blank_lines: NDArray[Any]
    """i8: lines that are no rows."""
    array: NDArray[Any] | None = None
    """i8: the line of every element, where the file is an array."""

    def lines(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The lines of some rows."""
        import numpy as np

        if self.array is not None:
            there: NDArray[Any] = self.array[rows]
            return there
        rows_before = self.blank_lines - 1 - np.arange(len(self.blank_lines))
        moved: NDArray[Any] = np.searchsorted(rows_before, rows, side="right") + rows + 1
        return moved

    def line(self, row: int) -> int:
        """The line of a row."""
        import numpy as np

        return int(self.lines(np.array([row]))[0])

    def rows_at(self, lines: NDArray[Any]) -> NDArray[Any]:
        """The first row that begins on each of some lines; ABOUT_FILE where none does (0: the file as a whole)."""
        import numpy as np

        if not self.rows:
            return np.full(len(lines), ABOUT_FILE)
        if self.array is not None:
            rows = np.searchsorted(self.array, lines)
        else:
            rows = lines - 1 - np.searchsorted(self.blank_lines, lines)
        rows = np.clip(rows, 0, self.rows - 1)
        return np.where(self.lines(rows) == lines, rows, ABOUT_FILE)
