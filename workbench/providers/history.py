"""The events of a log, of which only those that are looked at are in memory: a training may report for weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from workbench.providers.event_log import Event, EventLog


class Ids:
    """Which events are known, by a hash of 64 bits: of a million, two are taken for one another once in 37 million."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, known: object) -> bool:
        return hash(known) in self._hashes

    def add(self, new: str) -> None:
        """From now on it is known."""
        self._hashes.add(hash(new))


class History(Sequence["Event"]):
    """The first `count` events that a log has given, oldest first; those that come later are not in it."""

    def __init__(self, log: EventLog, count: int) -> None:
        self._log, self._count = log, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self._log.event(at) for at in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._log.event(index % self._count)

    def __iter__(self) -> Iterator[Event]:
        return map(self._log.event, range(self._count))
