"""`clean`: one bulk fix of texts."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from workbench.dataset.recipe.clean import CLEANERS, PLACEHOLDERS, Placeholders, Scope, find_cleaner
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Act, RecordStep, StepRun


class Clean(RecordStep):
    """A bulk fix by name, on the texts of some roles."""

    KIND: ClassVar[str] = "clean"

    fix: str
    """One of `recipe.clean.CLEANERS`."""
    roles: list[str] = Field(default_factory=list)
    """Whose texts; none: as the fix says."""
    scope: Scope = "record"
    """Placeholders: the same value has the same one within a record, or within the file."""
    kinds: list[str] = Field(default_factory=list)
    """Placeholders: only these kinds of hits (`email`) or groups (`secret`, `personal`)."""

    @property
    def title(self) -> str:
        """As `clean html`."""
        return f"clean {self.fix}"

    def begin(self, run: StepRun) -> Act:
        """Clean one record after another; numbers of placeholders go on from record to record with scope `file`."""
        cleaner = find_cleaner(self.fix)
        if cleaner is CLEANERS[PLACEHOLDERS]:
            placeholders = Placeholders(self.scope, self.kinds)
            roles = frozenset(self.roles)

            def act(entry: Entry) -> int:
                places = placeholders.replace(entry.value, run.format, roles)
                if places:
                    entry.put(entry.value)
                return places
        else:

            def act(entry: Entry) -> int:
                places = cleaner.record(entry.value, run.format, self.roles)
                if places:
                    entry.put(entry.value)
                return places

        return act
