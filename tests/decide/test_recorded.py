"""What a recording says is shown, marked, and decides nothing."""

from __future__ import annotations

from datetime import date

import pytest

from tests.decide.made_runs import TASK, made_run, right
from tests.decide.test_verdict import BASELINES, FEW, KINDS, TRAINED, TUNED, ZERO
from workbench.catalog.figure import Figure, Origin
from workbench.decide.bill import request_of
from workbench.decide.breakeven import BreakEven, break_even
from workbench.decide.cost import CandidateCost, derive, per_month
from workbench.decide.decision import Decision
from workbench.decide.verdict import decide
from workbench.evaluate.results import RunResult

TODAY = date(2026, 11, 22)
PRICE = Figure.quoted(2.0, "USD per 1M tokens", "price list", "2026-03-01")


def judged(run: RunResult, trained: bool = True) -> Decision:
    training = TRAINED if trained else None
    return decide(run, task=TASK, candidates_kind=KINDS, today=TODAY, training=training)


def test_what_is_worked_out_from_a_recording_is_recorded() -> None:
    tokens = Figure.measured(100.0, "tokens", "run-1").replayed
    once = derive(1.0, "USD", "tokens x price", [tokens, PRICE])
    assert (once.origin, once.as_of) == (Origin.RECORDED, "2026-03-01")
    assert once.source == "recorded; tokens x price (run-1; price list)"
    assert derive(1.0, "USD", "twice", [once]).source == "recorded; twice (run-1; price list)"
    assert once.replayed == once
    assert derive(1.0, "USD", "sum", [tokens, Figure.not_measured("USD", "no price")]).origin is Origin.NOT_MEASURED
    assert derive(1.0, "USD", "tokens x price", [Figure.measured(1.0, "tokens"), PRICE]).origin is Origin.ESTIMATED


def test_one_recorded_cost_makes_the_month_and_the_break_even_recorded() -> None:
    def cost(per_1k: float, recorded: bool) -> CandidateCost:
        figure = Figure.estimated(per_1k, "USD/1k requests", "f")
        hosting = Figure.estimated(0.0, "USD/month", "by the token alone")
        return CandidateCost(per_1k=figure.replayed if recorded else figure, hosting_month=hosting)

    assert per_month(cost(2.0, True), 1_000).origin is Origin.RECORDED
    for recorded, origin in ((True, Origin.RECORDED), (False, Origin.ESTIMATED)):
        found = break_even(
            alternative=cost(2.0, False),
            tuned=cost(1.0, recorded),
            one_off=Figure.quoted(40.0, "USD", "the bill", None),
            today=TODAY,
        )
        assert isinstance(found, BreakEven)
        assert (found.origin, found.saving_per_1k.origin) == (origin, origin)


def test_tokens_and_seconds_of_a_recorded_row_are_recorded() -> None:
    run = made_run({ZERO: right(0.5), FEW: right(0.5)}, recorded=[ZERO])
    origins = [
        {one.origin for one in (request.prompt_tokens, request.completion_tokens, request.seconds)}
        for request in (request_of(row, run.run) for row in run.candidates)
    ]
    assert origins == [{Origin.RECORDED}, {Origin.MEASURED}]


def test_a_recorded_model_is_no_reason_to_fine_tune() -> None:
    scores = BASELINES | {TUNED: right(0.9, seed=6)}
    assert judged(made_run(scores)).verdict == "fine-tune"
    found = judged(made_run(scores, recorded=[TUNED]))
    assert found.verdict == "not-enough-evidence"
    (said,) = [reason.text for reason in found.reasons if reason.code == "recorded"]
    assert said.startswith(TUNED)
    assert all(TUNED not in gap.command for gap in found.missing if "--candidate" not in gap.command)


def test_a_recorded_baseline_is_no_reason_against_it_either() -> None:
    goal = TASK.model_copy(update={"goal": 0.5})
    scores = {ZERO: right(0.9), FEW: right(0.2)}
    common = {"task": goal, "candidates_kind": KINDS, "today": TODAY}
    assert decide(made_run(scores, task=goal), **common).verdict == "do-not-fine-tune"
    found = decide(made_run(scores, task=goal, recorded=[ZERO]), **common)
    assert found.verdict == "not-enough-evidence"
    assert "goal_not_met" in {reason.code for reason in found.reasons}, "the measured one does not meet it"


@pytest.mark.parametrize("recorded", [False, True])
def test_a_recorded_job_trained_nothing(recorded: bool) -> None:
    seconds = Figure.measured(300.0, "s", "job")
    facts = TRAINED.model_copy(
        update={"recorded": recorded, "seconds": seconds.replayed if recorded else seconds}
    )  # fmt: skip
    found = decide(made_run(BASELINES), task=TASK, candidates_kind=KINDS, today=TODAY, training=facts)
    assert found.stage == ("before-training" if recorded else "after-training")
    items = {item.id: item for item in found.checklist}
    assert items["tunability"].status == items["compute"].status == ("open" if recorded else "measured")
    kind = "recorded" if recorded else "measured"
    assert {one.kind for one in (*items["tunability"].evidence, *items["compute"].evidence)} <= {kind, "quoted"}


def test_ticks_rest_on_measured_rows_alone() -> None:
    run = made_run(BASELINES | {TUNED: right(0.9, seed=6)})
    recorded = made_run(BASELINES | {TUNED: right(0.9, seed=6)}, recorded=[*BASELINES, TUNED])
    questions = ("prompt-engineering", "rag", "quality")
    status = {item.id: item.status for item in judged(run).checklist}
    assert [status[one] for one in questions] == ["measured"] * 3
    items = {item.id: item for item in judged(recorded, trained=False).checklist}
    assert [items[one].status for one in questions] == ["open"] * 3
    assert {found.kind for one in questions for found in items[one].evidence} == {"recorded"}
