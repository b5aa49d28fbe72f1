"""What keeps the writer of a job's log from its provider, left beside the log for those who only read it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Note:
    """A try that failed, and when the next one is."""

    sentence: str
    what: str
    """The same in words that a status line has room for."""
    since: float
    tries: int
    next_at: float
    """Unix seconds, as `since`."""


class TroubleNote:
    """The file of one folder. Who holds its lease writes, and clears what a dead writer left."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".follow-trouble"
        self._there = True
        """It may be, until it was cleared once."""

    def leave(self, note: Note) -> None:
        """Put it there, whole or not at all."""
        self._there = True
        draft = self._path.with_suffix(".draft")
        with contextlib.suppress(OSError):  # a full disk is told by the log itself, which must be written
            draft.write_text(json.dumps(asdict(note)))
            draft.replace(self._path)

    def clear(self) -> None:
        """The provider answered."""
        if self._there:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._there = False

    def read(self) -> Note | None:
        """What the writer said last; None where nothing is in its way."""
        try:
            return Note(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
