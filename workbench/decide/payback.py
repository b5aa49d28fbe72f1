"""Whether tuning pays for itself in a case: its break-even, held against what somebody would do instead."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.catalog.figure import Figure
from workbench.decide.bill import Bill
from workbench.decide.breakeven import NoBreakEven, break_even, tokens_saved
from workbench.decide.case import Case
from workbench.decide.cost import PER_MONTH, USD, CandidateCost
from workbench.decide.decision import JudgedCandidate
from workbench.evaluate.results import CandidateResult


def work_out_break_even(case: Case, costs: Mapping[str, CandidateCost], retrain_months: float | None) -> None:
    """Put the break-even of the best tuned candidate into the case, or why there is none."""
    tuned, alternatives = case.of("tuned", recorded=True), case.of("trivial", "untuned", recorded=True)
    if not tuned or not alternatives:
        case.no_break_even = "no tuned candidate and alternative to compare"
        return

    def cost(row: CandidateResult) -> CandidateCost:
        unknown = Figure.not_measured(PER_MONTH, f"the hosting of {row.candidate} has no price")
        return costs.get(row.candidate) or CandidateCost(per_1k=row.cost_per_1k, hosting_month=unknown)

    instead = _instead_of(case, tuned[0], alternatives[0])
    new, old = cost(tuned[0]), cost(instead)
    once = new.one_off if isinstance(new, Bill) else case.training.cost if case.training else None
    saved = tokens_saved(instead, tuned[0], case.run.run if case.run else None)
    found = break_even(
        alternative=old,
        tuned=new,
        one_off=once or Figure.not_measured(USD, "training has no price"),
        today=case.today,
        requests_per_month=case.requests_per_month,
        retirement=case.lifecycle.retires(tuned=True) if case.lifecycle else None,
        retrain_months=retrain_months,
        tokens_saved=saved,
        tokens_saving_1k=_tokens_saving(old, instead, saved),
        names=(instead.candidate, tuned[0].candidate),
    )
    if isinstance(found, NoBreakEven):
        case.no_break_even, case.never_pays = found.why, found.known
    else:
        case.break_even = found


def _instead_of(case: Case, tuned: JudgedCandidate, best: JudgedCandidate) -> JudgedCandidate:
    """What the tuned model's cost is held against: the best alternative; where that calls no model and the tuned one
    is better than it, the best that does, for nobody would then take the trivial one."""
    one = case.run.comparison(tuned.candidate, best.candidate) if case.run else None
    models = case.of("untuned", recorded=True)
    if best.kind == "trivial" and models and one is not None and one.verdict == "better" and not one.underpowered:
        return models[0]
    return best


def _tokens_saving(cost: CandidateCost, row: CandidateResult, saved: Figure | None) -> float | None:
    """What the tokens that are saved in 1,000 prompts cost where they are not: at the mean price of those prompts."""
    if saved is None or saved.value is None or not isinstance(cost, Bill) or cost.prompt_1k.value is None:
        return None
    return cost.prompt_1k.value / row.prompt_tokens_mean * saved.value if row.prompt_tokens_mean else None
