"""What the workers of the Jobs screen report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.providers.jobs import Job
    from workbench.workflow.alerts import Alert
    from workbench.workflow.follow import JobView
    from workbench.workflow.job_diff import JobDiff
    from workbench.workflow.so_far import SoFar
    from workbench.workflow.train import JobAction, JobList
    from workbench.workflow.wish import Wish


class JobsListed(Message):
    """The jobs as they are now."""

    def __init__(self, listed: JobList, *, asked: bool) -> None:
        super().__init__()
        self.listed = listed
        self.asked = asked
        """False: only our own records were read so far."""


class JobChanged(Message):
    """The followed job has moved."""

    def __init__(self, view: JobView, alerts: tuple[Alert, ...] = (), so_far: SoFar | None = None) -> None:
        super().__init__()
        self.view = view
        self.alerts = alerts
        self.so_far = so_far
        """What it has trained and cost until now."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest view matters."""
        return isinstance(message, JobChanged)


class WishesRead(Message):
    """What was asked to follow jobs, by job id."""

    def __init__(self, wishes: Mapping[str, Wish]) -> None:
        super().__init__()
        self.wishes = wishes


class FollowFailed(Message):
    """The job cannot be followed now."""

    def __init__(self, job_id: str, why: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.why = why


class OtherSeen(Message):
    """A marked job as it is now."""

    def __init__(self, view: JobView) -> None:
        super().__init__()
        self.view = view


class Attached(Message):
    """A run that we did not start was taken up."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


class Detached(Message):
    """An attached run was forgotten."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id


class MachineSeen(Message):
    """How busy the machine is."""

    def __init__(self, parts: list[str]) -> None:
        super().__init__()
        self.parts = parts


class TableMade(Message):
    """All series as a table."""

    def __init__(self, columns: list[str], rows: list[list[float | int | None]]) -> None:
        super().__init__()
        self.columns = columns
        self.rows = rows


class CsvWritten(Message):
    """All series are in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class JobActed(Message):
    """A cancel, pause or resume went through."""

    def __init__(self, job: Job, action: JobAction) -> None:
        super().__init__()
        self.job = job
        self.action = action


class JobsCompared(Message):
    """What differs between two jobs."""

    def __init__(self, found: JobDiff) -> None:
        super().__init__()
        self.found = found


class LineageFound(Message):
    """What made a job's model."""

    def __init__(self, job_id: str, text: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.text = text
