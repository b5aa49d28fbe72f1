"""Writing a large file anew beside the old one: spans are copied by the kernel, nothing is lost on the way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from workbench.dataset.rows.layout import Span
from workbench.dataset.rows.save import sync_folder
from workbench.dataset.rows.sooner import reserve, send
from workbench.errors import WorkbenchError

_LARGE = 4 * 1024 * 1024  # bytes of a span from which on the kernel copies it: below, gathering is as cheap
_NEAR = 64 * 1024  # bytes between two spans up to which they are read together
_BUFFER = 1024 * 1024  # bytes read at once, and gathered before they are written
_COPY = 16 * 1024 * 1024  # bytes the kernel copies at once, between two looks at `progress`
_SEND = 64 * 1024 * 1024  # bytes after which the disk is set to work
_NO_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}
_MANY = 512  # pieces gathered before they are written: the system takes up to 1,024 at once
_MARK = ".ftwb-"

Buffer = bytes | memoryview


class Beside:
    """A new file that is written beside the one it will replace.

    It is locked, so that nobody sweeps it away. What goes wrong is an OSError, for `explained`; `close` in any case.
    """

    def __init__(self, target: Path) -> None:
        """`target` is a real path, with links followed."""
        self.target = target
        self.path = target.with_name(f".{target.name[:180]}{_MARK}{os.urandom(4).hex()}.tmp")
        self.size = 0
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # no locks on this disk: then it may be swept away, and the save says so
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, parts: Iterable[Span | bytes], total: int, progress: Callable[[int], None]) -> None:
        """Write these parts, `total` bytes; `progress` gets the bytes written, every 16 MiB or so and at the end."""
        reserve(self.fd, total)
        told = sent = 0
        for done in self._written(parts):
            if done - told >= _COPY:
                told = done
                progress(done)
            if done - sent >= _SEND:
                send(self.fd, sent, done)
                sent = done
        progress(self.size)

    def _written(self, parts: Iterable[Span | bytes]) -> Iterator[int]:
        """Write the parts; gives the bytes written from time to time."""
        readers: dict[int, _Reader] = {}
        pending: list[Buffer] = []
        gathered = 0
        for part in parts:
            if isinstance(part, bytes):
                pending.append(part)
                gathered += len(part)
            elif part.last - part.first < _LARGE:
                if part.fd not in readers:
                    readers[part.fd] = _Reader(part.fd)
                pending.extend(readers[part.fd].read(part))
                gathered += part.last - part.first
            else:
                self._put(pending)
                gathered = 0
                for done in _copy(self.fd, part):
                    self.size += done
                    yield self.size
            if gathered >= _BUFFER or len(pending) >= _MANY:
                self._put(pending)
                gathered = 0
                yield self.size
        self._put(pending)

    def _put(self, pending: list[Buffer]) -> None:
        total = sum(map(len, pending))
        if total:
            written = os.writev(self.fd, pending)
            if written < total:
                _write_all(self.fd, b"".join(pending)[written:])
        self.size += total
        pending.clear()

    def dress_like(self, model: Path | int) -> None:
        """Take owner, permissions and extended attributes of a file, as far as we may."""
        status = os.stat(model)  # noqa: PTH116 (of a path or an open file)
        own = os.fstat(self.fd)
        if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
            try:
                os.fchown(self.fd, status.st_uid, status.st_gid)
            except OSError:  # somebody else's file in a folder of ours: the group at least, if we are in it
                with contextlib.suppress(OSError):
                    os.fchown(self.fd, -1, status.st_gid)
        os.fchmod(self.fd, stat.S_IMODE(status.st_mode))
        if hasattr(os, "listxattr"):
            names = []
            with contextlib.suppress(OSError):  # a file system without them
                names = os.listxattr(model)
            for name in names:
                with contextlib.suppress(OSError):  # those that only the system may set, which it does itself
                    os.setxattr(self.fd, name, os.getxattr(model, name))

    def put_in_place(self) -> None:
        """Replace the target, through a power cut too."""
        self.path.replace(self.target)
        sync_folder(self.target.parent)

    def close(self) -> None:
        """Give it back; it is removed if it was not put in place."""
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


def sweep(target: Path) -> int:
    """Remove what killed saves of a file left beside it; how many there were."""
    swept = 0
    prefix = f".{target.name[:180]}{_MARK}"
    with contextlib.suppress(OSError):  # a folder that may not be read or written has no such files of ours
        for entry in os.scandir(target.parent):
            if not (entry.name.startswith(prefix) and entry.name.endswith(".tmp")):
                continue
            fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one that is being written now is locked
                Path(entry.path).unlink()
                swept += 1
            except OSError:
                continue
            finally:
                os.close(fd)
    return swept


def refuse_without_room(target: Path, needed: int) -> None:
    """Raise where the disk has not `needed` bytes left: better known before than at the end of a long save."""
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise WorkbenchError(
            str(target),
            f"there is no space left for it: {needed:,} bytes are needed beside the old file, {free:,} are free",
            "free some, or save to another disk; the file and your edits are as they were",
            code="disk_full",
        )


def _copy(fd: int, span: Span) -> Iterator[int]:
    """Copy a span to the end of `fd`; gives the bytes of each step."""
    first = span.first
    by_kernel = hasattr(os, "copy_file_range")
    while first < span.last:
        length = min(_COPY, span.last - first)
        if by_kernel:
            try:
                count = os.copy_file_range(span.fd, fd, length, first)
            except OSError as error:
                if error.errno not in _NO_COPY:
                    raise
                count = 0
            if not count:
                by_kernel = False  # between two file systems, or one that gives nothing this way
                continue
        else:
            part = _read(Span(span.fd, first, first + min(length, _BUFFER)))
            _write_all(fd, part)
            count = len(part)
        first += count
        yield count


class _Reader:
    """Reads spans of one file a stretch at a time, as most of them follow each other closely."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._first = 0
        self._stretch = memoryview(b"")
        self._behind = 0

    def read(self, span: Span) -> Iterator[Buffer]:
        """The bytes of a span, in as many parts as there are stretches under it."""
        first, last = span.first, span.last
        while first < last:
            at = first - self._first
            if 0 <= at < len(self._stretch):
                part = self._stretch[at : at + last - first]
            elif last - first >= _NEAR or 0 <= first - self._behind < _NEAR:
                self._first, self._stretch = first, memoryview(os.pread(self._fd, _BUFFER, first))
                if not self._stretch:
                    _read(Span(self._fd, first, last))  # says that the file was made shorter
                continue
            else:
                part = memoryview(_read(Span(self._fd, first, last)))
            yield part
            first += len(part)
        self._behind = last


def _read(span: Span) -> bytes:
    chunk = b""
    while len(chunk) < span.last - span.first:
        part = os.pread(span.fd, span.last - span.first - len(chunk), span.first + len(chunk))
        if not part:
            raise WorkbenchError(
                "the dataset", "was made shorter while it was open", "open it again", code="changed_on_disk"
            )
        chunk += part
    return chunk


def _write_all(fd: int, chunk: bytes | bytearray) -> None:
    view = memoryview(bytes(chunk))
    while view:
        view = view[os.write(fd, view) :]
