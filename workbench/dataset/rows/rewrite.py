"""Writing a large file anew beside the old one: spans are copied by the kernel, nothing is lost on the way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.dataset.rows.layout import Span
from workbench.dataset.rows.save import explained, sync_folder
from workbench.errors import WorkbenchError

_SMALL = 64 * 1024  # bytes of a span up to which it is read and gathered with its neighbours
_BUFFER = 1024 * 1024  # bytes gathered before they are written
_COPY = 16 * 1024 * 1024  # bytes the kernel copies at once, between two looks at `progress`
_NO_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}
_MARK = ".ftwb-"


@dataclass(frozen=True, slots=True)
class Written:
    """A new file that waits beside the one it will replace."""

    path: Path
    fd: int
    """Locked, so that nobody sweeps it away."""
    size: int

    def put_in_place(self, target: Path) -> None:
        """Let it be the target, whole, through a power cut too."""
        self.path.replace(target)
        sync_folder(target.parent)

    def close(self) -> None:
        """Give it back; it is removed if it was not put in place."""
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


def write_beside(
    target: Path, parts: Iterable[Span | bytes], *, like: Path | int, progress: Callable[[int], None] | None = None
) -> Written:
    """Write `parts` to a temporary file beside `target`, which is a real path; `progress` gets the bytes written.

    It gets the permissions, owner and extended attributes of `like`, a file or an open one. It is not on the disk
    yet: that is for `os.fsync`. Raises WorkbenchError; nothing is left behind then.
    """
    temporary = target.with_name(f".{target.name[:180]}{_MARK}{os.urandom(4).hex()}.tmp")
    try:
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise explained(target, error) from error
    try:
        with contextlib.suppress(OSError):  # no locks on this disk: then it may be swept away, and the save says so
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = _write(fd, parts, progress)
        _dress(fd, like)
        return Written(temporary, fd, size)
    except BaseException as error:
        os.close(fd)
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise explained(target, error) from error
        raise


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


def _write(fd: int, parts: Iterable[Span | bytes], progress: Callable[[int], None] | None) -> int:
    pending, written, told = bytearray(), 0, 0
    for part in parts:
        if isinstance(part, bytes):
            pending += part
        elif part.last - part.first <= _SMALL:
            pending += _read(part)
        else:
            _write_all(fd, pending)
            written += len(pending)
            pending.clear()
            for done in _copy(fd, part):
                written += done
                if progress is not None:
                    progress(written)
        if len(pending) >= _BUFFER:
            _write_all(fd, pending)
            written += len(pending)
            pending.clear()
        if progress is not None and written - told >= _COPY:
            told = written
            progress(written)
    _write_all(fd, pending)
    written += len(pending)
    if progress is not None:
        progress(written)
    return written


def _copy(fd: int, span: Span) -> Iterable[int]:
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


def _dress(fd: int, model: Path | int) -> None:
    """Give the new file the old one's owner, permissions and extended attributes, as far as we may."""
    status = os.stat(model)  # noqa: PTH116 (of a path or an open file)
    own = os.fstat(fd)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(fd, status.st_uid, status.st_gid)
        except OSError:  # somebody else's file in a folder of ours: the group at least, if we are in it
            with contextlib.suppress(OSError):
                os.fchown(fd, -1, status.st_gid)
    os.fchmod(fd, stat.S_IMODE(status.st_mode))
    if hasattr(os, "listxattr"):
        names = []
        with contextlib.suppress(OSError):  # a file system without them
            names = os.listxattr(model)
        for name in names:
            with contextlib.suppress(OSError):  # those that only the system may set, which it does itself
                os.setxattr(fd, name, os.getxattr(model, name))
