"""A compressed file unpacked into the cache, once for each content, so that it can be opened and paged."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.dataset.sources.source import Progress
from workbench.dataset.sources.streams import head_of, open_stream, packing_of
from workbench.errors import WorkbenchError

_BLOCK = 4 * 1024 * 1024
_RESERVE = 256 * 1024 * 1024
"""Bytes that stay free on the cache's disk: a small file can unpack to more than a disk holds."""


def is_packed(path: Path) -> bool:
    """Whether a file is compressed with gzip or zstd, by its first bytes."""
    return packing_of(head_of(path, 8)) is not None


def unpack(path: Path, cache: Path, progress: Progress | None = None) -> Path:
    """The unpacked copy of a .gz or .zst file in `cache`, made if it is not there yet; the copy is for reading only.

    It is named by the sha256 of the compressed bytes, so a changed file gives another copy. `progress` gets bytes of
    the compressed file read and in all. Raises a WorkbenchError for a damaged or cut-off file, and before the disk is
    full; then nothing is left behind.
    """
    if not is_packed(path):
        raise WorkbenchError(str(path), "is not compressed with gzip or zstd", "open it as it is", code="not_packed")
    with path.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    target = cache / "unpacked" / key / _name(path)
    if target.is_file():
        return target
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".unpacking-")
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            for block in _blocks(path, progress):
                _write(out.fileno(), block, target.parent)
            os.fchmod(out.fileno(), 0o400)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _name(path: Path) -> str:
    """The name without what its packing added."""
    stem = path.name
    for ending in (".gz", ".gzip", ".zst", ".zstd"):
        if stem.lower().endswith(ending) and len(stem) > len(ending):
            return stem[: -len(ending)]
    return stem


def _blocks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    with open_stream(path) as stream:
        while block := stream.bytes.read(_BLOCK):
            yield block
            if progress is not None:
                progress(stream.position, stream.size)


def _write(out: int, block: bytes, folder: Path) -> None:
    """Write a block if the disk will still have room behind it."""
    try:
        if shutil.disk_usage(folder).free < len(block) + _RESERVE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = memoryview(block)
        while view:
            view = view[os.write(out, view) :]
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> WorkbenchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkbenchError(
            str(folder), "has no space for the unpacked file", "free some, or set FTWB_CACHE to a larger disk",
            code="disk_full",
        )  # fmt: skip
    why = (error.strerror or str(error)).lower()
    return WorkbenchError(
        str(folder), f"cannot be written ({why})", "set FTWB_CACHE to a folder that can", code="cache"
    )
