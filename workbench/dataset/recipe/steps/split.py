"""`split`: the last step: which side each record is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Step, StepRun
from workbench.dataset.split import SIDES, checked_fractions, split


class SplitStep(Step):
    """Train, validation and test by content and seed, near-duplicates on one side."""

    KIND: ClassVar[str] = "split"

    fractions: list[float]
    seed: int = 0
    stratify: bool = False
    """Spread every label (a short last answer) over the sides in the same proportion."""

    @property
    def title(self) -> str:
        """As `split 0.8, 0.1, 0.1`."""
        return f"split {', '.join(f'{part:g}' for part in self.fractions)}"

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The same records, each with its side."""
        from workbench.dataset.duplicates import groups

        checked_fractions(self.fractions)
        held = []
        for entry in entries:
            entry.settle()
            held.append(entry)
        run.seen = len(held)
        values = (_value(entry) for entry in held)
        labels = _labels(held, run) if self.stratify else None
        made = split([entry.digest for entry in held], self.fractions, self.seed, groups(values), labels=labels)
        for side in SIDES:
            for row in made.side(side):
                held[row].side = side
        run.touched = len(held)
        yield from held
