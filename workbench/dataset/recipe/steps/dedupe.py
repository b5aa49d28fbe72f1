"""`dedupe`: of records that are the same, the first stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from workbench.dataset.recipe.entry import Entry, Raws
from workbench.dataset.recipe.steps.base import Scoped, StepRun


class Dedupe(Scoped):
    """Drops copies: of the same content, or with `near` of nearly the same too."""

    KIND: ClassVar[str] = "dedupe"

    near: bool = False

    @property
    def title(self) -> str:
        """As `drop duplicates`."""
        return f"drop {'near-' * self.near}duplicates"

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """The first of each kind."""
        first: dict[object, Entry] = {}
        inside = self.about(run)
        for entry, kind in self._kinds(entries):
            if not inside(entry):
                yield entry
                continue
            run.seen += 1
            known = first.setdefault(kind, entry)
            if known is entry:
                yield entry
            else:
                where = f"line {known.line}" if known.line is not None else "an inserted record"
                run.drop(entry, f"{'nearly ' * self.near}the same as {where}")

    def _kinds(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, object]]:
        """Each record with what is equal for its copies."""
        if not self.near:
            for entry in entries:
                yield entry, bytes.fromhex(entry.digest)  # half the memory of the digits
            return
        from workbench.dataset.duplicates import groups

        held = []
        for entry in entries:
            entry.settle()
            held.append(entry)
        yield from zip(held, groups(Raws(held), by="record").tolist(), strict=True)
