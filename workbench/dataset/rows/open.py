"""Opening a dataset: one index of where its rows are; a row is read and decoded when somebody looks at it."""

from __future__ import annotations

import io
import os
import stat
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from workbench.dataset.rows.decode import DecodeError, decode
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rows.sniff import BOM, refuse_what_is_not_text, refuse_what_is_one_object
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    pass

_SAMPLE = 64 * 1024  # bytes looked at before anything is read in earnest
_FIRST = 256 * 1024  # bytes whose rows are readable at once
_BLOCK = 1024 * 1024  # bytes read at once when all rows are walked


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the file is written; kept as it is when the file is saved."""

    bom: bool
    crlf: bool
    """Whether the first line ends in CR LF."""
    blank_lines: int
    last_newline: bool
    array: bool
    """One JSON array instead of one record a line."""


class Rows:
    """The rows of one file, numbered from 0; reading one costs one `pread`, so threads may share it.

    Rows of `open_first` know the first of them only, until `index_rest` is through.
    """

    def __init__(self, path: Path, fd: int, index: LineIndex | ElementIndex, encoding: Encoding, size: int) -> None:
        self.path = path
        self.index = index
        self.encoding = encoding
        self.size = size
        """Bytes of the file."""
        self._fd = fd
        self._closed = False
        self._indexing = threading.Lock()
        self._close = weakref.finalize(self, os.close, fd)

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; rows cannot be read any more. An index that is being made ends where it is."""
        self._closed = True
        with self._indexing:
            self._fd = -1
            self._close()

    def close_aside(self) -> None:
        """Have a thread give the file back once nobody has these rows: one without a name takes the system a while."""
        self._close.detach()
        self._close = weakref.finalize(self, _close_aside, self._fd)
        self._close.atexit = False  # the system does it then

    @property
    def fd(self) -> int:
        """The open file, for whoever copies spans of it; -1 once it is closed."""
        return self._fd

    @property
    def complete(self) -> bool:
        """Whether all rows are known."""
        return isinstance(self.index, ElementIndex) or self.index.end >= self.size

    @property
    def estimated(self) -> int:
        """How many rows the file has: by their mean size so far, exact once all are known."""
        if isinstance(self.index, ElementIndex) or self.complete:
            return len(self)
        return max(len(self), round(len(self) * self.size / max(1, self.index.end)))

    def index_rest(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Index what is not indexed yet; `progress` gets bytes indexed and bytes in all, a thousand times a gigabyte.

        It is for a thread of the caller's: rows can be read meanwhile. What `progress` raises ends it; it can go on
        later. Raises WorkbenchError if the file has become shorter.
        """
        with self._indexing:
            if isinstance(self.index, ElementIndex) or self.complete:
                return
            for done in self.index.extend(self._fd, self.size):
                if done >= self.size:
                    self.encoding = replace(self.encoding, blank_lines=self.index.blank_lines)
                if progress is not None:
                    progress(done, self.size)
                if self._closed:
                    return
            if self.index.end < self.size:
                raise self._shortened()

    def _shortened(self) -> WorkbenchError:
        return WorkbenchError(
            str(self.path), "was made shorter while it was open", "open it again", code="changed_on_disk"
        )

    def __len__(self) -> int:
        return len(self.index)

    def line(self, row: int) -> int:
        """The line, from 1, on which a row starts."""
        return self.index.place(row)[0]

    def bytes_at(self, first: int, last: int) -> bytes:
        """The file's bytes from `first` up to `last`; a WorkbenchError if the file has become shorter."""
        chunk = b""
        while len(chunk) < last - first:
            part = os.pread(self._fd, last - first - len(chunk), first + len(chunk))
            if not part:
                raise self._shortened()
            chunk += part
        return chunk

    def raw(self, row: int) -> bytes:
        """The bytes of a row, without its line end."""
        return self.index.content(self.bytes_at(*self.index.extent(row)))

    def decode(self, row: int) -> object:
        """The value of a row; raises DecodeError with line and column."""
        return decode(self.raw(row), *self.index.place(row))

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes of every row in order, read in large blocks."""
        row = 0
        while row < len(self):
            first, last = self.index.extent(row)
            stop = row + 1
            while stop < len(self) and self.index.extent(stop)[1] - first <= _BLOCK:
                stop += 1
            last = self.index.extent(stop - 1)[1]
            block = self.bytes_at(first, last)
            for number in range(row, stop):
                start, end = self.index.extent(number)
                yield self.index.content(block[start - first : end - first])
            row = stop

    def records(self) -> Iterator[tuple[int, object | DecodeError]]:
        """Every row with its number: its value, or the error that keeps it from having one."""
        for row, raw in enumerate(self.iter_raw()):
            try:
                yield row, decode(raw, *self.index.place(row))
            except DecodeError as error:
                yield row, error

    def sample(self, count: int = 1000) -> list[object]:
        """The values of the first `count` readable rows."""
        values: list[object] = []
        for _, value in self.records():
            if len(values) == count:
                break
            if not isinstance(value, DecodeError):
                values.append(value)
        return values

    def damage(self) -> list[DecodeError]:
        """What is wrong with the file as a whole: an array that never closes, or text behind its end."""
        if isinstance(self.index, LineIndex):
            return []
        found = []
        text = self.bytes_at(0, self.size)
        if not self.index.closed:
            line = text.rstrip().count(b"\n") + 1
            found.append(DecodeError(line, 1, "the array is never closed: the file is cut off", at_end=True))
        if self.index.tail is not None:
            line = text.count(b"\n", 0, self.index.tail) + 1
            column = self.index.tail - text.rfind(b"\n", 0, self.index.tail)
            found.append(DecodeError(line, column, "text stands behind the end of the array"))
        return found


def _close_aside(fd: int) -> None:
    threading.Thread(target=os.close, args=(fd,), daemon=True).start()


def open_rows(path: Path, progress: Callable[[int, int], None] | None = None) -> Rows:
    """Open a JSON Lines file or a JSON array file; `progress` gets bytes indexed and bytes in all.

    Raises a WorkbenchError of one sentence for what cannot hold records: a missing or unreadable file, a directory, an
    empty or binary file, UTF-16. A row that cannot be read is no such error: it shows itself when it is decoded.
    """
    rows = open_first(path)
    try:
        rows.index_rest(progress)
    except BaseException:
        rows.close()
        raise
    return rows


def open_first(path: Path) -> Rows:
    """Open like `open_rows`, but know the first rows only, however large the file; `Rows.index_rest` finds the others.

    The elements of a JSON array file are all known at once, which takes its size in memory.
    """
    fd = _open(path)
    try:
        size = os.fstat(fd).st_size
        head = os.pread(fd, _FIRST, 0)
        refuse_what_is_not_text(path, head[:_SAMPLE])
        start = len(BOM) if head.startswith(BOM) else 0
        whole = head if len(head) >= size else head[: max(start, head.rfind(b"\n") + 1)]
        lines = LineIndex.scan(io.BytesIO(whole), start)
        if len(lines) < 2 and lines.end < size:  # one is not enough to tell an array from lines
            for _ in lines.extend(fd, size):
                if len(lines) > 1:
                    break
        rows = Rows(path, fd, lines, _encoding(fd, head, size, lines), size)
    except BaseException:
        os.close(fd)
        raise
    if not len(rows):
        rows.close()
        raise WorkbenchError(str(path), "is empty", "give a file with one JSON record a line", code="empty_file")
    return _as_array(rows, start)


def open_written(old: Rows, written: Path, index: LineIndex | None) -> Rows:
    """The rows of a file that was written to take the place of `old`; all are known.

    `index` says where they are, if that is known. Otherwise the file is looked through.
    """
    fd = os.open(written, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        head = os.pread(fd, _SAMPLE, 0)
        begin = len(BOM) if head.startswith(BOM) else 0
        lines = LineIndex(begin) if index is None else index
        rows = Rows(old.path, fd, lines, _encoding(fd, head, size, lines), size)
    except BaseException:
        os.close(fd)
        raise
    if old.encoding.array:
        rows.index = ElementIndex.scan(rows.bytes_at(0, size), begin)
        rows.encoding = replace(rows.encoding, array=True)
    rows.index_rest()
    return rows


def _open(path: Path) -> int:
    """A file descriptor of a regular file, or one sentence why there is none."""
    hint = "give a JSON Lines or JSON file"
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise WorkbenchError(str(path), "does not exist", "check the path", code="not_found") from None
    except PermissionError:
        raise WorkbenchError(
            str(path), "may not be read by you", f"ask its owner, or run `chmod u+r {path}`", code="no_permission"
        ) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WorkbenchError(str(path), f"cannot be opened ({why})", "check the path", code="not_readable") from error
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise WorkbenchError(str(path), "is a directory", hint, code="is_directory")
    raise WorkbenchError(str(path), "is not a regular file", f"copy it to a file first; {hint}", code="not_a_file")


def _encoding(fd: int, head: bytes, size: int, lines: LineIndex) -> Encoding:
    """How a file of lines is written."""
    last = os.pread(fd, 1, size - 1) if size else b""
    first_newline = head.find(b"\n")
    crlf = first_newline > 0 and head[first_newline - 1 : first_newline] == b"\r"
    return Encoding(head.startswith(BOM), crlf, lines.blank_lines, last == b"\n", array=False)


def _as_array(rows: Rows, start: int) -> Rows:
    """The same rows, or the elements if the file is one JSON array (and not lines that are arrays)."""
    first = rows.raw(0).lstrip()
    if first[:1] not in (b"[", b"{"):
        return rows
    if len(rows) > 1:
        try:
            decode(first)
        except DecodeError:
            if first.startswith(b"{"):
                refuse_what_is_one_object(rows.path, rows.size, lambda: rows.bytes_at(start, rows.size))
                return rows
        else:
            return rows
    elif first.startswith(b"{"):
        return rows
    index = ElementIndex.scan(rows.bytes_at(0, rows.size), start)
    if not len(index):
        rows.close()
        raise WorkbenchError(str(rows.path), "holds an empty list", "give a file with records", code="empty_file")
    rows.index = index
    encoding = rows.encoding
    rows.encoding = Encoding(encoding.bom, encoding.crlf, 0, encoding.last_newline, array=True)
    return rows
