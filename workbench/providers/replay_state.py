"""What somebody made in a recording: remembered in a file, so that it goes on in the next process."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

_KINDS = ("jobs", "files", "uploads", "completions", "deployments", "faults")


class ReplayState:
    """Tables by kind and name; without a path they are gone with the object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._memory: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}

    def of(self, kind: str) -> dict[str, Any]:
        """All of a kind, by name."""
        return self._read()[kind]

    def keep(self, kind: str, name: str, value: Any) -> None:
        """Remember one, in place of an earlier one of that name; None forgets it."""
        state = self._read()
        state[kind][name] = value
        if value is None:
            del state[kind][name]
        self._write(state)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._path is None:
            return self._memory
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            found = None
        known = found if isinstance(found, dict) else {}
        return {kind: known[kind] if isinstance(known.get(kind), dict) else {} for kind in _KINDS}

    def _write(self, state: dict[str, dict[str, Any]]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._path.parent, prefix=".replay-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file)
            Path(draft).replace(self._path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkbenchError(str(self._path), f"cannot be written ({why})", "free some space") from error
