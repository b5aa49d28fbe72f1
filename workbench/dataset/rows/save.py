"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import WorkbenchError


def write_atomically(out: Path, pieces: Iterable[bytes], *, mode_of: Path | None = None) -> None:
    """Write `pieces` to `out`: a temporary file beside it, fsync, rename, fsync of the folder.

    A symbolic link is followed, permissions are those of the file that is replaced, else of `mode_of`. Raises
    WorkbenchError with what was in the way; `out` is then as it was.
    """
    target = out.resolve()
    if target.is_dir():
        raise WorkbenchError(str(out), "is a directory", "name a file", code="is_directory")
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            os.fchmod(file.fileno(), _mode(target, mode_of))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise explained(out, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _mode(target: Path, mode_of: Path | None) -> int:
    for path in (target, mode_of):
        if path is not None and path.exists():
            return stat.S_IMODE(path.stat().st_mode)
    return 0o644


def sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def explained(out: Path, error: OSError) -> WorkbenchError:
    """The sentence for a file that the operating system would not let us write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return WorkbenchError(
            str(out), "there is no space left for it", "free some, or write elsewhere", code="disk_full"
        )
    if isinstance(error, FileNotFoundError):
        return WorkbenchError(str(out), "its folder does not exist", f"mkdir -p {out.parent}", code="not_found")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return WorkbenchError(str(out), "may not be written by you", "write elsewhere", code="no_permission")
    return WorkbenchError(str(out), f"cannot be written ({error.strerror or error})", "write elsewhere")
