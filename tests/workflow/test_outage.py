"""What is said while a provider is away."""

from __future__ import annotations

import time

import pytest

from workbench.providers.events import Outage
from workbench.workflow.outage import outage_text

SINCE = 1_790_000_000.0


@pytest.mark.parametrize(
    ("left", "later", "said"),
    [
        (12.4, 40.0, "offline since {hour}, next try in 12 s"),
        (0.0, 40.0, "offline since {hour}, trying now"),
        (-3.0, 40.0, "offline since {hour}, trying now"),
        (60.0, -5000.0, "offline since {hour}, next try in 60 s"),
        (60.0, 86400.0, "offline since {day}, next try in 60 s"),
    ],
)
def test_since_when_and_when_it_is_tried_again(left, later, said) -> None:
    """After a night the day is named; a clock that was set back changes nothing."""
    local = time.localtime(SINCE)
    wanted = said.format(hour=time.strftime("%H:%M", local), day=time.strftime("%a %H:%M", local))
    assert outage_text(Outage("offline", SINCE, 3, 60.0), left, now=SINCE + later) == wanted
