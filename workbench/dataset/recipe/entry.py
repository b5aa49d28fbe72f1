"""One record on its way through a recipe: light while it is untouched, spilled to disk once it is changed."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from typing import Any, overload

from workbench.dataset.digest import digest_raw
from workbench.dataset.rows import decode, dump_like

_IN_MEMORY = 64 * 1024 * 1024  # bytes of changed records that are held before they go to a file


class Shelf:
    """Where changed records lie: in memory, and from some size on in a temporary file that nobody else sees."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._left = in_memory
        self._fd: int | None = None
        self._end = 0

    def put(self, raw: bytes) -> Callable[[], bytes]:
        """Keep `raw`; what gives it back."""
        if len(raw) <= self._left:
            self._left -= len(raw)
            return raw.__bytes__
        if self._fd is None:
            handle, name = tempfile.mkstemp(prefix="ftwb-recipe-")
            os.unlink(name)  # noqa: PTH108 - the open file lives on without a name, and goes with the process
            self._fd = handle
            weakref.finalize(self, os.close, handle)
        stored = _Stored(self._fd, self._end, len(raw))
        self._end += os.pwrite(self._fd, raw, self._end)
        return stored


class _Stored:
    """Bytes in a file: what reads them, in the fewest bytes."""

    __slots__ = ("fd", "size", "start")

    def __init__(self, fd: int, start: int, size: int) -> None:
        self.fd, self.start, self.size = fd, start, size

    def __call__(self) -> bytes:
        return os.pread(self.fd, self.size, self.start)


class Entry:
    """One record: its bytes, and its value once somebody asks for it."""

    __slots__ = ("_digest", "_fetch", "_shelf", "_value", "changed", "column", "key", "line", "side")

    def __init__(
        self, key: int | None, line: int | None, fetch: Callable[[], bytes], shelf: Shelf, column: int = 1
    ) -> None:
        self.key = key
        """The row of the file it comes from, or what the caller knows it by; None for one that a step inserted."""
        self.line = line
        """From 1, in the input; None for one that a step inserted."""
        self.column = column
        self.changed = False
        self.side = ""
        """train, validation or test, once a split has said so."""
        self._fetch = fetch
        self._shelf = shelf
        self._value: Any = _UNREAD
        self._digest: str | None = None

    @property
    def raw(self) -> bytes:
        """Its bytes, without a line end."""
        return self._fetch()

    @property
    def value(self) -> Any:
        """Its decoded value, to be changed in place and then `put`; raises DecodeError."""
        if self._value is _UNREAD:
            self._value = decode(self._fetch(), self.line or 1, self.column)
        return self._value

    @property
    def digest(self) -> str:
        """Its content hash."""
        if self._digest is None:
            self._digest = digest_raw(self._fetch())
        return self._digest

    def put(self, value: Any) -> None:
        """Replace its value; it is written in the style of the row that it was."""
        self.put_raw(dump_like(value, self._fetch()))
        self._value = value

    def put_raw(self, raw: bytes) -> None:
        """Replace its bytes."""
        self._fetch = self._shelf.put(raw)
        self._value, self._digest, self.changed = _UNREAD, None, True

    def settle(self) -> None:
        """Forget what can be found again: many entries are about to be held at once."""
        self._value, self._digest = _UNREAD, None


_UNREAD = object()


class Raws(Sequence[bytes]):
    """The bytes of entries, as a list that reads them when they are asked for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return Raws(self._entries[index])
        return self._entries[index].raw
