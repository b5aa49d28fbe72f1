"""`filter`: records that match a query are kept, or dropped."""

from __future__ import annotations

from typing import ClassVar

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, Drop, RecordStep, StepRun


class Filter(RecordStep):
    """Keeps the records that match, or with `keep` false those that do not."""

    KIND: ClassVar[str] = "filter"

    query: str
    """In the filter language of the record list."""
    keep: bool = True

    @property
    def title(self) -> str:
        """As `keep tokens<4096`."""
        return f"{'keep' if self.keep else 'drop'} {self.query}"

    def begin(self, run: StepRun) -> Act:
        """Look at one record after another."""
        matches = run.query(self.query)

        def act(entry: Entry) -> int | Drop:
            if matches(entry) == self.keep:
                return 0
            return Drop(f"filter: {'does not match' if self.keep else 'matches'} {self.query}")

        return act
