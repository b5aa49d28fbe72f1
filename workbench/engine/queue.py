"""Moves jobs from state to state: one look at a job's folder says what comes next.

Nothing a job needs is kept in memory only, so an engine that was killed at any moment is continued by the next one:
it adopts trainers that run, finishes those that ended meanwhile, and resumes those that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.engine import finish
from workbench.engine.durable import is_disk_full
from workbench.engine.events import NewEvent
from workbench.engine.files import FileStore
from workbench.engine.identity import ProcessIdentity
from workbench.engine.jobs import WITH_TRAINER, JobFailure, JobFolder, JobStore, Launch, Status, Want
from workbench.engine.launchers import Launcher
from workbench.engine.progress import Progress
from workbench.errors import WorkbenchError

log = logging.getLogger(__name__)

RESUMES_WITHOUT_PROGRESS = 3
LOG_TAIL_LINES = 20
LEAST_FREE_BYTES = 4 << 20
"""A trainer that dies with less room than this died of a full disk and could not even say so."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How the queue behaves."""

    default_python: str
    training_at_once: int = 1
    tick_s: float = 0.25
    idle_tick_s: float = 5.0
    resume_delay_s: float = 2.0
    """Before the second resume without progress; doubled for the third."""
    cancel_grace_s: float = 3.0
    """From SIGTERM to SIGKILL where the result is not wanted any more."""


class Queue:
    """The jobs of one engine, and the loop that advances them."""

    def __init__(
        self,
        jobs: JobStore,
        files: FileStore,
        launcher: Launcher,
        validate: Callable[[JobFolder], Awaitable[None]],
        trainer_folder: Callable[[str], Path],
        options: QueueOptions,
        succeeded: Callable[[JobFolder, Progress], None] = lambda _job, _progress: None,
    ) -> None:
        self.jobs = jobs
        self.options = options
        self.draining = False
        """Set before the engine stops: nothing new is started."""
        self._files = files
        self._launcher = launcher
        self._validate = validate
        self._trainer_folder = trainer_folder
        self._succeeded = succeeded
        self._validations: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, Progress] = {}
        self._signalled: dict[str, tuple[Want, float]] = {}
        self._not_before: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._kick = asyncio.Event()
        self._ticked = asyncio.Condition()

    async def run(self) -> None:
        """Advance jobs until cancelled. Trainers run on."""
        try:
            while True:
                self._kick.clear()
                self.tick()
                async with self._ticked:
                    self._ticked.notify_all()
                busy = any(not job.record.terminal and job.record.status is not Status.PAUSED for job in self.jobs)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._kick.wait(), self.options.tick_s if busy else self.options.idle_tick_s)
        finally:
            for task in self._validations.values():
                task.cancel()
            await asyncio.gather(*self._validations.values(), return_exceptions=True)

    def kick(self) -> None:
        """Look now."""
        self._kick.set()

    async def settled(self, job: JobFolder, timeout_s: float, *states: Status) -> None:
        """Wait until a job is over or in one of `states`, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._ticked:
                await self._ticked.wait_for(lambda: job.record.terminal or job.record.status in states)

    def ask(self, job: JobFolder, want: Want) -> None:
        """Note what a person wants of an unfinished job; the loop does it. Raises OSError (a full disk)."""
        job.want = want
        status = job.record.status
        if want == "pause" and status is Status.RUNNING:
            job.update(status=Status.PAUSING)
        elif want == "run" and status is Status.PAUSING:
            job.update(status=Status.RUNNING)
        elif want == "run" and status is Status.PAUSED:
            job.events.append([NewEvent(f"unpaused:{job.record.pauses}", "Job resumed, moving it to queued state")])
            job.update(status=Status.QUEUED if job.record.prepared else Status.VALIDATING, deaths_without_progress=0)
        self.kick()

    def progress(self, job: JobFolder) -> Progress:
        """The numbers a job's trainer reported so far."""
        if job.record.id in self._progress:
            return self._progress[job.record.id]
        progress = Progress(job.path / "progress.jsonl")
        if job.record.status in WITH_TRAINER:
            self._progress[job.record.id] = progress  # to be read where its events are told
        else:
            progress.read()
        return progress

    def training(self) -> list[JobFolder]:
        """The jobs that hold a place."""
        return [job for job in self.jobs if job.record.status in WITH_TRAINER]

    def tick(self) -> None:
        """One look at every unfinished job."""
        unfinished = [job for job in self.jobs if not job.record.terminal]
        for job in sorted(unfinished, key=lambda job: job.record.status not in WITH_TRAINER):
            try:
                self._advance_or_fail(job)
            except OSError as error:
                self._no_room(job, error)

    def _advance_or_fail(self, job: JobFolder) -> None:
        """Advance one job; what goes wrong with it is its failure alone. Raises OSError only for a full disk."""
        try:
            self._advance(job)
        except JobFailure as failure:
            self._fail(job, failure)
        except WorkbenchError as error:
            self._fail(job, JobFailure(str(error), error.code))
        except OSError as error:
            if is_disk_full(error):
                raise
            self._fail(job, JobFailure(f"{error.filename}: {error.strerror}", "io_error"))
        except Exception as error:  # a mistake of ours must not stop the other jobs
            log.exception("job %s: the engine made a mistake", job.record.id)
            self._fail(job, JobFailure(f"the engine made a mistake ({type(error).__name__})", "engine_error"))

    def _no_room(self, job: JobFolder, error: OSError) -> None:
        """Nothing was half written; the same step is tried at each tick until there is room. Said once a minute."""
        if self._said.get(job.record.id, -60.0) + 60.0 <= time.monotonic():
            self._said[job.record.id] = time.monotonic()
            log.error("job %s: %s; free some space, it goes on by itself", job.record.id, error.strerror)

    def _advance(self, job: JobFolder) -> None:
        match job.record.status:
            case Status.VALIDATING:
                self._advance_validation(job)
            case Status.QUEUED:
                self._advance_queued(job)
            case Status.RUNNING | Status.PAUSING:
                self._advance_trainer(job)
            case _:
                if job.want == "cancel":
                    self._cancelled(job)

    def _advance_validation(self, job: JobFolder) -> None:
        want, task = job.want, self._validations.get(job.record.id)
        if want != "run":
            if task is not None and not task.done():
                task.cancel()
                return
            self._validations.pop(job.record.id, None)
            self._cancelled(job) if want == "cancel" else self._paused(job)
        elif task is None:
            if not self.draining and not self._validations:
                self._validations[job.record.id] = asyncio.create_task(self._validation(job))
        elif task.done():
            del self._validations[job.record.id]
            if not task.cancelled():
                task.result()
                job.events.append([NewEvent("validated", "Files validated, moving job to queued state")])
                job.update(status=Status.QUEUED)
                self.kick()

    async def _validation(self, job: JobFolder) -> None:
        try:
            await self._validate(job)
        finally:
            self.kick()

    def _advance_queued(self, job: JobFolder) -> None:
        want = job.want
        if want == "cancel":
            self._cancelled(job)
        elif want == "pause":
            self._paused(job)
        elif (
            not self.draining
            and len(self.training()) < self.options.training_at_once
            and self._not_before.get(job.record.id, 0.0) <= time.monotonic()
        ):
            self._launch(job)

    def _launch(self, job: JobFolder) -> None:
        """Start the trainer. Noted before and after, so that a kill between the two loses nothing."""
        code = job.path / "code"
        if not code.exists():
            fresh = job.path / ".code"
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(
                self._trainer_folder(job.record.method), fresh, ignore=shutil.ignore_patterns("__pycache__")
            )
            fresh.rename(code)
        launches = job.record.launches
        launch = Launch(number=len(launches) + 1, at=time.time(), from_step=max(job.checkpoints(), default=0))
        (job.path / "state.json").unlink(missing_ok=True)  # of the launch before: it must not speak for this one
        job.update(status=Status.RUNNING, launches=[*launches, launch])
        self._signalled.pop(job.record.id, None)
        started = self._launcher.start(job.path, job.record.trainer_python or self.options.default_python)
        log.info("job %s: trainer started, pid %s", job.record.id, started.pid if started else "?")
        if started is not None:
            noted = launch.model_copy(
                update={"pid": started.pid, "start": started.start, "boot_id": started.boot_id, "host": started.host}
            )
            job.update(launches=[*launches, noted])
        message = (
            "Fine-tuning job started" if launch.number == 1 else f"Fine-tuning job resumed from step {launch.from_step}"
        )
        job.events.append([NewEvent(f"started:{launch.number}", message)])
        finish.write_manifest(job, job.record)

    def _advance_trainer(self, job: JobFolder) -> None:
        launched = job.record.launches[-1].identity() if job.record.launches else None
        reported = _reported(job)
        alive = self._launcher.alive(job.path, launched, reported)  # asked first: the last lines are read after death
        progress = self.progress(job)
        try:
            job.events.append(progress.read())
        except OSError:
            self._progress.pop(job.record.id)  # its lines are read again: each is told once, by its key
            raise
        if not alive:
            self._ended(job, progress)
            return
        want = job.want
        if want == "run":
            if job.record.status is Status.PAUSING:  # killed between noting the wish to go on and the status
                job.update(status=Status.RUNNING)
            return
        signalled, at = self._signalled.get(job.record.id, ("run", 0.0))
        if signalled != want:
            self._launcher.stop(job.path, launched, reported)
            self._signalled[job.record.id] = (want, time.monotonic())
        elif want == "cancel" and time.monotonic() - at > self.options.cancel_grace_s:
            self._launcher.kill(job.path, launched, reported)

    def _ended(self, job: JobFolder, progress: Progress) -> None:
        """The trainer is gone: say what became of the job."""
        state, want = job.state(), job.want
        asked = self._signalled.pop(job.record.id, None)
        if want == "cancel":
            self._cancelled(job)
        elif state.get("exit") == "finished" and (job.path / "model").is_dir():
            finish.succeed(job, progress, self._files)
            self._succeeded(job, progress)
            self._progress.pop(job.record.id, None)
            log.info("job %s: succeeded", job.record.id)
        elif state.get("exit") == "failed":
            self._trainer_failed(job, state, progress)
        elif want == "pause":
            self._paused(job)
        elif asked is not None and state.get("exit") == "stopped":
            job.update(status=Status.QUEUED)  # paused, and resumed before it had stopped
            self.kick()
        else:
            self._died(job)

    def _trainer_failed(self, job: JobFolder, state: dict[str, object], progress: Progress) -> None:
        reported = state.get("error")
        told = reported if isinstance(reported, dict) else progress.error or {}
        message = str(told.get("message") or "the trainer failed")
        code = str(told.get("code") or "trainer_failed")
        if code == "disk_full" or "No space left on device" in message:
            self._paused_by_full_disk(job)
        else:
            self._fail(job, JobFailure(message, code))

    def _paused_by_full_disk(self, job: JobFolder) -> None:
        job.want = "pause"
        self._paused(job, "The disk is full: free some space, then resume the job. ")

    def _died(self, job: JobFolder) -> None:
        """Neither finished nor asked to stop: again from the last checkpoint, unless that leads nowhere."""
        record = job.record
        if shutil.disk_usage(job.path).free < LEAST_FREE_BYTES:
            self._paused_by_full_disk(job)
            return
        newest = max(job.checkpoints(), default=0)
        start = record.launches[-1].from_step if record.launches else 0
        deaths = 1 if newest > start else record.deaths_without_progress + 1
        if deaths > RESUMES_WITHOUT_PROGRESS:
            raise JobFailure(
                f"the trainer ended {deaths} times without getting further than step {newest}. The end of its log: "
                + (job.log_tail(LOG_TAIL_LINES) or "(empty)"),
                "trainer_died",
            )
        number = len(record.launches)
        job.events.append([NewEvent(f"died:{number}", "The trainer ended unexpectedly and is resumed", level="warn")])
        job.update(status=Status.QUEUED, deaths_without_progress=deaths)
        if deaths > 1:
            self._not_before[record.id] = time.monotonic() + self.options.resume_delay_s * 2 ** (deaths - 2)
        self.kick()

    def _paused(self, job: JobFolder, reason: str = "") -> None:
        step = max(job.checkpoints(), default=0)
        number = job.record.pauses + 1
        message = f"{reason}Fine-tuning job paused at step {step}"
        job.events.append([NewEvent(f"paused:{number}", message, level="error" if reason else "info")])
        job.update(status=Status.PAUSED, pauses=number)
        log.info("job %s: paused", job.record.id)

    def _cancelled(self, job: JobFolder) -> None:
        job.events.append([NewEvent("cancelled", "Fine-tuning job cancelled")])
        finish.close(job, status=Status.CANCELLED, finished=time.time())
        self._ended_for_good(job)

    def _fail(self, job: JobFolder, failure: JobFailure) -> None:
        self._validations.pop(job.record.id, None)
        job.events.append([NewEvent("failed", f"Fine-tuning job failed: {failure.error.message}", level="error")])
        finish.close(job, status=Status.FAILED, finished=time.time(), error=failure.error)
        self._ended_for_good(job)

    def _ended_for_good(self, job: JobFolder) -> None:
        self._progress.pop(job.record.id, None)
        log.info("job %s: %s", job.record.id, job.record.status)


def _reported(job: JobFolder) -> ProcessIdentity | None:
    """Who the trainer says it is, None before it has."""
    state = job.state()
    try:
        return ProcessIdentity(str(state["host"]), str(state["boot_id"]), int(state["pid"]), float(state["start"]))
    except (KeyError, TypeError, ValueError):
        return None
