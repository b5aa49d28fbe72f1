"""What is said while a provider cannot be asked: since when, and when the next try is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workbench.providers.events import Outage

SAME_DAY_S: Final = 20 * 3600
"""After so long an hour alone does not say which day's."""


def outage_text(outage: Outage, left_s: float, *, now: float) -> str:
    """One line for people, such as `offline since 14:02, next try in 12 s`; `left_s` of its pause are left."""
    form = "%H:%M" if abs(now - outage.since) < SAME_DAY_S else "%a %H:%M"
    soon = f"next try in {left_s:.0f} s" if left_s >= 0.5 else "trying now"
    return f"{outage.what} since {time.strftime(form, time.localtime(outage.since))}, {soon}"
