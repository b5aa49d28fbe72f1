"""What is wrong with a run, by rules that are said with the finding: whoever reads one can disagree with it."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from workbench.workflow.follow import JobView

if TYPE_CHECKING:
    import numpy as np

Points = Sequence[tuple[int, float]]
Arrays: TypeAlias = "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]"

SPIKE_WINDOW: Final = 20
"""Reports that a spike is held against."""
SPIKE_TIMES: Final = 2.0
SPIKE_DEVIATIONS: Final = 6.0
SPIKE_LEAST: Final = 0.1
"""A spike is at least so much: a loss of 0.01 may triple between two batches."""
SPIKE_RECENT: Final = 100
"""Reports after which a spike is history."""
STALL_TIMES: Final = 10.0
STALL_LEAST_S: Final = 120.0
STALL_WINDOW: Final = 1000
"""Reports whose moments say what is usual."""
OVERFIT_RISES: Final = 2
OVERFIT_SHARE: Final = 0.1

_VALIDATION = ("full_valid_loss", "valid_loss")
"""The first that was read often enough counts: the whole validation side before a batch of it."""
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong, where it was seen, and by which rule."""

    name: str
    """`nan`, `spike`, `stall` or `overfit`."""
    step: int | None
    text: str
    """What was seen, in one sentence."""
    rule: str
    """When this alert is given."""
    advice: str = ""
    """What to do, where something can be done."""


def alerts(view: JobView, *, now: float | None = None) -> tuple[Alert, ...]:
    """What is wrong with a job as it was last seen, the worst first. Costs little, also for 100,000 points."""
    found = [*not_finite(view.series), *overfit(view.series), *spike(view.series.get("train_loss", ()))]
    if going_on(view):
        found += stall(view.times, time.time() if now is None else now)
    return tuple(found)


def going_on(view: JobView) -> bool:
    """Whether reports are to be expected."""
    return not view.ended and view.job.status in ("running", "quiet")


def not_finite(series: Mapping[str, Points]) -> Iterator[Alert]:
    """A loss or gradient norm that is NaN or infinite."""
    for name, points in series.items():
        if "loss" not in name and "grad_norm" not in name:
            continue
        if (first := _first_odd(points)) is not None:
            last = points[-1][1]
            state = "is still no number" if not math.isfinite(last) else f"is {last:.4g} again"
            yield Alert(
                "nan",
                first,
                f"{name} was no number at step {first:,} and {state}",
                "a loss or gradient norm that is NaN or infinite",
                "cancel it; train with a smaller learning rate, or look at the records of that step",
            )
            return


def overfit(series: Mapping[str, Points]) -> Iterator[Alert]:
    """The validation loss rises while the training loss falls: the model learns by heart."""
    found = (_finite_arrays(series[name]) for name in _VALIDATION if name in series)
    steps, values = next(((steps, values) for steps, values in found if len(values) > OVERFIT_RISES), (None, None))
    train = series.get("train_loss", ())
    if steps is None or values is None or not any(math.isfinite(value) for _, value in train):
        return
    at = int(values.argmin())
    best_step, best = int(steps[at]), float(values[at])
    last_step, last = int(steps[-1]), float(values[-1])
    tail = values[-OVERFIT_RISES - 1 :].tolist()
    rising = all(before < after for before, after in itertools.pairwise(tail))
    worse = last >= best + OVERFIT_SHARE * abs(best)
    # A reading that stays high after the rise is no recovery: Azure's published run ends on a plateau.
    if not worse or not (rising or min(tail) >= best + OVERFIT_SHARE * abs(best)) or best_step >= last_step:
        return
    if _mean_around(train, last_step) > _mean_around(train, best_step):
        return  # both rise: the run diverges, which is another alert
    yield Alert(
        "overfit",
        last_step,
        f"the validation loss is {(last - best) / abs(best) if best else 1:.0%} above its best of step {best_step:,} "
        f"({last:.4g}, it was {best:.4g}), while the training loss fell",
        f"the validation loss at least {OVERFIT_SHARE:.0%} above its best, rising {OVERFIT_RISES} readings in a row or "
        "staying there, while the training loss does not rise",
        f"stop early: use the checkpoint at or before step {best_step:,}; next time fewer epochs or a smaller rate",
    )


def spike(points: Points) -> Iterator[Alert]:
    """The newest jump of the training loss, as long as it is recent."""
    known = _finite(points[-SPIKE_RECENT - SPIKE_WINDOW :])
    for at in range(len(known) - 1, SPIKE_WINDOW - 1, -1):
        before = [value for _, value in known[at - SPIKE_WINDOW : at]]
        middle = statistics.median(before)
        spread = _MAD_TO_SIGMA * statistics.median(abs(value - middle) for value in before)
        step, value = known[at]
        limit = max(SPIKE_TIMES * middle, middle + SPIKE_DEVIATIONS * spread, middle + SPIKE_LEAST)
        if value > limit:
            yield Alert(
                "spike",
                step,
                f"the training loss jumped to {value:.4g} at step {step:,}; {middle:.4g} was usual",
                f"above {SPIKE_TIMES:g} times the median of the {SPIKE_WINDOW} reports before, above it by "
                f"{SPIKE_DEVIATIONS:g} deviations and by {SPIKE_LEAST:g}",
                "see whether it comes back; if not, a smaller learning rate or the records of that step",
            )
            return


def stall(times: Points, now: float) -> Iterator[Alert]:
    """Nothing was reported for far longer than usual."""
    # Reports of one moment are one: a file that was read at once says nothing about the pace of its run.
    recent = sorted({at for _, at in times[-STALL_WINDOW:]})[-SPIKE_WINDOW - 1 :]
    if len(recent) < 3:
        return
    usual = statistics.median(after - before for before, after in itertools.pairwise(recent))
    waited = now - max(recent)
    if waited > max(STALL_LEAST_S, STALL_TIMES * usual):
        yield Alert(
            "stall",
            times[-1][0],
            f"nothing was reported for {waited / 60:,.0f} min; {max(usual, 0):.3g} s between reports were usual",
            f"no report for {STALL_TIMES:g} times the usual gap, and for {STALL_LEAST_S / 60:g} min",
            "look at the machine or the provider; a long validation or a saved checkpoint can be the cause",
        )


def _finite(points: Points) -> list[tuple[int, float]]:
    return [point for point in points if math.isfinite(point[1])]


def _mean_around(points: Points, step: int) -> float:
    """The mean of the last few values up to a step: single batches are noise; of the first where there are none."""
    from bisect import bisect_right

    end = bisect_right(points, step, key=lambda point: point[0])
    before = (points[at][1] for at in range(end - 1, -1, -1))
    values = list(itertools.islice(filter(math.isfinite, before), 5))
    return statistics.fmean(values or [next(value for _, value in points if math.isfinite(value))])


def _first_odd(points: Points) -> int | None:
    """The first step whose value is no number."""
    import numpy as np

    steps, values = _arrays(points)
    odd = np.flatnonzero(~np.isfinite(values))
    return int(steps[odd[0]]) if len(odd) else None


def _finite_arrays(points: Points) -> Arrays:
    """Steps and values, where these are numbers."""
    import numpy as np

    steps, values = _arrays(points)
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def _arrays(points: Points) -> Arrays:
    """Steps and values: a hundred thousand are looked at with each report."""
    import numpy as np

    from workbench.providers.points import Points as Kept

    if isinstance(points, Kept):
        return points.arrays()
    return np.array([step for step, _ in points], np.int64), np.array([value for _, value in points], np.float64)
