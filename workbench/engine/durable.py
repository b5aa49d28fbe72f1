"""Files that survive a kill: whole or absent, never torn."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errno values that mean: no room for one more byte."""


def is_disk_full(error: BaseException) -> bool:
    """True for the OSError of a full disk or a used-up quota."""
    return isinstance(error, OSError) and error.errno in DISK_FULL


def text(value: str) -> str:
    """`value` without halves of surrogate pairs: names of files that are not UTF-8 hold such, and JSON could not."""
    return value.encode("utf-8", "replace").decode()


def write_atomic(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `content`: temporary file beside it, fsync, rename, fsync of the folder.

    Raises OSError; the old file is then untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last through a power cut; a file system that cannot is left alone."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """`write_atomic` of one JSON object."""
    write_atomic(path, json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`; None where the file is missing or is not (yet) one."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def complete_lines(content: bytes) -> list[dict[str, Any]]:
    """The JSON objects of the complete lines; a torn last line and lines that are no object are dropped."""
    found: list[dict[str, Any]] = []
    for line in content[: content.rfind(b"\n") + 1].split(b"\n"):
        try:
            item = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(item, dict):
            found.append(item)
    return found


class LineTail:
    """Reads a growing JSONL file piece by piece, as somebody else appends to it.

    `offset` is the byte behind the last complete line that was read. A file that shrank is read from its start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def read(self) -> list[dict[str, Any]]:
        """The objects of the complete lines since the last call."""
        try:
            with self.path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size < self.offset:
                    self.offset = 0
                stream.seek(self.offset)
                content = stream.read()
        except FileNotFoundError:
            return []
        self.offset += content.rfind(b"\n") + 1
        return complete_lines(content)


def append_lines(path: Path, items: Iterable[Mapping[str, Any]]) -> None:
    """Append JSON lines, synced. A torn last line (a writer that was killed) is cut off first.

    On a failed write (a full disk) the file is cut back to what it was and OSError is raised.
    """
    content = b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = _end_of_last_line(handle)
        os.ftruncate(handle, end)
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(handle, content[written:], end + written)
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)


def _end_of_last_line(handle: int) -> int:
    """The byte behind the last newline of an open file, 0 where there is none."""
    position = os.fstat(handle).st_size
    while position > 0:
        start = max(0, position - 4096)
        newline = os.pread(handle, position - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0
