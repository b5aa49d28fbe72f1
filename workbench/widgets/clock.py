"""What time it is, for everything on screen that depends on it. Snapshot tests replace `now`."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since the epoch. Call it as `clock.now()`, so that a test can hold it still."""
    return time.time()
