"""Choosing on the validation side: the best candidate, and those that cannot be told from it."""

from __future__ import annotations

from workbench.evaluate.candidates import parse_candidate
from workbench.evaluate.results import Best, RunResult


def best_of(run: RunResult) -> Best | None:
    """The candidate with a model that scored best; of equals the one that was named first. None where none answered.

    Choosing needs no test of significance, only items that are not those of the final comparison: who chooses among
    tied candidates by chance loses nothing but the chance.
    """
    rows = [
        row
        for row in run.candidates
        if row.score is not None and not parse_candidate(row.candidate).is_trivial and row.candidate not in run.siblings
    ]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.score or 0.0)  # max keeps the first of equals
    tied = [
        row.candidate
        for row in rows
        if row is not best
        and (one := run.comparison(best.candidate, row.candidate)) is not None
        and one.verdict == "tied"
    ]
    return Best(candidate=best.candidate, score=best.score or 0.0, tied_with=tied, origin=best.origin)
