"""A job's events: appended once each, however often an engine is killed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.engine.durable import LineTail, append_lines, text
from workbench.engine.ids import derived_id


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to log. `key` names its cause within the job (`log:35`): the same cause is logged once."""

    key: str
    message: str
    level: str = "info"
    data: Mapping[str, Any] = field(default_factory=dict)
    """Numbers of a metrics event; {} for a message."""
    at: float | None = None
    """Unix seconds; now where None."""

    def to_wire(self, job_id: str) -> dict[str, Any]:
        """As OpenAI shapes it. The id follows from job and key, so a repeated event is recognised."""
        return {
            "object": "fine_tuning.job.event",
            "id": derived_id("ftevent", job_id, self.key),
            "created_at": int(self.at if self.at is not None else time.time()),
            "level": self.level,
            "message": text(self.message),
            "type": "metrics" if self.data else "message",
            "data": dict(self.data),
        }


class EventLog:
    """events.jsonl: the engine alone appends; read once, then kept in memory."""

    def __init__(self, path: Path, job_id: str) -> None:
        self._path = path
        self._job_id = job_id
        self._events: dict[str, dict[str, Any]] | None = None

    def _loaded(self) -> dict[str, dict[str, Any]]:
        if self._events is None:
            self._events = {event["id"]: event for event in LineTail(self._path).read() if "id" in event}
        return self._events

    def all(self) -> list[dict[str, Any]]:
        """The events, oldest first."""
        return list(self._loaded().values())

    def append(self, events: Iterable[NewEvent]) -> None:
        """Append those that are not there yet. Raises OSError (a full disk), nothing then being appended."""
        known = self._loaded()
        fresh: dict[str, dict[str, Any]] = {}
        for event in events:
            wire = event.to_wire(self._job_id)
            if wire["id"] not in known:
                fresh.setdefault(wire["id"], wire)  # the first to say it stands
        if fresh:
            append_lines(self._path, fresh.values())
            known.update(fresh)
