"""Our own copy of a job's history: it outlives the provider, and every chart is drawn from it."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import math
import os
import uuid
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from workbench.errors import WorkbenchError
from workbench.providers.history import History, Ids
from workbench.providers.jobs import Job
from workbench.providers.lease import Lease


class Event(BaseModel):
    """One thing that happened to a job."""

    model_config = ConfigDict(extra="allow", ser_json_inf_nan="constants")

    id: str
    created_at: int = 0
    """Unix seconds by the provider's clock."""
    level: str = "info"
    type: str = "message"
    message: str = ""
    data: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> Event:
        """An event from a provider's JSON; one without an id gets one made of its content."""
        created = raw.get("created_at")
        content = json.dumps([raw.get(key) for key in ("created_at", "type", "message", "data")], default=str)
        return cls(
            id=str(raw.get("id") or f"made-{hashlib.sha256(content.encode()).hexdigest()[:24]}"),
            created_at=int(created) if isinstance(created, (int, float)) and math.isfinite(created) else 0,
            level=str(raw.get("level") or "info"),
            type=str(raw.get("type") or "message"),
            message=str(raw.get("message") or ""),
            data=dict(raw["data"]) if isinstance(raw.get("data"), Mapping) else {},
        )


READ_AT_ONCE = 2 << 20
"""Bytes of a history that are read before something is shown: some ten thousand events."""


@contextlib.contextmanager
def collecting_later() -> Iterator[None]:
    """Many new objects, none of them garbage: looking for it among them takes half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


_HELD = 500  # events that a list shows, and some more
_lists = TypeAdapter(list[Event])
_LINES = 500  # events that are read by one call, which takes two thirds of the time of one call each


def _read_lines(lines: Sequence[bytes]) -> Iterator[tuple[int, Event]]:
    """The events of those lines that have one, with the number of the line."""
    for at in range(0, len(lines), _LINES):
        part = lines[at : at + _LINES]
        try:
            events = _lists.validate_json(b"[" + b",".join(part) + b"]")
        except (ValueError, ValidationError):
            events = []
        if len(events) == len(part):  # else a line is broken, or has a comma where it should have ended
            yield from enumerate(events, at)
            continue
        for number, line in enumerate(part, at):
            with contextlib.suppress(ValueError, ValidationError):
                yield number, Event.model_validate_json(line)


class EventLog:
    """`events.jsonl` and `job.json` of one job in one folder.

    One writer at a time (`lease()`); readers follow with `read_new()`. Doubled events and a torn last line are passed
    over, so that a crash costs nothing. Of an event that was given, its place is kept and no more.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._events = folder / "events.jsonl"
        self._job = folder / "job.json"
        self._offset = 0
        self._places = array("q")
        """Where in the file the events begin that this object has read or written."""
        self._held: dict[int, Event] = {}
        """Those that were looked at last, by their number."""
        self.known = Ids()
        """The ids of these events."""

    def lease(self) -> Lease:
        """The right to write, to be taken."""
        return Lease(self.folder)

    def events(self) -> list[Event]:
        """The whole history, oldest first."""
        return EventLog(self.folder).read_new()

    def history(self, count: int) -> History:
        """The first `count` that this object has read or written; read from the disk where they are looked at."""
        return History(self, count)

    def event(self, number: int) -> Event:
        """One of these, by its number; a note in its place where the file does not have it any more."""
        held = self._held.pop(number, None) or self._read(number)
        self._held[number] = held
        if len(self._held) > _HELD:
            del self._held[next(iter(self._held))]
        return held

    def _read(self, number: int) -> Event:
        with contextlib.suppress(OSError, IndexError, ValueError, ValidationError), self._events.open("rb") as file:
            file.seek(self._places[number])
            return Event.model_validate_json(file.readline())
        return Event(id=f"gone-{number}", level="warning", message=f"cannot be read any more: see {self._events}")

    def read_new(self, most: int | None = None) -> list[Event]:
        """What was written since the last call, by whomever else; with `most`, about so many bytes of it, so that the
        first chart of a long history does not wait for all of it."""
        found: list[Event] = []
        try:
            with self._events.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = 0  # somebody replaced the file
                    self._places, self._held = array("q"), {}
                file.seek(self._offset)
                data = file.read(most)
                if most is not None and b"\n" not in data:
                    data += file.read()
        except FileNotFoundError:
            return found
        except OSError as error:
            raise WorkbenchError(str(self._events), "cannot be read", "check its permissions") from error
        whole = data.rfind(b"\n") + 1
        lines = data[:whole].split(b"\n")[:-1]
        ends = list(accumulate((len(line) + 1 for line in lines), initial=self._offset))
        self._offset += whole
        with collecting_later():
            for line, event in _read_lines(lines):
                if event.id not in self.known:
                    self.known.add(event.id)
                    found.append(event)
                elif len(self._places) == len(self.known):  # else it stands elsewhere, in a file that was replaced
                    continue
                self._places.append(ends[line])
        return found

    def append(self, events: Iterable[Event]) -> list[Event]:
        """Write what is new and return it when it is on the disk. Needs the lease, and `read_new()` before."""
        new = {event.id: event for event in events if event.id not in self.known}
        if not new:
            return []
        lines = [event.model_dump_json().encode() + b"\n" for event in new.values()]
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._events, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                start = self._write(handle, b"".join(lines))
            finally:
                os.close(handle)
        except OSError as error:
            raise WorkbenchError(
                str(self._events), f"cannot be written ({(error.strerror or str(error)).lower()})", "free some space"
            ) from error
        self._places.extend(accumulate((len(line) for line in lines[:-1]), initial=start))
        for event in new:
            self.known.add(event)
        return list(new.values())

    def job(self) -> Job | None:
        """The job as it was last seen."""
        try:
            return Job.model_validate_json(self._job.read_bytes())
        except (OSError, ValidationError):
            return None

    def save_job(self, job: Job) -> None:
        """Keep the job as it is now."""
        draft = self._job.with_name(f".job-{uuid.uuid4().hex}.tmp")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(job.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._job)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkbenchError(str(self._job), f"cannot be written ({why})", "free some space") from error
        finally:
            draft.unlink(missing_ok=True)

    def _write(self, handle: int, data: bytes) -> int:
        """After the last whole line: what stands behind it was torn by a killed writer. Returns where it begins."""
        start = self._offset + os.pread(handle, os.fstat(handle).st_size, self._offset).rfind(b"\n") + 1
        end = start
        try:
            os.ftruncate(handle, start)
            while data:
                written = os.pwrite(handle, data, end)
                data, end = data[written:], end + written
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, start)
            raise
        if start == self._offset:
            self._offset = end
        return start
