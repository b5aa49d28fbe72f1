"""Latest wins: the newest value always arrives, and not all of the others."""

from __future__ import annotations

import threading

from workbench.widgets.pace import LOW_BANDWIDTH_HZ, NORMAL_HZ, Pace, updates_per_second


def test_a_burst_is_two_deliveries() -> None:
    """The first at once, the last when the time has come; nothing between."""
    seen: list[int] = []
    arrived = threading.Event()

    def deliver(value: int) -> None:
        seen.append(value)
        if value == 999:
            arrived.set()

    pace = Pace(deliver, hertz=5)
    for value in range(1000):
        pace.offer(value)
    assert arrived.wait(10)
    assert seen[0] == 0
    assert seen[-1] == 999
    assert len(seen) < 100


def test_flush_delivers_what_waits_once() -> None:
    """At the end nobody waits for a timer."""
    seen: list[str] = []
    pace = Pace(seen.append, hertz=0.001)
    pace.offer("first")
    pace.offer("second")
    pace.flush()
    pace.flush()
    assert seen == ["first", "second"]


def test_over_ssh_the_screen_changes_less_often() -> None:
    """One update a second in place of four."""
    assert updates_per_second({}) == NORMAL_HZ
    assert updates_per_second({"SSH_CONNECTION": "1.2.3.4 1 5.6.7.8 22"}) == LOW_BANDWIDTH_HZ
