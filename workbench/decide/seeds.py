"""What the trainings with other seeds say about a verdict."""

from __future__ import annotations

from workbench.evaluate.results import CandidateResult, RunResult


def seed_reason(run: RunResult | None, tuned: str, best: CandidateResult) -> tuple[str, str]:
    """What is known of the variation between training seeds, as a reason's code and text."""
    spread = run.spread(tuned) if run is not None else None
    if spread is None or spread.trained < 2 or spread.mean is None or spread.sd is None:
        return "seeds_not_measured", "Variation between training seeds: not measured."
    above = sum(score > (best.score or 0.0) for score in spread.scores if score is not None)
    return "seeds_measured", (
        f"Variation between training seeds, {spread.trained} trainings: mean {spread.mean:.3f}, standard deviation "
        f"{spread.sd:.3f}, {spread.low:.3f} to {spread.high:.3f}; "
        f"{above} of {spread.trained} score above {best.candidate}."
    )
