"""What the workers of the Evaluate screen report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.evaluate.results import RunResult
    from workbench.evaluate.runner import Progress
    from workbench.screens.dialogs.new_run import RunPlan
    from workbench.workflow.measure import RunQuote
    from workbench.workflow.quoting import Quote


class RunsRead(Message):
    """The project's runs, newest first."""

    def __init__(self, runs: Sequence[RunResult], show: str | None) -> None:
        super().__init__()
        self.runs = tuple(runs)
        self.show = show
        """The run to show; None: the one that is shown, else the newest."""


class Progressed(Message):
    """The run under way has come further."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Progressed)


class Fetching(Message):
    """The base model is on its way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Fetching)


class PriceTold(Message):
    """The run can cost money: nothing was asked yet."""

    def __init__(self, plan: RunPlan, quote: RunQuote) -> None:
        super().__init__()
        self.plan = plan
        self.quote = quote


class RunEnded(Message):
    """The run under way is over."""

    def __init__(self, run_id: str | None) -> None:
        super().__init__()
        self.run_id = run_id
        """None: it was stopped, or it failed."""


class TrainingPriceTold(Message):
    """Training a candidate with other seeds can cost money: nothing was created yet."""

    def __init__(self, plan: RunPlan, candidate: str, quote: Quote, trainings: int) -> None:
        super().__init__()
        self.plan = plan
        self.candidate = candidate
        self.quote = quote
        self.trainings = trainings
