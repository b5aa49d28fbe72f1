"""`order`: the records in another order, which their content decides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from workbench.dataset.formats import RecordError, to_chat, tools_of
from workbench.dataset.recipe.entry import Entry
from workbench.dataset.recipe.steps.base import Step, StepRun
from workbench.dataset.rows import DecodeError


class Order(Step):
    """Sorts by a number, or shuffles by content and seed; equal records keep the order they have."""

    KIND: ClassVar[str] = "order"

    by: Literal["shuffle", "tokens", "turns", "size"]
    """`size` in bytes."""
    descending: bool = False
    seed: int = 0
    """Of a shuffle."""
    model: str = ""
    """Whose tokens; empty: the cookbook's."""

    @property
    def title(self) -> str:
        """As `sort by tokens`."""
        return "shuffle" if self.by == "shuffle" else f"sort by {self.by}"

    def apply(self, entries: Iterable[Entry], run: StepRun) -> Iterator[Entry]:
        """All records, in order; those that cannot be read or counted are last."""
        key = self._key(run)
        keyed: list[tuple[Any, Entry]] = []
        for entry in entries:
            keyed.append((key(entry), entry))
            entry.settle()
        run.seen = len(keyed)
        known = [one for one in keyed if one[0] is not None]
        known.sort(key=lambda one: one[0], reverse=self.descending)
        yield from (entry for _, entry in [*known, *(one for one in keyed if one[0] is None)])

    def _key(self, run: StepRun) -> Callable[[Entry], Any]:
        if self.by == "size":
            return lambda entry: len(entry.raw)
        if self.by == "shuffle":
            seed = str(self.seed).encode()[:64]
            return lambda entry: hashlib.blake2b(entry.digest.encode(), digest_size=16, key=seed).digest()
        counter = run.counter(self.model) if self.by == "tokens" else None

        def count(entry: Entry) -> int | None:
            try:
                messages = to_chat(entry.value, run.format)
                return len(messages) if counter is None else counter.messages(messages, tools_of(entry.value)).total
            except (DecodeError, RecordError):
                return None

        return count
