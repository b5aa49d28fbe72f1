"""The verdict, branch by branch."""

from __future__ import annotations

import json
import random
import shlex
from datetime import date
from typing import Any

import pytest

from tests.decide.made_runs import TASK, made_run, right
from workbench.catalog.figure import Figure
from workbench.catalog.models import Lifecycle
from workbench.decide.cost import PER_1K, PER_MONTH, CandidateCost
from workbench.decide.decision import Decision
from workbench.decide.verdict import TrainingFacts, decide
from workbench.evaluate.results import RunResult, SeedSpread

ZERO, FEW, RAG, TUNED = "local/starter", "local/starter+few-shot:5", "local/starter+rag:3", "local/ft:starter:local:x:1"
MAJORITY = "trivial/majority"
KINDS: dict[str, Any] = {ZERO: "untuned", FEW: "untuned", RAG: "untuned", TUNED: "tuned", MAJORITY: "trivial"}
TODAY = date(2026, 11, 22)
TRAINED = TrainingFacts(job="ftjob-1", status="succeeded", base=ZERO, records=320)


def judged(run: RunResult | None, **kwargs: Any) -> Decision:
    task = TASK.model_copy(update={"goal": kwargs.pop("goal", None)})
    return decide(run, **{"task": task, "candidates_kind": KINDS, "today": TODAY, **kwargs})


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def commands(decision: Decision) -> str:
    return "\n".join(gap.command for gap in decision.missing)


BASELINES = {ZERO: right(0.3, seed=1), FEW: right(0.5, seed=2), RAG: right(0.45, seed=3), MAJORITY: right(0.2, seed=4)}


def test_nothing_measured_asks_for_baselines() -> None:
    decision = judged(None)
    assert (decision.stage, decision.verdict) == ("before-training", "not-enough-evidence")
    assert f"--candidate {ZERO} --candidate {FEW}" in commands(decision)
    assert decision.break_even is None and decision.candidates == []


def test_before_training_nothing_can_be_recommended_and_the_next_step_is_training() -> None:
    decision = judged(made_run(BASELINES), goal=0.9)
    assert (decision.stage, decision.verdict) == ("before-training", "not-enough-evidence")
    assert {"goal_not_met", "before_training"} <= codes(decision)
    assert commands(decision) == (
        "ftwb job create --profile local --model starter --train train.jsonl --validation validation.jsonl --wait"
    )


def test_before_training_untried_alternatives_come_first() -> None:
    decision = judged(made_run({ZERO: BASELINES[ZERO]}))
    assert decision.verdict == "not-enough-evidence"
    first = decision.missing[0].command
    assert f"--candidate {FEW}" in first and f"--candidate {RAG}" in first
    assert "no_goal" in codes(decision)


@pytest.mark.parametrize("winner", [FEW, MAJORITY])
def test_an_untuned_candidate_that_meets_the_goal_ends_it_even_a_trivial_one(winner: str) -> None:
    run = made_run(BASELINES | {winner: right(0.92, seed=5)})
    decision = judged(run, goal=0.9)
    assert decision.verdict == "do-not-fine-tune"
    assert decision.missing == []
    (reason,) = [one for one in decision.reasons if one.code == "goal_met_untuned"]
    assert winner in reason.text and "0.920" in reason.text and "below the goal" in reason.text


def test_the_goal_ends_it_after_training_too() -> None:
    run = made_run(BASELINES | {FEW: right(0.92, seed=5), TUNED: right(1.0)})
    decision = judged(run, goal=0.9)
    assert (decision.stage, decision.verdict) == ("after-training", "do-not-fine-tune")


def test_a_goal_met_on_twelve_items_is_not_met_yet() -> None:
    run = made_run({ZERO: right(0.5, 12), FEW: right(0.92, 12)})
    decision = judged(run, goal=0.9)
    assert decision.verdict == "not-enough-evidence"
    assert "test_too_small" in codes(decision)
    assert "LARGER_TEST.jsonl" in commands(decision)


def test_items_that_were_left_out_are_asked_for_first() -> None:
    """A run with a limit needs no larger test set while its own has enough."""
    run = made_run({ZERO: right(0.5, 12), FEW: right(0.92, 12)})
    decision = judged(run.model_copy(update={"items_in_file": 150}), goal=0.9)
    assert "LARGER_TEST.jsonl" not in commands(decision)
    assert "all 150 items of the test set: 12 were measured" in [gap.what for gap in decision.missing]
    decision = judged(run.model_copy(update={"items_in_file": 20}), goal=0.9)
    assert "LARGER_TEST.jsonl" in commands(decision)


def test_better_than_the_best_alternative_is_fine_tune() -> None:
    decision = judged(made_run(BASELINES | {TUNED: right(0.8, seed=6)}), training=TRAINED)
    assert (decision.stage, decision.verdict) == ("after-training", "fine-tune")
    assert {"tuned_better", "seeds_not_measured"} <= codes(decision)
    assert FEW in next(one.text for one in decision.reasons if one.code == "tuned_better")
    run = made_run(BASELINES | {TUNED: right(0.8, seed=6), f"{TUNED}2": right(0.84, seed=8)})
    spread = SeedSpread(
        candidate=TUNED,
        siblings=[f"{TUNED}2"],
        seeds=[1, 2],
        scores=[0.8, 0.84],
        mean=0.82,
        sd=0.028,
        low=0.8,
        high=0.84,
    )
    run = run.model_copy(update={"seeds": [spread]})
    again = judged(run, training=TRAINED)
    assert "seeds_not_measured" not in codes(again)
    said = {one.code: one.text for one in again.reasons}
    assert "mean 0.820, standard deviation 0.028, 0.800 to 0.840; 2 of 2" in said["seeds_measured"]
    assert f"{TUNED} against" in said["tuned_better"], "the better sibling is not the one that is judged"


def test_better_than_zero_shot_alone_is_not_enough() -> None:
    """The best alternative is what counts, and here it is a trivial one."""
    run = made_run({ZERO: right(0.1, seed=1), MAJORITY: right(0.7, seed=2), TUNED: right(0.7, seed=2)})
    decision = judged(run, training=TRAINED)
    assert decision.verdict == "do-not-fine-tune"
    assert MAJORITY in decision.reasons[-1].text or any(MAJORITY in reason.text for reason in decision.reasons)


def test_random_labels_are_not_recommended() -> None:
    """A tuned model that learned the answer's format, on labels without meaning: it beats zero-shot, which does not
    know the format, by far, and is no better than guessing."""
    rng = random.Random(3)
    labels = [rng.randrange(4) for _ in range(300)]
    run = made_run(
        {
            ZERO: right(0.02, seed=1),
            FEW: right(0.15, seed=2),
            TUNED: [float(rng.randrange(4) == label) for label in labels],
            MAJORITY: [float(label == 0) for label in labels],
            "trivial/tfidf": [float(rng.randrange(4) == label) for label in labels],
        }
    )
    one = run.comparison(TUNED, ZERO)
    assert one is not None and one.verdict == "better", "else this test shows nothing"
    assert judged(run, training=TRAINED).verdict != "fine-tune"


def test_worse_is_do_not() -> None:
    decision = judged(made_run(BASELINES | {TUNED: right(0.2, seed=6)}), training=TRAINED)
    assert decision.verdict == "do-not-fine-tune"
    assert "tuned_worse" in codes(decision)


def test_tied_with_enough_items_is_do_not() -> None:
    near = [*BASELINES[FEW]]
    near[:12] = [1.0 - score for score in near[:12]]
    decision = judged(made_run(BASELINES | {TUNED: near}), training=TRAINED)
    assert decision.verdict == "do-not-fine-tune"
    assert {"tuned_tied", "no_break_even"} <= codes(decision)


def test_tied_where_ten_points_are_not_ruled_out_asks_for_items() -> None:
    run = made_run({ZERO: right(0.4, 60, 1), FEW: right(0.5, 60, 2), TUNED: right(0.6, 60, 3)})
    decision = judged(run, training=TRAINED)
    assert decision.verdict == "not-enough-evidence"
    assert "tied_underpowered" in codes(decision)
    assert "LARGER_TEST.jsonl" in commands(decision)


def test_twelve_items_are_too_few_however_great_the_difference() -> None:
    decision = judged(made_run({ZERO: right(0, 12), FEW: right(0, 12), TUNED: right(1, 12)}), training=TRAINED)
    assert decision.verdict == "not-enough-evidence"
    (reason,) = [one for one in decision.reasons if one.code == "test_too_small"]
    assert "12 items" in reason.text and "items are needed" in reason.text


@pytest.mark.parametrize(("exact", "near"), [(1, 0), (0, 1)])
def test_a_leak_blocks_every_verdict(exact: int, near: int) -> None:
    run = made_run(BASELINES | {FEW: right(0.95), TUNED: right(1.0)}, leaked=(exact, near))
    for goal in (None, 0.9):
        decision = judged(run, goal=goal, training=TRAINED)
        assert decision.verdict == "not-enough-evidence"
        assert codes(decision) == {"leak"}
        assert "ftwb dataset duplicates test.jsonl --against train.jsonl" in commands(decision)
    assert judged(run, leaks=0, training=TRAINED).verdict == "fine-tune", "what the caller knows counts"


def test_a_trained_model_that_was_not_measured_is_to_be_measured() -> None:
    decision = judged(made_run(BASELINES), training=TRAINED)
    assert (decision.stage, decision.verdict) == ("after-training", "not-enough-evidence")
    assert "tuned_not_measured" in codes(decision)
    named = TrainingFacts.model_validate(TRAINED.model_dump() | {"fine_tuned_model": "ft:starter:local:x:1"})
    assert f"--candidate {TUNED}" in commands(judged(made_run(BASELINES), training=named))


def test_a_tuned_model_without_baselines_proves_nothing() -> None:
    decision = judged(made_run({TUNED: right(0.9), MAJORITY: right(0.1)}), training=TRAINED)
    assert decision.verdict == "not-enough-evidence"
    assert f"--candidate {ZERO}" in commands(decision)


def test_too_many_failed_calls_leave_another_test_set() -> None:
    failing: list[float | None] = [*right(1.0)]
    failing[:60] = [None] * 60
    decision = judged(made_run(BASELINES | {TUNED: failing}), training=TRAINED)
    assert decision.verdict == "not-enough-evidence"
    assert "failed_items" in codes(decision)


def test_all_calls_failed_is_no_comparison() -> None:
    run = made_run(BASELINES | {TUNED: [None] * 300})
    decision = judged(run, training=TRAINED)
    assert (decision.stage, decision.verdict) == ("after-training", "not-enough-evidence")
    assert "tuned_not_measured" in codes(decision)


ENDED = Lifecycle(
    provider="openai",
    models=("gpt-x",),
    methods=("sft",),
    training_ends=date(2026, 1, 1),
    tuned_retires=date(2027, 10, 1),
    source="a page",
    as_of=date(2026, 11, 1),
)
OPEN = ENDED.model_copy(update={"training_ends": date(2027, 6, 1)})


def test_a_model_that_cannot_be_trained_any_more_is_not_recommended() -> None:
    run = made_run(BASELINES | {TUNED: right(0.8, seed=6)})
    decision = judged(run, training=TRAINED, lifecycle=ENDED)
    assert decision.verdict == "not-enough-evidence"
    assert "training_not_possible" in codes(decision)
    assert decision.missing[0].command == "ftwb model list"
    assert judged(run, training=TRAINED, lifecycle=OPEN).verdict == "fine-tune"
    before = judged(made_run(BASELINES), lifecycle=ENDED)
    assert "ftwb job create" not in commands(before) and "training_not_possible" in codes(before)


def cost(per_1k: float, hosting: float) -> CandidateCost:
    return CandidateCost(
        per_1k=Figure.quoted(per_1k, PER_1K, "list", "2026-11-01"),
        hosting_month=Figure.quoted(hosting, PER_MONTH, "list", "2026-11-01"),
    )


def tied(**kwargs: Any) -> Decision:
    near = [*BASELINES[FEW]]
    near[:12] = [1.0 - score for score in near[:12]]
    facts = TRAINED.model_copy(update={"cost": Figure.quoted(50.0, "USD", "list", None)})
    return judged(
        made_run(BASELINES | {TUNED: near}), training=facts, costs={FEW: cost(10, 0), TUNED: cost(2, 100)}, **kwargs
    )


def test_tied_and_cheaper_before_the_model_retires_is_fine_tune() -> None:
    decision = tied(requests_per_month=20_000, lifecycle=OPEN)
    assert decision.verdict == "fine-tune"
    assert "tied_but_cheaper" in codes(decision)
    assert decision.break_even is not None and decision.break_even.date is not None
    assert decision.break_even.bounded_by == "2027-10-01"


@pytest.mark.parametrize(("requests", "code"), [(None, "break_even_not_reached"), (5_000, "break_even_not_reached")])
def test_tied_and_not_paid_back_is_do_not(requests: int | None, code: str) -> None:
    decision = tied(requests_per_month=requests, lifecycle=OPEN)
    assert decision.verdict == "do-not-fine-tune"
    assert code in codes(decision)


def test_tied_and_cheaper_but_retired_too_soon_is_do_not() -> None:
    soon = OPEN.model_copy(update={"tuned_retires": date(2026, 12, 1)})
    assert tied(requests_per_month=20_000, lifecycle=soon).verdict == "do-not-fine-tune"


def test_where_a_trivial_answer_is_beaten_the_cost_is_held_against_the_best_model() -> None:
    """Few-shot is what somebody would do instead; a tie with the trivial one is held against it, and never pays."""
    costs = {FEW: cost(10, 0), TUNED: cost(2, 100), MAJORITY: cost(0, 0)}
    facts = TRAINED.model_copy(update={"cost": Figure.quoted(50.0, "USD", "list", None)})
    asked = {"training": facts, "costs": costs, "requests_per_month": 20_000}
    beaten = judged(made_run(BASELINES | {MAJORITY: right(0.55, seed=4), TUNED: right(0.9, seed=6)}), **asked)
    assert beaten.verdict == "fine-tune" and beaten.break_even is not None
    assert (beaten.break_even.alternative, beaten.break_even.tuned) == (FEW, TUNED)
    near = right(0.55, seed=4)
    near[:12] = [1.0 - score for score in near[:12]]
    equal = judged(made_run(BASELINES | {MAJORITY: right(0.55, seed=4), TUNED: near}), **asked)
    assert equal.break_even is None and equal.never_pays
    assert equal.verdict == "do-not-fine-tune"


def test_a_break_even_speaks_for_its_own_model_only() -> None:
    """Two tuned models tie with the best alternative; that one pays says nothing of the other."""
    other = "local/ft:starter:local:y:2"
    near = [*BASELINES[FEW]]
    near[:12] = [1.0 - score for score in near[:12]]
    nearer = [*near]
    nearer[nearer.index(0.0)] = 1.0
    facts = TRAINED.model_copy(update={"cost": Figure.quoted(50.0, "USD", "list", None)})
    decision = judged(
        made_run(BASELINES | {other: near, TUNED: nearer}),
        candidates_kind=KINDS | {other: "tuned"},
        training=facts,
        costs={FEW: cost(10, 0), TUNED: cost(2, 100), other: cost(90, 900)},
        requests_per_month=20_000,
    )
    assert decision.verdict == "fine-tune"
    paying = [one.text for one in decision.reasons if one.code == "tied_but_cheaper"]
    assert len(paying) == 1 and paying[0].startswith(TUNED)


def test_the_best_of_several_tuned_models_decides() -> None:
    other = "local/ft:starter:local:y:2"
    run = made_run(BASELINES | {TUNED: right(0.3, seed=6), other: right(0.8, seed=7)})
    decision = judged(run, candidates_kind=KINDS | {other: "tuned"}, training=TRAINED)
    assert decision.verdict == "fine-tune"
    assert other in next(one.text for one in decision.reasons if one.code == "tuned_better")


def test_the_json_keys_are_those_of_the_contract() -> None:
    decision = json.loads(tied(requests_per_month=20_000).model_dump_json())
    assert {"stage", "verdict", "reasons", "missing", "checklist", "candidates", "break_even"} <= decision.keys()
    assert {"requests_per_month", "date", "band", "bounded_by"} <= decision["break_even"].keys()
    assert set(decision["reasons"][0]) == {"code", "text"}
    assert {"id", "group", "question", "status", "evidence"} <= decision["checklist"][0].keys()
    gap = json.loads(judged(None).model_dump_json())["missing"][0]
    assert set(gap) == {"what", "command"}
    assert Decision.model_validate(decision).verdict == "fine-tune"


def test_commands_can_be_pasted_whatever_the_names_are() -> None:
    task = TASK.model_copy(
        update={"test": "my tests/a b.jsonl", "system": "Don't `guess`; $HOME", "scorer_args": {"pattern": "(a b)"}}
    )
    run = made_run({ZERO: right(0.4)}, task=task)
    for gap in judged(run, task=task).missing:
        words = shlex.split(gap.command)
        assert words[0] == "ftwb"
    words = shlex.split(judged(run, task=task).missing[0].command)
    assert words[words.index("--test") + 1] == "my tests/a b.jsonl"
    assert words[words.index("--system") + 1] == "Don't `guess`; $HOME"
    assert words[words.index("--scorer-arg") + 1] == "pattern=(a b)"


def test_equal_models_are_rarely_recommended() -> None:
    """200 studies in which tuning changed nothing: a recommendation in at most 2.5 %, so (binomial) up to 5 %."""
    rng = random.Random(9)
    wrong = 0
    for _ in range(200):
        hard = [rng.random() for _ in range(120)]
        run = made_run({name: [float(rng.random() < one) for one in hard] for name in (ZERO, FEW, TUNED)})
        wrong += judged(run, training=TRAINED).verdict == "fine-tune"
    assert wrong <= 10
