"""`clean`: one bulk fix of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import Field, PrivateAttr

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

    _placeholders: Placeholders = PrivateAttr(default_factory=Placeholders)

    @property
    def title(self) -> str:
        """As `clean html`."""
        return f"clean {self.fix}"

    @property
    def together(self) -> bool:
        """Placeholders that go through the file are numbered over all records."""
        return self.fix == PLACEHOLDERS and self.scope == "file"

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """As every step; with scope `file` they are all looked at first, for numbers that are taken already."""
        self._placeholders = Placeholders(self.scope, self.kinds)
        if self.together:
            held, inside = [], self.about(run)
            for entry in entries:
                if inside(entry):
                    self._placeholders.reserve(entry.raw.decode("utf-8", "replace"))
                entry.settle()
                held.append(entry)
            entries = held
        yield from super().apply(entries, run)

    def begin(self, run: StepRun) -> Act:
        """Clean one record after another."""
        cleaner = find_cleaner(self.fix)
        if cleaner is CLEANERS[PLACEHOLDERS]:
            return self._replace_by(self._placeholders, run)

        def act(entry: Entry) -> int:
            places = cleaner.record(entry.value, run.format, self.roles)
            if places:
                entry.put(entry.value)
            return places

        return act

    def _replace_by(self, placeholders: Placeholders, run: StepRun) -> Act:
        """The same for placeholders; numbers go on from record to record with scope `file`."""
        from workbench.dataset.scan import prefilter

        roles = frozenset(self.roles)

        def act(entry: Entry) -> int:
            raw = entry.raw
            if not prefilter(raw):
                return 0
            places = placeholders.replace(entry.value, run.format, roles)
            if places:
                entry.put(entry.value)
            return places

        return act
