"""What can go wrong with the workspace, said so that a person can act."""

from __future__ import annotations

import errno
from pathlib import Path

from workbench.errors import WorkbenchError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class BrokenDocument(WorkbenchError):
    """A file that is there and cannot be understood. It is never overwritten."""

    code = "broken_document"

    def __init__(self, path: Path, line: int | None, why: str, backup: Path | None) -> None:
        place = f"{path}, line {line}" if line else str(path)
        way_out = (
            f"repair it, or restore the last good copy: cp '{backup}' '{path}'" if backup else "repair or remove it"
        )
        super().__init__(place, why, f"{way_out} (nothing was overwritten)")
        self.path = path
        self.line = line
        self.backup = backup


class NewerDocument(WorkbenchError):
    """A file that a newer ftwb wrote: reading it could lose what that one knows."""

    code = "newer_document"

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            str(path),
            f"was written by a newer ftwb (schema {found}; this one knows up to {known})",
            "upgrade ftwb, or use another workspace with --workspace DIR",
        )


class WorkspaceLocked(WorkbenchError):
    """Somebody else held the workspace's lock for the whole waiting time."""

    code = "workspace_locked"


def unwritable(path: Path, error: OSError) -> WorkbenchError:
    """The sentence for a save that the operating system refused; the old file is as it was."""
    if error.errno in _FULL:
        return WorkbenchError(
            str(path),
            "cannot be saved, no space is left",
            "free some space; the old file is untouched",
            code="disk_full",
        )
    if error.errno in _READ_ONLY:
        return WorkbenchError(
            str(path),
            "cannot be saved, the workspace is read-only here",
            "make it writable, or use another one with --workspace DIR or FTWB_HOME",
            code="read_only",
        )
    if error.errno in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}:
        return WorkbenchError(
            str(path),
            "cannot be saved, a file is where a folder should be (or a folder where a file should be)",
            "move it away, or use another workspace with --workspace DIR or FTWB_HOME",
            code="not_a_folder",
        )
    return WorkbenchError(str(path), f"cannot be saved, {error.strerror or error}", "the old file is untouched")


def unreadable(path: Path, error: OSError) -> WorkbenchError:
    """The sentence for a file that is there and cannot be read."""
    return WorkbenchError(
        str(path),
        f"cannot be read, {(error.strerror or str(error)).lower()}",
        "check its permissions, or use another workspace with --workspace DIR or FTWB_HOME",
        code="unreadable",
    )
