"""`dedupe`: of records that are the same, the first stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Step, StepRun


class Dedupe(Step):
    """Drops copies: of the same content, or with `near` of nearly the same too."""

    KIND: ClassVar[str] = "dedupe"

    near: bool = False

    @property
    def title(self) -> str:
        """As `drop duplicates`."""
        return f"drop {'near-' * self.near}duplicates"

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The first of each kind."""
        first: dict[str, Entry] = {}
        for entry in entries:
            run.seen += 1
            known = first.setdefault(entry.digest, entry)
            if known is entry:
                yield entry
            else:
                where = f"line {known.line}" if known.line is not None else "an inserted record"
                run.drop(entry, f"the same as {where}")
