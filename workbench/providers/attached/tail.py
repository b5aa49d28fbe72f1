"""Reading on in a file that somebody else is writing."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import WorkbenchError

CHUNK = 16 << 20
"""Bytes taken at one look: a first chart does not wait for the whole of a large file."""


def cannot_read(path: Path, error: OSError) -> WorkbenchError:
    """The sentence for a file that cannot be read."""
    why = (error.strerror or str(error)).lower()
    return WorkbenchError(str(path), f"cannot be read ({why})", "check the path and its permissions", code="unreadable")


class Tail:
    """Bytes of one file from where the last call stopped. A file that became shorter is read from its start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.restarted = False
        """The last call began again: the file was replaced."""

    def read(self, most: int = CHUNK) -> bytes:
        """What stands behind `offset`, which the caller moves on over what it understood."""
        try:
            with self.path.open("rb") as file:
                self.restarted = os.fstat(file.fileno()).st_size < self.offset
                if self.restarted:
                    self.offset = 0
                file.seek(self.offset)
                return file.read(most)
        except OSError as error:
            raise cannot_read(self.path, error) from error

    def lines(self) -> list[str]:
        """The whole lines that are new, ended by a line feed or, as progress bars do it, a carriage return."""
        data = self.read()
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end and len(data) == CHUNK:  # no text: pass over it instead of reading it for ever
            end = len(data)
        self.offset += end
        return data[:end].decode("utf-8", "replace").replace("\r", "\n").split("\n")[:-1]


def changed_at(paths: list[Path]) -> float:
    """The newest time of writing, 0 where there is none."""
    newest = 0.0
    for path in paths:
        try:
            newest = max(newest, path.stat().st_mtime)
        except OSError:
            continue
    return newest
