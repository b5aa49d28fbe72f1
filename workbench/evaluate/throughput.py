"""How much of a server's time a call took, when several are in flight at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Call:
    """One call; `busy_s` is known once it ended."""

    model: str
    busy_s: float | None = None
    """Its share of the server's seconds; None where it may have waited for the model to be loaded, or failed."""


class Sharing:
    """Divides the seconds of one server among the calls in flight: two calls of one second that overlap wholly are half
    a second each. The shares of all calls add up to the time in which at least one was in flight.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._in_flight = 0
        self._at = 0.0
        self._each = 0.0
        """Seconds that a call which was always in flight would have got so far."""
        self._warm: set[str] = set()

    @contextmanager
    def call(self, model: str) -> Iterator[Call]:
        """One call to `model`, from sending it to its answer."""
        made = Call(model)
        warm = model in self._warm
        self._pass()
        self._in_flight += 1
        begun = self._each
        try:
            yield made
            self._warm.add(model)
        finally:
            self._pass()
            self._in_flight -= 1
        made.busy_s = self._each - begun if warm else None

    def _pass(self) -> None:
        now = self._now()
        if self._in_flight:
            self._each += (now - self._at) / self._in_flight
        self._at = now
