"""What seeds and general ability add to a verdict."""

from __future__ import annotations

from tests.decide.made_runs import made_run, right
from workbench.decide.regression import regression_reason
from workbench.decide.seeds import seed_reason

BASE, TUNED = "local/starter", "local/ft:starter:local:x:1"


def test_general_ability_is_lost_kept_or_not_measured() -> None:
    worse = made_run({BASE: right(0.8, 64), TUNED: right(0.2, 64)})
    code, text = regression_reason(worse, f"{TUNED}+few-shot:3", BASE)
    assert code == "regression_worse" and f"{TUNED} against {BASE}: -0.59" in text
    same = made_run({BASE: right(0.5, 64), TUNED: right(0.5, 64)})
    assert regression_reason(same, TUNED, BASE)[0] == "regression_tied"
    for missing in (None, made_run({BASE: right(0.5, 64)})):
        assert regression_reason(missing, TUNED, BASE)[0] == "regression_not_measured"


def test_one_training_says_nothing_about_seeds() -> None:
    run = made_run({BASE: right(0.5, 64), TUNED: right(0.7, 64)})
    assert seed_reason(run, TUNED, run.candidates[0])[0] == "seeds_not_measured"
    assert seed_reason(None, TUNED, run.candidates[0])[0] == "seeds_not_measured"
