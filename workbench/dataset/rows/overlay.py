"""The rows a person wrote: bytes at the end of a file beside the journal, found by number."""

from __future__ import annotations

import errno
import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.rows.save import sync_folder
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

_BUFFER = 1024 * 1024  # bytes gathered before they are written, where many rows come at once


@dataclass(frozen=True, slots=True)
class Added:
    """Rows that one edit added."""

    first: int
    """Number of the first; row ids are -1 - number."""
    at: int
    """Byte at which it stands; the others follow without a gap."""
    lengths: array[int]

    @property
    def ids(self) -> range:
        """The row ids of these rows, falling from -1."""
        return range(-1 - self.first, -1 - self.first - len(self.lengths), -1)


class Overlay:
    """Rows by number, kept in `path` in the form in which they will be saved (with their line end).

    A row that was added never moves and never changes. Bytes are with the system at once, on the disk after `sync`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._offsets = array("q")
        self._lengths = array("q")
        self._origins = array("q")
        self._new = False
        self._end = 0
        self._synced = 0

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def fd(self) -> int:
        """The open file, for whoever copies spans of it."""
        return self._fd

    def origin(self, number: int) -> int | None:
        """The row of the base file in whose place a row stands; None if it was inserted."""
        origin = self._origins[number]
        return None if origin < 0 else origin

    def extent(self, number: int) -> tuple[int, int]:
        """First byte of a row in the file, and the one behind it."""
        return self._offsets[number], self._offsets[number] + self._lengths[number]

    def lengths(self) -> NDArray[int64]:
        """Bytes of every row as it is stored: a copy."""
        import numpy as np

        return np.array(self._lengths, np.int64)

    def origins(self) -> NDArray[int64]:
        """The row of the base file in whose place each row stands, -1 for those that were inserted: a copy."""
        import numpy as np

        return np.array(self._origins, np.int64)

    def read(self, number: int) -> bytes:
        """A row as it is stored."""
        first, last = self.extent(number)
        chunk = os.pread(self._fd, last - first, first)
        if len(chunk) < last - first:
            raise WorkbenchError(
                str(self.path), "was made shorter while it was in use", "open the dataset again", code="changed_on_disk"
            )
        return chunk

    def append(self, rows: Iterable[tuple[bytes, int]]) -> Added:
        """Add rows, each as (bytes as stored, base row in whose place it stands or -1).

        Raises WorkbenchError where they cannot be written, and is then as it was.
        """
        lengths, origins = array("q"), array("q")
        end, pending = self._end, bytearray()
        for chunk, origin in rows:
            lengths.append(len(chunk))
            origins.append(origin)
            pending += chunk
            if len(pending) >= _BUFFER:
                end = self._write(pending, end)
                pending.clear()
        end = self._write(pending, end)
        added = Added(len(self), self._end, lengths)
        self.restore(added, origins)
        return added

    def restore(self, added: Added, origins: Iterable[int]) -> None:
        """Know these rows, which are in the file already."""
        missing = added.first - len(self)  # numbers of edits that were undone and then given up
        for column in (self._offsets, self._lengths):
            column.extend([0] * missing)
        self._origins.extend([-1] * missing)
        offset = added.at
        for length in added.lengths:
            self._offsets.append(offset)
            offset += length
        self._lengths.extend(added.lengths)
        self._origins.extend(origins)
        self._end = offset

    def check(self) -> None:
        """Raise ValueError if the file does not hold all rows."""
        if os.fstat(self._fd).st_size < self._end:
            raise ValueError(f"{self.path} is too short")

    def sync(self) -> None:
        """Return when all rows are on the disk; OSError where that fails."""
        end = self._end
        if self._fd >= 0 and end > self._synced:
            os.fdatasync(self._fd) if hasattr(os, "fdatasync") else os.fsync(self._fd)
            if self._new:  # its name too
                sync_folder(self.path.parent)
                self._new = False
            self._synced = end

    def clear(self) -> None:
        """Forget all rows: they are in the file now."""
        for column in (self._offsets, self._lengths, self._origins):
            del column[:]
        self._end = self._synced = 0
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)

    def open(self) -> None:
        """Open the file, making it if it is not there; what stands in it behind the known rows is overwritten."""
        if self._fd < 0:
            self._new = not self.path.exists()
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, chunk: bytes | bytearray, end: int) -> int:
        view = memoryview(bytes(chunk))
        try:
            self.open()
            while view:
                count = os.pwrite(self._fd, view, end)
                end += count
                view = view[count:]
        except OSError as error:
            raise unkept(self.path, error) from error
        return end


def unkept(path: Path, error: Exception) -> WorkbenchError:
    """The sentence for an edit that cannot be kept because its journal cannot be written."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "full" in str(error):
        return WorkbenchError(
            str(path),
            "no space is left for unsaved edits",
            "free some space, or save the dataset; what was kept before is safe",
            code="disk_full",
        )
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return WorkbenchError(
        str(path),
        f"unsaved edits cannot be kept there ({why})",
        "save the dataset, or choose another workspace with --workspace DIR",
        code="journal_unwritable",
    )
