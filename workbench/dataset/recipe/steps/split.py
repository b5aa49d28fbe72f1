"""`split`: the last step: which side each record is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from workbench.dataset.recipe.entry import Entry, Raws
from workbench.dataset.recipe.steps.base import Step, StepRun
from workbench.dataset.rows import DecodeError
from workbench.dataset.split import SIDES, Split, checked_fractions, labels_of, split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        from workbench.dataset.duplicates import settled

        checked_fractions(self.fractions)
        held = []
        for entry in entries:
            entry.settle()
            held.append(entry)
        run.seen = len(held)
        labels = labels_of((_value(entry) for entry in held), run.format) if self.stratify else None
        keys = [entry.digest for entry in held]

        def tried(numbers: NDArray[np.int32]) -> Split:
            return split(keys, self.fractions, self.seed, numbers.tolist(), labels=labels)

        made = tried(settled(Raws(held), lambda numbers: tried(numbers).sides()))
        for side in SIDES:
            for row in made.side(side):
                held[row].side = side
        run.touched = len(held)
        yield from held


def _value(entry: Entry) -> object:
    """The decoded value, not kept; the error itself for a broken row, which is like no other."""
    try:
        return entry.value
    except DecodeError as error:
        return error
    finally:
        entry.settle()
