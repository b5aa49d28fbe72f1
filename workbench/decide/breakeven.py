"""Break-even: from how many requests a month tuning pays, and by when at a given volume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict

from workbench.catalog.figure import Figure
from workbench.decide.cost import CandidateCost, lacking, number

DAYS_PER_MONTH = 365.25 / 12
HORIZON_MONTHS = 12.0
"""How long a training is given to pay for itself where no retirement is known."""
SPREAD = 0.2
"""The band: saving per request and one-off cost each 20 % off, both for the better and both for the worse."""


class BreakEven(BaseModel):
    """Where tuning begins to pay."""

    model_config = ConfigDict(extra="allow")

    requests_per_month: float
    """From this volume on, savings cover hosting and the one-off cost within `months`."""
    date: date | None
    """The day on which the savings have paid the one-off cost, at the volume that was asked about; None where no volume
    was given, or it is not reached before the model retires or is trained again."""
    band: tuple[float, float]
    """`requests_per_month` if saving and one-off cost are 20 % better, and 20 % worse."""
    bounded_by: str | None
    """The retirement of the tuned model, an ISO date, where that is what ends the horizon; else None."""
    months: float
    """The horizon: until the model retires or is trained again, else twelve months."""
    saving_per_1k: float
    one_off: float
    hosting_month: float
    """What the tuned model costs more to host a month; negative where it costs less."""
    asked: int | None = None
    """The volume that was asked about."""


@dataclass(frozen=True, slots=True)
class NoBreakEven:
    """There is none, and why: a cost that is not known, or no saving at any volume."""

    why: str
    known: bool
    """True where the costs are known and tuning never pays."""


def break_even(
    *,
    alternative: CandidateCost,
    tuned: CandidateCost,
    one_off: Figure,
    today: date,
    requests_per_month: int | None = None,
    retirement: date | None = None,
    retrain_months: float | None = None,
) -> BreakEven | NoBreakEven:
    """Work it out: volume = (hosting + one_off / months) / saving, and months to pay = one_off / (volume * saving -
    hosting), where saving is the alternative's cost of a request minus the tuned model's, and hosting the tuned
    model's minus the alternative's a month.
    """
    inputs = [alternative.per_1k, tuned.per_1k, alternative.hosting_month, tuned.hosting_month, one_off]
    if gap := lacking(inputs, "requests/month"):
        return NoBreakEven(gap.source or "a cost is not known", known=False)
    saving = (number(alternative.per_1k) - number(tuned.per_1k)) / 1_000
    hosting = number(tuned.hosting_month) - number(alternative.hosting_month)
    once = number(one_off)
    left = None if retirement is None else (retirement - today).days / DAYS_PER_MONTH
    if left is not None and left <= 0:
        return NoBreakEven(f"the model retired on {retirement}", known=True)
    limits = [limit for limit in (left, retrain_months) if limit is not None]
    months = min(limits) if limits else HORIZON_MONTHS
    if saving <= 0:
        return NoBreakEven("a request to the tuned model costs as much as one to the alternative, or more", known=True)

    def volume(better: float) -> float:
        return max(0.0, (hosting + once / better / months) / (saving * better))

    return BreakEven(
        requests_per_month=volume(1.0),
        date=_paid(today, once, requests_per_month, saving, hosting, months),
        band=(volume(1 + SPREAD), volume(1 - SPREAD)),
        bounded_by=retirement.isoformat() if retirement is not None and months == left else None,
        months=months,
        saving_per_1k=saving * 1_000,
        one_off=once,
        hosting_month=hosting,
        asked=requests_per_month,
    )


def _paid(today: date, once: float, requests: int | None, saving: float, hosting: float, months: float) -> date | None:
    if requests is None:
        return None
    gain = requests * saving - hosting
    if gain <= 0:
        return None
    needed = once / gain
    return today + timedelta(days=math.ceil(needed * DAYS_PER_MONTH)) if needed <= months else None
