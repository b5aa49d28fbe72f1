"""What a person asked to be measured once a training has succeeded, and how far that is: one document a job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.workflow.context import Context
from workbench.workflow.job_records import job_folder

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.providers.lease import Lease

State = Literal["asked", "running", "done", "could-not", "dropped"]
"""`asked`: nobody is at it. `dropped`: there is no model to measure, or the person took it back."""
PENDING = frozenset({"asked", "running"})
INTERRUPTED = "was interrupted; it goes on when ftwb is open"


class Wish(BaseModel):
    """`jobs/<profile>/<id>/after/wish.toml`: written before the job is recorded, so that no recorded job lacks it."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    job: str = ""
    profile: str = ""
    project: str = ""
    """Whose task is measured, as it is when it is measured."""
    state: State = "asked"
    checkpoints: bool = False
    """The job's checkpoints are measured on the validation side first; the best of them goes to the test set."""
    questions: str | None = None
    """A file of questions of general ability in place of the bundled ones."""
    limit: int | None = None
    """The first so many items; None for all."""
    max_cost: float | None = None
    """US dollars that all of it may cost, all starts together. The person agreed to it."""
    asked_at: int = 0
    part: str = ""
    """What is measured now."""
    why: str = ""
    """Why it could not be done, was dropped, or still waits."""
    hint: str = ""
    notes: list[str] = Field(default_factory=list)
    """What else is to be known of it."""
    day: str | None = None
    """ISO date of its start: a hosted model is known by its name and this, also when it goes on another day."""
    validation_run: str | None = None
    run: str | None = None
    """On the test set. Runs are named before they begin: what was answered is found again by the name."""
    regression_run: str | None = None
    chosen: str | None = None
    """The candidate that went to the test set."""
    verdict: str | None = None
    ended_at: int | None = None

    @property
    def is_pending(self) -> bool:
        """Whether something is still to be done."""
        return self.state in PENDING


def wish_folder(context: Context, profile: str, job_id: str) -> Path:
    """Where it is kept, with the lock of whoever is at it."""
    return job_folder(context, profile, job_id) / "after"


def _document(context: Context, profile: str, job_id: str) -> str:
    return str((wish_folder(context, profile, job_id) / "wish.toml").relative_to(context.home))


def wish_of(context: Context, profile: str, job_id: str) -> Wish | None:
    """What was asked to follow a job; None where nothing was."""
    document = _document(context, profile, job_id)
    return context.store.read(document, Wish) if context.store.exists(document) else None


def ask(context: Context, job: Job, wish: Wish) -> Wish:
    """Keep what is asked to follow a job. The runs of the same wish that came to nothing go on."""
    names = {"job": job.id, "profile": job.profile, "asked_at": int(time.time())}

    def asked(before: Wish) -> Wish:
        kept: dict[str, Any] = {}
        if before.state in ("could-not", *PENDING) and _shape(before) == _shape(wish):
            kept = before.model_dump(include={"day", "validation_run", "run", "regression_run"})
        return wish.model_copy(update=kept | names)

    return context.store.update(_document(context, job.profile, job.id), Wish, asked)


def _shape(wish: Wish) -> tuple[object, ...]:
    """What makes its runs those that they are."""
    return wish.project, wish.checkpoints, wish.limit, wish.questions


def change(context: Context, wish: Wish, **changes: Any) -> Wish:
    """Keep what became of it."""
    document = _document(context, wish.profile, wish.job)
    return context.store.update(document, Wish, lambda now: now.model_copy(update=changes))


def drop(context: Context, wish: Wish, why: str) -> Wish:
    """It will not be done."""
    return change(context, wish, state="dropped", why=why, hint="", part="", ended_at=int(time.time()))


def lease_of(context: Context, wish: Wish) -> Lease:
    """The right to do it; it ends with the process that has it."""
    from workbench.providers.lease import Lease

    return Lease(wish_folder(context, wish.profile, wish.job))


def as_it_is(context: Context, wish: Wish) -> Wish:
    """The wish with the state `running` only where somebody is at it: a killed process cannot say that it is not."""
    if wish.state != "running":
        return wish
    lease = lease_of(context, wish)
    if not lease.take():
        return wish
    lease.release()
    return wish.model_copy(update={"state": "asked", "part": "", "why": INTERRUPTED})


def wishes(context: Context) -> list[Wish]:
    """All that was ever asked, the oldest first."""
    found = [context.store.read(name, Wish) for name in context.store.list("jobs/*/*/after/wish.toml")]
    return sorted(found, key=lambda wish: (wish.asked_at, wish.job))


def pending(context: Context) -> list[Wish]:
    """What is still to be done, the oldest first."""
    return [wish for wish in wishes(context) if wish.is_pending]


def in_words(wish: Wish) -> str:
    """How far it is, in one line."""
    match wish.state:
        case "asked":
            what = "measured, checkpoints first, " if wish.checkpoints else "measured "
            waits = f" ({wish.why})" if wish.why else ""
            return f"asked: {what}when the training has succeeded{waits}"
        case "running":
            return f"running: measuring {wish.part or 'the tuned model'}"
        case "done":
            notes = f" ({'; '.join(wish.notes)})" if wish.notes else ""
            verdict = (wish.verdict or "open").replace("-", " ")
            return f"done: the verdict is {verdict} ({wish.chosen} on the test set){notes}"
        case "could-not":
            return f"could not: {wish.why}" + (f"; {wish.hint}" if wish.hint else "")
    return f"dropped: {wish.why}"
