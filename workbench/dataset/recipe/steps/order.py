"""`order`: the records in another order, which their content decides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        key = self.key(run)
        there, keys = [], []
        for entry in entries:
            keys.append(key(entry))
            entry.settle()
            there.append(entry)
        run.seen = len(there)
        yield from (there[at] for at in self.ranked(keys))

    def ranked(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of the records in order, from what `key` says of each."""
        known = [at for at, key in enumerate(keys) if key is not None]
        known.sort(key=keys.__getitem__, reverse=self.descending)
        return known + [at for at, key in enumerate(keys) if key is None]

    def key(self, run: StepRun) -> Callable[[Entry], Any]:
        """What says of a record where it belongs; None: it cannot be said."""
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
