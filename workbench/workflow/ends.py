"""Noticing that a job has ended while a person is on another screen."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.errors import WorkbenchError
from workbench.workflow.context import Context

if TYPE_CHECKING:
    from workbench.providers.jobs import Job

log = logging.getLogger("workbench")

LOOK_S: Final = 5.0
"""Between two looks at our own records: a `stat` for each job."""
ASK_S: Final = 20.0
"""Between two questions to a provider about one job."""
LONGEST_ASK_S: Final = 300.0
"""The same while the provider does not answer."""
_RESTS: Final = frozenset({"paused"})
"""States that only a person ends; who ends one keeps a record of it."""


@dataclass(slots=True)
class _Going:
    """A job that had not ended when it was seen last."""

    job: Job
    ask_at: float
    pause_s: float = ASK_S


@dataclass(slots=True)
class Ends:
    """Looks again and again; each end of a recorded job is found once by each of these."""

    context: Context
    monotonic: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """What `job.json` was, by time and size, when it was read last."""
    _going: dict[Path, _Going] = field(default_factory=dict)

    async def look(self, *, ask: bool = True) -> list[Job]:
        """Jobs that have ended since the last look, or since somebody recorded them as going on.

        Reads our records; with `ask` the providers of those that go on are asked as well, each now and then. Starts no
        engine (a job that trains on this machine has one) and no key command (it may ask the person something).
        """
        ended = await asyncio.to_thread(self._read_records)
        if ask:
            for folder, going in list(self._going.items()):
                if going.job.status in _RESTS or self.monotonic() < going.ask_at:
                    continue
                job = await self._ask(going)
                if job is not None and job.ended:
                    del self._going[folder]
                    ended.append(job)
        return ended

    def _read_records(self) -> list[Job]:
        from workbench.providers.event_log import EventLog

        ended = []
        for path in (self.context.home / "jobs").glob("*/*/job.json"):
            try:
                stat = path.stat()
            except OSError:
                continue
            if self._seen.get(path) == (now := (stat.st_mtime_ns, stat.st_size)):
                continue
            self._seen[path] = now
            job, known = EventLog(path.parent).job(), self._going.get(path.parent)
            if job is None:
                continue
            if not job.ended:
                self._going[path.parent] = known or _Going(job, self.monotonic())
                self._going[path.parent].job = job
            elif known is not None:
                del self._going[path.parent]
                ended.append(job)
        for folder in [folder for folder in self._going if not (folder / "job.json").exists()]:
            del self._going[folder]  # an attached run that was removed
        return ended

    async def _ask(self, going: _Going) -> Job | None:
        """The job as its provider has it; None where it cannot be asked, which is tried again less and less often."""
        from workbench.workflow.follow import caught_up
        from workbench.workflow.train import ATTACHED

        job = going.job
        going.ask_at = self.monotonic() + going.pause_s
        profile = self.context.profiles().get(job.profile)
        if profile is not None and profile.kind == "local":
            status = await asyncio.to_thread(self.context.engine.status)
            if status.status != "running":
                return None
        elif job.profile != ATTACHED and (profile is None or profile.api_key_command):
            return None
        try:
            view = await caught_up(self.context, job.id)
        except WorkbenchError as error:
            log.info("%s: %s", job.id, error)
            view = None
        away = view is None or view.trouble is not None or view.job.status == "quiet"
        going.pause_s = min(going.pause_s * 2, LONGEST_ASK_S) if away else ASK_S
        going.ask_at = self.monotonic() + going.pause_s
        return view.job if view is not None else None
