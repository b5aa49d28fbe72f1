"""What watching a training costs: bytes on the connection, processor time and memory."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from tests.e2e.monitor_probe import monitor
from tests.e2e.test_terminal import environ  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WATCHED_S = 30.0
MOST_BYTES = 7_000
MOST_BYTES_LOW = 3_000
"""Bytes a second while a job reports once a second, one chart, 80×24."""

MOST_BYTES_AN_EVENT = 1_000
"""Memory: of an event its place in the log and its numbers are kept, some 200 bytes; the rest is how the heap grows."""
MOST_TIMES_THE_START = 1.6
"""Processor time of an event after four hours, in times of one at the start."""


@pytest.mark.parametrize(("low", "most"), [("0", MOST_BYTES), ("1", MOST_BYTES_LOW)])
def test_a_job_that_reports_every_second_is_cheap_to_watch(environ, tmp_path: Path, low: str, most: int) -> None:  # noqa: F811
    """Over SSH too; and nothing is written while it reports nothing."""
    with monitor(tmp_path / "home", environ, FTWB_LOW_BANDWIDTH=low) as watched:
        rate = watched.bytes_within(WATCHED_S, every_s=1.0) / WATCHED_S
        watched.terminal.until_quiet(3.0)
        idle = watched.bytes_within(25.0)
    print(f"low bandwidth {low}: {rate:,.0f} bytes/s at 1 Hz, {idle} bytes in 25 s without a report")
    assert rate <= most
    assert rate > 50, "it is not drawn at all"
    assert idle == 0


def test_a_long_training_costs_no_more_at_its_end(environ, tmp_path: Path) -> None:  # noqa: F811
    """Four hours of a report each second, fifty at once: an event takes hardly any memory, and hardly more time at
    the end than at the start."""
    every, batch, last = 1200, 50, 4 * 3600
    memory: list[float] = []
    cpu: list[float] = []
    with monitor(tmp_path / "home", environ, FTWB_LOW_BANDWIDTH="0") as watched:
        before = watched.cpu_s()
        for done in range(batch, last + 1, batch):
            watched.report(batch)
            watched.bytes_within(0.9)
            if done % every == 0:
                watched.seen()
                cpu.append((watched.cpu_s() - before) / every * 1e3)
                before = watched.cpu_s()
                memory.append(watched.process.memory_info().rss / 1e6)
    settled = memory[2:]
    slope = statistics.linear_regression(range(len(settled)), settled).slope / every * 1e6
    early, late = statistics.fmean(cpu[1:4]), statistics.fmean(cpu[-3:])
    print(
        f"RSS {memory[0]:.0f} → {memory[-1]:.0f} MB, {slope:,.0f} bytes an event; "
        f"CPU {early:.2f} → {late:.2f} ms an event, {sum(cpu) * every / 1e3:.0f} s in all"
    )
    assert slope <= MOST_BYTES_AN_EVENT
    assert late <= MOST_TIMES_THE_START * early
