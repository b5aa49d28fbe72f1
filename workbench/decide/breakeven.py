"""Break-even: from how many requests a month tuning pays, and by when at a given volume."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.catalog.figure import Figure, Origin
from workbench.decide.bill import TOKENS, Bill, measured_by
from workbench.decide.cost import CandidateCost, derive, lacking, number
from workbench.evaluate.results import CandidateResult

DAYS_PER_MONTH = 365.25 / 12
HORIZON_MONTHS = 12.0
"""How long a training is given to pay for itself where no retirement is known."""
SPREAD = 0.2
"""The bands: one thing after the other 20 % off, for the better and for the worse."""
MOST_MONTHS = 36
"""The costs of more months are not drawn."""
FORMULA = "(hosting + one-off cost / months) / saving of a request"

Day = date
"""Under a name that no field has."""

Changed = Literal["saving and one-off", "saving", "one-off", "prices", "tokens"]


class Sensitivity(BaseModel):
    """The break-even if one thing is otherwise than it is taken for."""

    changed: Changed
    """`prices`: of tokens, hosting, training, machine and power alike; `tokens`: those saved in a prompt."""
    by: float
    """-0.2 is 20 % less."""
    requests_per_month: float | None
    """None where it then never pays."""
    date: date | None


class MonthCost(BaseModel):
    """What both have cost by the end of a month, in US dollars."""

    month: int
    """From 0: the day of the decision."""
    alternative: float
    tuned: float


class BreakEven(BaseModel):
    """Where tuning begins to pay. All of it is estimated by `formula`, from figures that say where they come from."""

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
    saving_per_1k: Figure
    one_off: Figure
    hosting_month: Figure
    """What the tuned model costs more to host a month; negative where it costs less."""
    asked: int | None = None
    """The volume that was asked about."""
    origin: Origin = Origin.ESTIMATED
    formula: str = FORMULA
    tuned: str = ""
    """The candidates that are compared."""
    alternative: str = ""
    prompt_tokens_saved: Figure | None = None
    """In each prompt, by the run; None where tokens were not counted."""
    retires: Day | None = None
    retrain_months: float | None = None
    sensitivity: list[Sensitivity] = Field(default_factory=list)
    drawn_at: int = 0
    """Requests a month of `by_month`: those asked about, else the break-even volume."""
    by_month: list[MonthCost] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NoBreakEven:
    """There is none, and why: a cost that is not known, or no saving at any volume."""

    why: str
    known: bool
    """True where the costs are known and tuning never pays."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """The sum itself, in US dollars, requests and months."""

    saving: float
    """Of one request."""
    hosting: float
    once: float
    months: float
    requests: int | None
    today: date

    @property
    def volume(self) -> float | None:
        if self.saving <= 0:
            return None
        return max(0.0, (self.hosting + self.once / self.months) / self.saving)

    @property
    def paid(self) -> date | None:
        """The day on which the one-off cost is paid, within the horizon."""
        if self.requests is None:
            return None
        gain = self.requests * self.saving - self.hosting
        if gain <= 0:
            return None
        needed = self.once / gain
        return self.today + timedelta(days=math.ceil(needed * DAYS_PER_MONTH)) if needed <= self.months else None


def break_even(
    *,
    alternative: CandidateCost,
    tuned: CandidateCost,
    one_off: Figure,
    today: date,
    requests_per_month: int | None = None,
    retirement: date | None = None,
    retrain_months: float | None = None,
    tokens_saved: Figure | None = None,
    tokens_saving_1k: float | None = None,
    names: tuple[str, str] = ("", ""),
) -> BreakEven | NoBreakEven:
    """Work it out: volume = (hosting + one_off / months) / saving, and months to pay = one_off / (volume * saving -
    hosting), where saving is the alternative's cost of a request minus the tuned model's, and hosting the tuned
    model's minus the alternative's a month. What was spent on measuring the alternative is spent either way.

    `tokens_saving_1k` is the part of the saving that shorter prompts bring; `names` are alternative and tuned.
    """
    inputs = [alternative.per_1k, tuned.per_1k, alternative.hosting_month, tuned.hosting_month, one_off]
    if gap := lacking(inputs, "requests/month"):
        return NoBreakEven(gap.source or "a cost is not known", known=False)
    left = None if retirement is None else (retirement - today).days / DAYS_PER_MONTH
    if left is not None and left <= 0:
        return NoBreakEven(f"the model retired on {retirement}", known=True)
    limits = [limit for limit in (left, retrain_months) if limit is not None]
    months = min(limits) if limits else HORIZON_MONTHS
    saving_1k = number(alternative.per_1k) - number(tuned.per_1k)
    hosting = number(tuned.hosting_month) - number(alternative.hosting_month)
    plain = _Sum(saving_1k / 1_000, hosting, number(one_off), months, requests_per_month, today)
    if plain.volume is None:
        return NoBreakEven("a request to the tuned model costs as much as one to the alternative, or more", known=True)
    better, worse = _both(plain, 1 + SPREAD).volume, _both(plain, 1 - SPREAD).volume
    drawn_at = requests_per_month if requests_per_month is not None else math.ceil(plain.volume)
    priced = number(one_off) - number(tuned.data) if isinstance(tuned, Bill) else number(one_off)
    again = priced if isinstance(tuned, Bill) else number(one_off)
    return BreakEven(
        requests_per_month=plain.volume,
        origin=derive(plain.volume, "requests/month", FORMULA, inputs).origin,
        date=plain.paid,
        band=(better or 0.0, worse or 0.0),
        bounded_by=retirement.isoformat() if retirement is not None and months == left else None,
        months=months,
        saving_per_1k=derive(saving_1k, "USD", "alternative - tuned", [alternative.per_1k, tuned.per_1k]),
        one_off=one_off,
        hosting_month=derive(hosting, "USD", "tuned - alternative", [tuned.hosting_month, alternative.hosting_month]),
        asked=requests_per_month,
        alternative=names[0],
        tuned=names[1],
        prompt_tokens_saved=tokens_saved,
        retires=retirement,
        retrain_months=retrain_months,
        sensitivity=_sensitivity(plain, priced, None if tokens_saving_1k is None else tokens_saving_1k / 1_000),
        drawn_at=drawn_at,
        by_month=_by_month(plain, drawn_at, alternative, tuned, left, retrain_months, again),
    )


def tokens_saved(alternative: CandidateResult, tuned: CandidateResult, run: str | None) -> Figure | None:
    """Tokens of a prompt that the tuned model does not need, by the run; None where they were not counted."""
    if alternative.prompt_tokens_mean is None or tuned.prompt_tokens_mean is None:
        return None
    saved = alternative.prompt_tokens_mean - tuned.prompt_tokens_mean
    return measured_by(alternative if alternative.recorded else tuned, saved, TOKENS, run)


def _both(one: _Sum, better: float) -> _Sum:
    return replace(one, saving=one.saving * better, once=one.once / better)


def _sensitivity(plain: _Sum, priced: float, by_tokens: float | None) -> list[Sensitivity]:
    """Each thing 20 % less and 20 % more by itself; `priced` is the part of the one-off cost that follows prices, and
    `by_tokens` the part of a request's saving that follows the tokens saved."""
    found = []
    for by in (-SPREAD, SPREAD):
        cases: dict[Changed, _Sum] = {
            "saving": replace(plain, saving=plain.saving * (1 + by)),
            "one-off": replace(plain, once=plain.once * (1 + by)),
            "prices": replace(
                plain,
                saving=plain.saving * (1 + by),
                hosting=plain.hosting * (1 + by),
                once=plain.once + priced * by,
            ),
        }
        if by_tokens is not None:
            cases["tokens"] = replace(plain, saving=plain.saving + by_tokens * by)
        found += [
            Sensitivity(changed=name, by=by, requests_per_month=case.volume, date=case.paid if case.volume else None)
            for name, case in cases.items()
        ]
    found.sort(key=lambda one: ("saving", "one-off", "prices", "tokens").index(one.changed))
    for better in (1 + SPREAD, 1 - SPREAD):
        case = _both(plain, better)
        found.append(
            Sensitivity(
                changed="saving and one-off", by=better - 1, requests_per_month=case.volume, date=case.paid
            )
        )  # fmt: skip
    return found


def _by_month(
    plain: _Sum,
    requests: int,
    alternative: CandidateCost,
    tuned: CandidateCost,
    left: float | None,
    retrain_months: float | None,
    again: float,
) -> list[MonthCost]:
    """What both have cost by each month until the model retires, at most three years; re-training is paid again."""
    end = HORIZON_MONTHS if left is None else left
    if left is None and retrain_months is not None:
        end = max(end, retrain_months)

    def rate(cost: CandidateCost) -> float:
        return requests * number(cost.per_1k) / 1_000 + number(cost.hosting_month)

    months = min(MOST_MONTHS, max(1, math.ceil(end)))
    return [
        MonthCost(
            month=month,
            alternative=month * rate(alternative),
            tuned=plain.once + month * rate(tuned) + _trainings(month, months, retrain_months) * again,
        )
        for month in range(months + 1)
    ]


def _trainings(month: int, last: int, every: float | None) -> int:
    """How often it was trained again by then; at the very end nobody trains it again."""
    return 0 if every is None or every <= 0 else math.floor(min(month, last - 0.001) / every)
