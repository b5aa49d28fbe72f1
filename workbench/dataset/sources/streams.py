"""A file as a stream of bytes, unpacked on the way where it is compressed."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from workbench.errors import WorkbenchError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_BLOCK = 1024 * 1024


def packing_of(head: bytes) -> str | None:
    """`gzip` or `zstd` by the first bytes, else None."""
    return "gzip" if head.startswith(GZIP) else "zstd" if head.startswith(ZSTD) else None


def head_of(path: Path, size: int = 64 * 1024) -> bytes:
    """The first bytes of a regular file, or one sentence why there are none."""
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise WorkbenchError(str(path), "is not a regular file", "copy it to a file first", code="not_a_file")
        return os.pread(fd, size, 0)
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(fd)


def unreadable(path: Path, error: OSError | ValueError) -> WorkbenchError:
    """The sentence for a file that the operating system does not give."""
    if isinstance(error, FileNotFoundError):
        return WorkbenchError(
            str(path), "does not exist", "check the path; a dataset of the hub is written hf:org/name", code="not_found"
        )
    if isinstance(error, PermissionError):
        return WorkbenchError(
            str(path), "may not be read by you", f"ask its owner, or run `chmod u+r {path}`", code="no_permission"
        )
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return WorkbenchError(str(path), f"cannot be read ({why})", "check the path", code="not_readable")


class Stream:
    """The bytes of a file, unpacked; `position` is how far the file itself has been read."""

    def __init__(self, path: Path, file: IO[bytes], unpacked: io.BufferedReader) -> None:
        self.path = path
        self.bytes = unpacked
        self.size = os.fstat(file.fileno()).st_size
        """Bytes of the file on disk."""
        self._file = file

    @property
    def position(self) -> int:
        """Bytes of the file read so far."""
        return min(self._file.tell(), self.size)


@contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """Open a file for reading; what is wrong with its packing is told in one sentence while it is read."""
    packing = packing_of(head_of(path, 8))
    try:
        with path.open("rb", buffering=0) as file:
            raw: io.RawIOBase = file
            if packing == "gzip":
                raw = _Unpacking(gzip.GzipFile(fileobj=io.BufferedReader(file, _BLOCK)))
            elif packing == "zstd":
                raw = ZstdReader(file)
            yield Stream(path, file, io.BufferedReader(raw, _BLOCK))
    except EOFError as error:
        raise WorkbenchError(
            str(path), f"is cut off: the {packing} data ends too early", "fetch or copy it again", code="truncated"
        ) from error
    except (gzip.BadGzipFile, zlib.error, Damaged) as error:
        raise WorkbenchError(
            str(path), f"is damaged: the {packing} data cannot be unpacked", "fetch or copy it again", code="damaged"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


class Damaged(ValueError):
    """Compressed data that is none."""


class _Unpacking(io.RawIOBase):
    """A gzip file as raw input, so that one large buffer stands before it."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._unpacked = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._unpacked.read1(len(view))
        view[: len(data)] = data
        return len(data)


class ZstdReader(io.RawIOBase):
    """A zstd file as raw input. The library's own reader takes the end of a file that is cut off for its end."""

    _CHUNK = 32 * 1024  # small, since what comes out of one chunk is held whole

    def __init__(self, file: IO[bytes]) -> None:
        import zstandard

        self._library = zstandard
        self._context = zstandard.ZstdDecompressor(max_window_size=2**31)
        self._file = file
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._ready:
            if not self._packed:
                self._packed = self._file.read(self._CHUNK)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError
                return 0
            self._unpack()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _unpack(self) -> None:
        """Give what has been read to the frame that is open, or to a new one; a file may have several."""
        frame = self._frame or self._context.decompressobj()
        try:
            self._ready = memoryview(frame.decompress(self._packed))
        except self._library.ZstdError as error:
            raise Damaged(str(error)) from error
        self._packed = frame.unused_data if frame.eof else b""
        self._frame = None if frame.eof else frame
