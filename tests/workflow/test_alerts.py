"""Alerts: on a published run that overfits, and silence on one that does not."""

from __future__ import annotations

import math
import random

from workbench.providers.jobs import Job
from workbench.workflow.alerts import alerts, spike, stall
from workbench.workflow.follow import JobView

TRAIN = [0.170, 0.245, 0.074, 0.003, 0.010, 0.002]
FULL = [1.281, 1.379, 1.509, 1.655, 1.737, 1.754]
"""Azure's tutorial, steps 50 to 100: the training loss falls to nothing, the validation loss only rises."""


def view(series, times=(), status="running") -> JobView:
    """A job with these series."""
    job = Job(id="ftjob-1", profile="azure", model="gpt-4o-mini", status=status)
    return JobView(job=job, series=series, times=list(times))


def azure(readings: int) -> JobView:
    """The published run after so many readings."""
    steps = range(50, 50 + 10 * readings, 10)
    return view(
        {
            "train_loss": list(zip(steps, TRAIN, strict=False)),
            "full_valid_loss": list(zip(steps, FULL, strict=False)),
        }
    )


def test_azures_published_run_is_an_overfit_from_the_third_reading() -> None:
    """Two readings are no trend; from the third the best step and the rule are named."""
    assert alerts(azure(1)) == alerts(azure(2)) == ()
    for readings in range(3, 7):
        (found,) = alerts(azure(readings))
        assert found.name == "overfit"
        assert found.step == 40 + 10 * readings
        assert "above its best of step 50" in found.text
        assert "it was 1.281" in found.text
        assert "10% above its best" in found.rule
        assert "checkpoint at or before step 50" in found.advice
    assert "37% above" in found.text


def test_a_plateau_after_the_rise_is_still_an_overfit() -> None:
    """A validation loss that stopped rising did not get well."""
    series = dict(azure(6).series)
    series["full_valid_loss"] = [*series["full_valid_loss"], (110, 1.752)]
    series["train_loss"] = [*series["train_loss"], (110, 0.002)]
    assert [found.name for found in alerts(view(series))] == ["overfit"]


def test_a_run_that_goes_well_has_no_alert() -> None:
    """Noise of single batches is no spike, a validation loss that wobbles is no overfit."""
    rng = random.Random(7)
    train = [(step, 2.0 * math.exp(-step / 150) + 0.3 + rng.gauss(0, 0.08)) for step in range(1, 400)]
    valid = [(step, 2.1 * math.exp(-step / 150) + 0.4 + rng.gauss(0, 0.01)) for step in range(20, 400, 20)]
    for end in range(10, 400, 13):
        series = {"train_loss": train[:end], "valid_loss": [point for point in valid if point[0] <= end]}
        assert alerts(view(series)) == ()


def test_a_run_that_diverges_on_both_sides_is_no_overfit() -> None:
    """Then the training loss rises too."""
    steps = range(10, 60, 10)
    both = {"train_loss": [(s, s / 10) for s in steps], "valid_loss": [(s, s / 10 + 1) for s in steps]}
    assert "overfit" not in [found.name for found in alerts(view(both))]


def test_a_loss_that_is_no_number_is_said_once() -> None:
    """With its first step, whatever other series say."""
    nan = float("nan")
    found = alerts(view({"train_loss": [(1, 2.0), (2, nan), (3, nan)], "grad_norm": [(2, float("inf"))]}))
    assert [(one.name, one.step) for one in found] == [("nan", 2)]
    assert "is still no number" in found[0].text


def test_a_spike_is_seen_until_it_is_history() -> None:
    """One report far above twenty before it; a hundred reports later nobody needs it."""
    calm = [(step, 1.0 + 0.01 * (step % 3)) for step in range(1, 41)]
    points = [*calm, (41, 3.5)]
    (found,) = spike(points)
    assert found.step == 41
    assert "2 times the median of the 20 reports before" in found.rule
    later = [*points, *[(step, 1.0) for step in range(42, 250)]]
    assert list(spike(later)) == []
    assert list(spike([*calm, (41, 1.5)])) == []


def test_a_small_loss_may_triple() -> None:
    """From 0.01 to 0.03 between two batches is nothing."""
    assert list(spike([*[(step, 0.01) for step in range(40)], (41, 0.03)])) == []


def test_a_stall_is_held_against_the_usual_pace() -> None:
    """Slow reports are no stall; silence for ten of their gaps is. An ended job cannot stall."""
    fast = [(step, 1000.0 + 5 * step) for step in range(30)]
    slow = [(step, 1000.0 + 300 * step) for step in range(30)]
    assert list(stall(fast, fast[-1][1] + 100)) == []
    assert [found.name for found in stall(fast, fast[-1][1] + 130)] == ["stall"]
    assert list(stall(slow, slow[-1][1] + 2900)) == []
    assert alerts(view({}, fast, status="succeeded"), now=1e9) == ()
    assert [found.name for found in alerts(view({}, fast), now=1e9)] == ["stall"]


def test_a_file_that_was_read_at_once_says_nothing_about_a_pace() -> None:
    """Reports of one moment are one; those that follow one by one are told apart from it."""
    once = [(step, 1000.0) for step in range(200)]
    assert list(stall(once, 1e9)) == []
    live = [*once, *((step, 1000.0 + 5 * (step - 199)) for step in range(200, 230))]
    (found,) = stall(live, live[-1][1] + 600)
    assert "5 s between reports were usual" in found.text
