"""The verdict: fine-tune, do not, or not enough evidence, with reasons, and with what would settle it.

It judges what was measured and nothing else. Before a tuned model was measured it can say *do not fine-tune*, when
something simpler is already good enough, but never *fine-tune*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from workbench.decide import commands
from workbench.decide.bill import Bill
from workbench.decide.breakeven import BreakEven
from workbench.decide.case import Case, facts_of
from workbench.decide.checklist import PersonAnswer, build
from workbench.decide.cost import CandidateCost
from workbench.decide.decision import Decision, JudgedCandidate, Kind, TrainingFacts, Verdict
from workbench.decide.evidence import gather
from workbench.decide.payback import work_out_break_even
from workbench.decide.regression import regression_reason
from workbench.decide.seeds import seed_reason
from workbench.evaluate.comparison import RELEVANT_GAIN
from workbench.evaluate.results import CandidateResult, Comparison, RunResult
from workbench.evaluate.statistics import MIN_ITEMS
from workbench.evaluate.task import TaskSpec

if TYPE_CHECKING:
    from workbench.catalog.models import Lifecycle

__all__ = ["Decision", "Kind", "TrainingFacts", "decide"]

MOST_FAILED = 0.10
"""If more of a comparison's items than this were not answered by both, what is left may be another test set."""


def decide(
    run: RunResult | None,
    *,
    task: TaskSpec,
    candidates_kind: Mapping[str, Kind],
    answers: Mapping[str, PersonAnswer] | None = None,
    requests_per_month: int | None = None,
    training: TrainingFacts | None = None,
    lifecycle: Lifecycle | None = None,
    leaks: int | None = None,
    costs: Mapping[str, CandidateCost] | None = None,
    retrain_months: float | None = None,
    regression: RunResult | None = None,
    today: date | None = None,
) -> Decision:
    """Judge the newest run of a task; `run` is None where nothing was measured.

    `candidates_kind` says of each candidate's text what it is (not named: trivial by its profile, else untuned).
    `leaks` is the number of test items found in training (default: what the run found). `costs` are candidates' running
    costs where hosting is known, or their whole bills; without them break-even is not worked out. `lifecycle` is that
    of the tuned model, None for a model of one's own, which nobody retires.
    """
    kinds: dict[str, Kind] = {**candidates_kind, **dict.fromkeys(run.siblings if run else (), "seed")}
    bills = {name: cost for name, cost in (costs or {}).items() if isinstance(cost, Bill)}
    rows = [
        JudgedCandidate.model_validate(
            row.model_dump() | {"kind": _kind(row.candidate, kinds), "costs": bills.get(row.candidate)}
        )
        for row in (run.candidates if run else [])
    ]
    found = (run.leaked_exact or 0) + (run.leaked_near or 0) if run else 0
    case = Case(
        run=run,
        task=run.task if run else task,
        rows=rows,
        training=training,
        lifecycle=lifecycle,
        leaks=found if leaks is None else leaks,
        regression=regression,
        today=today or date.today(),
        requests_per_month=requests_per_month,
    )
    case.task = case.task.model_copy(update={"goal": task.goal})
    work_out_break_even(case, costs or {}, retrain_months)
    verdict = _judge(case)
    evidence, settled = gather(facts_of(case))
    return Decision(
        stage=case.stage,
        verdict=verdict,
        reasons=case.reasons,
        missing=case.missing if verdict == "not-enough-evidence" else [],
        checklist=build(evidence, answers or {}, settled),
        candidates=rows,
        break_even=case.break_even,
        run=run.run if run else None,
        decided_on=case.today,
        no_break_even=case.no_break_even,
        never_pays=case.never_pays,
        requests_per_month=requests_per_month,
    )


def _kind(text: str, kinds: Mapping[str, Kind]) -> Kind:
    return kinds.get(text, "trivial" if text.startswith("trivial/") else "untuned")


def _judge(case: Case) -> Verdict:
    """The rules, in their order: leak, nothing measured, goal met without tuning, then the stage's own."""
    if case.leaks:
        case.say("leak", f"{case.leaks} test items are in the training data, exactly or nearly: no score here counts.")
        case.ask("a test set that training has not seen (this names the records)", commands.duplicates(case.task))
        return "not-enough-evidence"
    alternatives = case.of("trivial", "untuned")
    if recorded := [row.candidate for row in case.rows if row.recorded]:
        text = f"{', '.join(recorded)}: recorded answers of a replay, which measure nothing and settle nothing."
        case.say("recorded", text)
    if not case.of("untuned"):
        case.say("nothing_measured", "No untuned model was measured on this task.")
        case.ask("the baselines", commands.evaluate(case.task, [case.base, case.base + commands.FEW_SHOT, *case.asked]))
    if not alternatives:
        return "not-enough-evidence"
    if (settled := _goal(case, alternatives[0])) is not None:
        return settled
    if case.stage == "before-training":
        return _before(case, alternatives[0])
    if not case.of("tuned"):
        case.say("tuned_not_measured", "A model was trained and not measured on this task.")
        case.ask("the tuned model on the same items", commands.evaluate(case.task, [*case.asked, _tuned_name(case)]))
        return "not-enough-evidence"
    if not case.of("untuned"):
        return "not-enough-evidence"
    return _after(case, alternatives[0])


def _goal(case: Case, best: JudgedCandidate) -> Verdict | None:
    """Whether something untuned is good enough: by its score, which a test set too small for that does not settle."""
    goal = case.task.goal
    if goal is None:
        return None
    if best.score is None or best.score < goal:
        case.say("goal_not_met", f"No untuned candidate meets the goal of {goal:.3g}; the best is {_scored(best)}.")
        return None
    low = best.ci95[0] if best.ci95 else 0.0
    if best.n < MIN_ITEMS and low < goal:
        text = (
            f"{_scored(best)} meets the goal of {goal:.3g}, but {best.n} items cannot show it: {MIN_ITEMS} or more can."
        )
        case.say("test_too_small", text)
        _ask_for_items(case, MIN_ITEMS, best.n)
        return "not-enough-evidence"
    sure = "all of it is at the goal or above" if low >= goal else "its lower end is below the goal"
    case.say(
        "goal_met_untuned", f"{_scored(best)} meets the goal of {goal:.3g} without tuning; of the interval, {sure}."
    )
    return "do-not-fine-tune"


def _before(case: Case, best: JudgedCandidate) -> Verdict:
    case.say("before_training", f"No tuned model was measured. The one to beat is {_scored(best)}.")
    if case.task.goal is None:
        case.say("no_goal", "No goal score is set; with one, something untuned might already be good enough.")
    if best.n < MIN_ITEMS:
        case.say("test_too_small", f"{best.n} test items are too few for an interval to be trusted.")
        _ask_for_items(case, MIN_ITEMS, best.n)
    untried = [
        technique
        for technique, marks in ((commands.FEW_SHOT, ("+few-shot:", "+prompt:")), (commands.RAG, ("+rag:",)))
        if not any(mark in row.candidate for row in case.of("untuned") for mark in marks)
    ]
    if untried and (case.task.train or case.task.docs):
        what = "alternatives that were not tried: " + " and ".join(
            {commands.FEW_SHOT: "a better prompt with examples", commands.RAG: "retrieval"}[one] for one in untried
        )
        case.ask(what, commands.evaluate(case.task, [*case.asked, *(case.base + one for one in untried)]))
    if _trainable(case):
        case.ask("a tuned model, to be measured on the same items", commands.train(case.task, case.base))
    return "not-enough-evidence"


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one tuned candidate's comparison with the best alternative comes to."""

    kind: Literal["better", "pays", "no", "open"]
    tuned: JudgedCandidate
    comparison: Comparison | None


def _after(case: Case, best: JudgedCandidate) -> Verdict:
    findings = [_weigh(case, tuned, best) for tuned in case.of("tuned")]
    order = ("better", "pays", "open", "no")
    winner = min(findings, key=lambda finding: order.index(finding.kind))
    for finding in findings:
        if finding.kind in (winner.kind, "open") or len(findings) <= 3:
            _explain(case, finding, best)
    if winner.kind in ("better", "pays"):
        if not _trainable(case):
            return "not-enough-evidence"
        case.say(*seed_reason(case.run, winner.tuned.candidate, best))
        case.say(*regression_reason(case.regression, winner.tuned.candidate, case.base))
        return "fine-tune"
    return "do-not-fine-tune" if winner.kind == "no" else "not-enough-evidence"


def _weigh(case: Case, tuned: JudgedCandidate, best: JudgedCandidate) -> _Finding:
    one = case.run.comparison(tuned.candidate, best.candidate) if case.run else None
    if one is None or one.ci95 is None or _failed(one) > MOST_FAILED or one.units < MIN_ITEMS:
        return _Finding("open", tuned, one)
    if one.verdict == "better":
        return _Finding("open" if one.underpowered else "better", tuned, one)
    if one.verdict == "worse":
        return _Finding("open" if one.underpowered else "no", tuned, one)
    # A tie says something only as far as its interval reaches. Where little varies (then the comparison is called
    # underpowered) the interval is a safe one, so that it may be read here all the same.
    loses_at_most, gains_at_most = -one.ci95[0], one.ci95[1]
    pays = case.break_even is not None and case.break_even.date is not None and (
        (case.break_even.alternative, case.break_even.tuned) == (best.candidate, tuned.candidate)
    )  # fmt: skip
    if pays and loses_at_most < RELEVANT_GAIN:
        return _Finding("pays", tuned, one)
    return _Finding("no" if gains_at_most < RELEVANT_GAIN else "open", tuned, one)


def _explain(case: Case, finding: _Finding, best: JudgedCandidate) -> None:
    """Say what was found, and ask for what is missing where it is open."""
    tuned, one = finding.tuned, finding.comparison
    against = f"{tuned.candidate} against the best alternative {best.candidate}"
    if one is None or one.difference is None or one.ci95 is None:
        case.say("not_compared", f"{against}: no item was answered by both.")
        case.ask("both candidates on the same items", commands.evaluate(case.task, case.asked))
        return
    low, high = one.ci_corrected or one.ci95
    shown = f"{against}: {one.difference:+.3f}, {low:+.3f} to {high:+.3f} after correction, {one.n} items"
    for other in one.differences:
        case.say("unlike", f"{against}: they do not share everything, {other}.")
    if _failed(one) > MOST_FAILED:
        case.say("failed_items", f"{shown}; {one.left_out} items were not answered by both.")
        case.ask("the calls that failed, again", commands.evaluate(case.task, case.asked))
        return
    if one.units < MIN_ITEMS or (finding.kind == "open" and one.verdict != "tied"):
        needed = one.items_needed or MIN_ITEMS
        case.say("test_too_small", f"{shown}: too few for that to be trusted. About {needed} items are needed.")
        _ask_for_items(case, needed, one.n)
        return
    if finding.kind == "open":
        needed = max(one.items_needed or MIN_ITEMS, one.n + 1)
        case.say("tied_underpowered", f"{shown}: tied, and yet a gain of ten points is not ruled out.")
        _ask_for_items(case, needed, one.n)
        return
    if finding.kind == "better":
        case.say("tuned_better", f"{shown}: better, the interval lies above 0.")
    elif finding.kind == "pays" and case.break_even is not None:
        until = f", before the model retires on {case.break_even.bounded_by}" if case.break_even.bounded_by else ""
        case.say("tied_but_cheaper", f"{shown}: tied, and it has paid for itself by {case.break_even.date}{until}.")
    elif one.verdict == "worse":
        case.say("tuned_worse", f"{shown}: worse.")
    else:
        case.say("tuned_tied", f"{shown}: tied, and a gain of ten points is ruled out.")
        if case.break_even is None:
            case.say("no_break_even", f"Break-even is not worked out: {case.no_break_even}.")
        elif case.break_even.date is None:
            case.say("break_even_not_reached", _not_reached(case.break_even))


def _not_reached(one: BreakEven) -> str:
    volume = f"It would pay from about {one.requests_per_month:,.0f} requests a month"
    if one.asked is None:
        return f"{volume}; how many there are was not said (--requests-per-month)."
    return f"{volume}; at {one.asked:,} it does not, within {one.months:.1f} months."


def _trainable(case: Case) -> bool:
    """Whether training is still possible; says so and asks for another base where it is not."""
    if case.lifecycle is None or case.lifecycle.trainable(case.today) is not False:
        return True
    ended = f" since {case.lifecycle.training_ends}" if case.lifecycle.training_ends else ""
    case.say("training_not_possible", f"{', '.join(case.lifecycle.models)} cannot be trained{ended}.")
    case.ask("a base model that can still be trained", "ftwb model list")
    return False


def _ask_for_items(case: Case, needed: int, have: int) -> None:
    """Ask for more items: those of the test set that the run left out, where they are enough."""
    asked, there = case.asked or [case.base], case.run.items_in_file if case.run is not None else None
    if there is not None and case.run is not None and there > case.run.items and there >= needed:
        case.ask(f"all {there} items of the test set: {have} were measured", commands.evaluate(case.task, asked))
        return
    what = f"a test set of about {needed} items instead of {have}, none of them in training"
    case.ask(what, commands.evaluate(case.task, asked, test="LARGER_TEST.jsonl"))


def _tuned_name(case: Case) -> str:
    profile = case.base.partition("/")[0]
    name = case.training.fine_tuned_model if case.training else None
    return f"{profile}/{name or 'FINE_TUNED_MODEL'}"


def _failed(one: Comparison) -> float:
    return one.left_out / (one.n + one.left_out) if one.n + one.left_out else 1.0


def _scored(row: CandidateResult) -> str:
    interval = f" ({row.ci95[0]:.3f} to {row.ci95[1]:.3f})" if row.ci95 else ""
    return f"{row.candidate} with {row.score:.3f}{interval}, {row.n} items"
