"""How `ftwb run` prints what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.cli import output


def print_slices(found: Sequence[Any], candidates: Sequence[str]) -> None:
    """A row for each slice, a column for each candidate."""
    rows = []
    for part in found:
        scores = [part.result(text) for text in candidates]
        rows.append([part.way, part.name, part.n, *("-" if one is None else _score(one) for one in scores),
                     "few" if part.underpowered else ""])  # fmt: skip
    output.table(rows, ["BY", "SLICE", "N", *candidates, ""])


def _score(result: Any) -> str:
    if result.score is None:
        return "-"
    span = f" ({result.ci95[0]:.2f} to {result.ci95[1]:.2f})" if result.ci95 else ""
    return f"{result.score:.3f}{span}"


def votes_text(one: Any) -> str:
    """A pair's votes in one line."""
    counts = f"votes: {one.a} {one.wins_a}, {one.b} {one.wins_b}, {one.ties} ties"
    left = f", {one.left} items left" if one.left else ""
    if one.underpowered:
        return f"{counts}{left}; too few to say"
    said = f"{one.preferred} is preferred" if one.preferred else "no difference shown"
    return f"{counts}{left}; {said} (p {one.p_value:.2g})"
