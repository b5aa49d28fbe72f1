"""What the workers of the Rescue screen report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.catalog.figure import Figure
    from workbench.errors import WorkbenchError
    from workbench.workflow.golden import Recorded
    from workbench.workflow.rescue import Inventory
    from workbench.workflow.retrain import Retraining
    from workbench.workflow.stored import Stored


class InventoryFound(Message):
    """A profile's fine-tuned models, and how each is trained again."""

    def __init__(self, profile: str, found: Inventory, again: Sequence[Retraining]) -> None:
        super().__init__()
        self.profile = profile
        self.found = found
        self.again = again


class Unasked(Message):
    """The profile cannot be asked."""

    def __init__(self, profile: str, error: WorkbenchError) -> None:
        super().__init__()
        self.profile = profile
        self.error = error


class Progressed(Message):
    """How far the work is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, Progressed)


class Saved(Message):
    """Everything that could be had is here."""

    def __init__(self, found: Inventory, again: Sequence[Retraining]) -> None:
        super().__init__()
        self.found = found
        self.again = again


class Priced(Message):
    """What recording would cost: calls and price by the models that are asked."""

    def __init__(self, path: Path, prices: Mapping[tuple[str, ...], tuple[int, Figure]]) -> None:
        super().__init__()
        self.path = path
        self.prices = prices


class AnswersRecorded(Message):
    """The answers are kept."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        super().__init__()
        self.recorded = recorded


class StoredWritten(Message):
    """Stored completions are a dataset."""

    def __init__(self, path: Path, records: int, stored: Sequence[Stored]) -> None:
        super().__init__()
        self.path = path
        self.records = records
        self.stored = stored
