"""What the questions of general ability say about a verdict: nothing is decided by them, and a loss is said."""

from __future__ import annotations

from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import RunResult


def regression_reason(regression: RunResult | None, tuned: str, base: str) -> tuple[str, str]:
    """Whether the tuned model can still do what its base could, as a reason's code and text."""
    model = _bare(tuned)
    one = regression.comparison(model, base) if regression is not None else None
    if one is None or one.difference is None or one.ci95 is None:
        return "regression_not_measured", "General ability before and after tuning: not measured (--regression)."
    low, high = one.ci_corrected or one.ci95
    shown = f"{one.difference:+.3f}, {low:+.3f} to {high:+.3f}, {one.n} items"
    if one.verdict == "worse":
        return "regression_worse", f"General ability, {model} against {base}: {shown}: it has lost some of it."
    return "regression_tied", f"General ability, {model} against {base}: {shown}: no loss was shown."


def _bare(candidate: str) -> str:
    parsed = parse_candidate(candidate)
    return f"{parsed.profile}/{parsed.model}"
