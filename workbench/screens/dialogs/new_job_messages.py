"""What the workers of the form for a new job report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.errors import WorkbenchError
    from workbench.providers.jobs import Job
    from workbench.workflow.measure import RunQuote
    from workbench.workflow.quoting import Quote


class Quoted(Message):
    """What the job of the form would cost and use."""

    def __init__(self, quote: Quote) -> None:
        super().__init__()
        self.quote = quote


class AfterQuoted(Message):
    """What measuring the job's model would cost."""

    def __init__(self, after: RunQuote) -> None:
        super().__init__()
        self.after = after


class Refused(Message):
    """The job cannot be quoted or created as it is."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__()
        self.error = error


class Fetching(Message):
    """The base model, or the training file, is on its way."""

    def __init__(self, text: str, *, stoppable: bool = True) -> None:
        super().__init__()
        self.text = text
        self.stoppable = stoppable

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Fetching)


class MethodsFound(Message):
    """What the profile trains with."""

    def __init__(self, profile: str, methods: tuple[str, ...]) -> None:
        super().__init__()
        self.profile = profile
        self.methods = methods


class Created(Message):
    """The job exists."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
