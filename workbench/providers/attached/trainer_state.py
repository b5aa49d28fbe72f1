"""`trainer_state.json` of a Hugging Face trainer: written anew, as a whole, with each checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.providers.attached.reading import FINISHED, Reading, number, numbers
from workbench.providers.attached.tail import cannot_read, changed_at

NAME = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_PLACES = frozenset({"step", "total_flos"})


class TrainerState:
    """The newest state in a folder and its checkpoints, or one file."""

    kind = "trainer_state.json"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = False
        self._stamp: tuple[Path, int, int] | None = None
        self._told: set[tuple[int, tuple[tuple[str, float], ...]]] = set()

    def read_new(self) -> list[Reading]:
        """The log entries that were not there before."""
        path = self._newest()
        try:
            stat = path.stat()
            stamp = (path, stat.st_mtime_ns, stat.st_size)
            if stamp == self._stamp:
                return []
            text = path.read_bytes()
        except OSError as error:
            raise cannot_read(path, error) from error
        try:
            state = json.loads(text)
        except ValueError as error:
            why = "is no JSON, or is being written just now"
            raise WorkbenchError(str(path), why, "look again in a moment", code="unreadable") from error
        history = state.get("log_history") if isinstance(state, dict) else None
        if not isinstance(history, list):
            raise WorkbenchError(str(path), "has no log_history", "a trainer_state.json has one", code="unreadable")
        self._stamp = stamp
        total = state.get("max_steps")
        found = self._new(history, stat.st_mtime, total if isinstance(total, int) and total > 0 else None)
        ended = any(isinstance(row, dict) and FINISHED in row for row in history)
        at = state.get("global_step")
        self.finished = ended or bool(isinstance(total, int) and isinstance(at, int) and 0 < total <= at)
        return found

    def changed_at(self) -> float:
        """Of the newest state."""
        return changed_at([self._newest()])

    def _new(self, history: list[Any], at: float, total: int | None) -> list[Reading]:
        found = []
        for row in history:
            step = number(row.get("step")) if isinstance(row, dict) else None
            if step is None or step != step:
                continue
            values = {name: value for name, value in numbers(row).items() if name not in _PLACES}
            key = (int(step), tuple((name, value) for name, value in sorted(values.items()) if value == value))
            if values and key not in self._told:
                self._told.add(key)
                found.append(Reading(int(step), values, at, total))
        return found

    def _newest(self) -> Path:
        if self.path.is_file():
            return self.path
        states = states_in(self.path)
        return states[-1] if states else self.path / NAME


def states_in(folder: Path) -> list[Path]:
    """The states of a run's folder, the furthest last: that of the folder itself is written when the run is through."""
    found = []
    for state in folder.glob(f"checkpoint-*/{NAME}"):
        if place := _CHECKPOINT.fullmatch(state.parent.name):
            found.append((int(place[1]), state))
    states = [state for _, state in sorted(found)]
    whole = folder / NAME
    return [*states, whole] if whole.is_file() else states
