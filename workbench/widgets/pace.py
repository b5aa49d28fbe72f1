"""Latest wins: however often something changes, the screen hears of it a few times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from workbench.terminal.bandwidth import is_low_bandwidth

T = TypeVar("T")

NORMAL_HZ = 4.0
LOW_BANDWIDTH_HZ = 1.0
TICK_S = 1.0
LOW_BANDWIDTH_TICK_S = 5.0


def updates_per_second(environ: Mapping[str, str]) -> float:
    """How often live parts of a screen may change here."""
    return LOW_BANDWIDTH_HZ if is_low_bandwidth(environ) else NORMAL_HZ


def tick_s(environ: Mapping[str, str]) -> float:
    """How often a countdown counts here, in seconds."""
    return LOW_BANDWIDTH_TICK_S if is_low_bandwidth(environ) else TICK_S


class Pace(Generic[T]):
    """Hands on the newest of many values, at most `hertz` times a second, the last one always.

    `offer` may be called from any thread; `deliver` is called from the offering thread or from a timer's.
    """

    def __init__(self, deliver: Callable[[T], object], hertz: float) -> None:
        self._deliver = deliver
        self._gap_s = 1.0 / hertz
        self._lock = threading.Lock()
        self._delivered_at = float("-inf")
        self._waiting: list[T] = []
        self._timer: threading.Timer | None = None

    def offer(self, value: T) -> None:
        """Deliver now if the last one is long enough ago, else when it is, unless a newer value comes."""
        with self._lock:
            left = self._delivered_at + self._gap_s - time.monotonic()
            if left > 0:
                self._waiting = [value]
                if self._timer is None:
                    self._timer = threading.Timer(left, self.flush)
                    self._timer.daemon = True
                    self._timer.start()
                return
            self._waiting = [value]
        self.flush()

    def flush(self) -> None:
        """Deliver what waits, now."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            waiting, self._waiting = self._waiting, []
            self._delivered_at = time.monotonic()
            for value in waiting:
                self._deliver(value)
