"""The time of recordings stands in a test's hand, and only there."""

from __future__ import annotations

import time

from workbench.providers import recordings
from workbench.testing import ReplayClock


def test_recordings_play_by_the_clock_and_by_the_world_s_afterwards() -> None:
    with ReplayClock(1_000.0) as clock:
        assert recordings.now() == 1_000.0
        clock.now += 3
        assert recordings.now() == 1_003.0
        with ReplayClock(5.0):
            assert recordings.now() == 5.0
        assert recordings.now() == 1_003.0
    assert abs(recordings.now() - time.time()) < 60
