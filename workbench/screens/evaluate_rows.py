"""How a run reads: its candidates and comparisons as rows and lines of pieces. Knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from workbench.catalog.figure import Origin
from workbench.terminal.escape import visible_line
from workbench.widgets.table import Column
from workbench.widgets.textline import Piece
from workbench.widgets.words import (
    NOTHING,
    amount,
    bar,
    day_and_time,
    interval,
    origin_word,
    p_text,
    share,
    short_seconds,
    signed,
)

if TYPE_CHECKING:
    from workbench.evaluate.results import CandidateResult, Comparison, RunResult

BAR: Final = 21
RECORDED: Final = " · recorded"
"""Behind the name of a candidate whose figures are a recording's."""
CANDIDATE_COLUMNS: Final = (
    Column("candidate", grows=True, both_ends=True),
    Column("n", right=True),
    Column("score", right=True),
    Column("95 %", right=True),
    Column("0" + "1".rjust(BAR - 1), gives_way=5),
    Column("in/out", right=True, gives_way=2),
    Column("p50", right=True, gives_way=1),
    Column("$/1k", right=True, gives_way=3),
    Column("failed", right=True),
)
COMPARISON_COLUMNS: Final = (
    Column("other", grows=True, both_ends=True),
    Column("difference", right=True),
    Column("95 % of it", right=True),
    Column("p", right=True, gives_way=1),
    Column("this one is"),
)
_VERDICTS: Final = {"better": ("▲ better", "good"), "worse": ("▼ worse", "bad"), "tied": ("= tied", "")}


def ranked(candidates: Sequence[CandidateResult]) -> list[CandidateResult]:
    """The best first; those without a score last."""
    return sorted(candidates, key=lambda row: (row.score is None, -(row.score or 0.0), row.candidate))


def is_trivial(candidate: str) -> bool:
    """Whether a candidate answers without a model."""
    return candidate.startswith("trivial/")


def candidate_cells(row: CandidateResult) -> list[Piece]:
    """One row of the table; trivial candidates are dimmed besides being called so."""
    role = "muted" if is_trivial(row.candidate) else ""
    cost = row.cost_per_1k.value
    means = (row.prompt_tokens_mean, row.completion_tokens_mean)
    tokens = NOTHING if None in means else "/".join(f"{mean:.0f}" for mean in means if mean is not None)
    return [
        Piece(visible_line(row.candidate) + (RECORDED if row.recorded else ""), role),
        Piece(f"{row.n:,}", role),
        Piece(share(row.score), role or "strong"),
        Piece(interval(row.ci95), role),
        Piece(bar(row.ci95, row.score, BAR), role),
        Piece(tokens, role),
        Piece(short_seconds(row.latency_p50_s), role),
        Piece(NOTHING if cost is None else f"{cost:.2f}", role),
        Piece(f"{row.failed:,}", "bad" if row.failed else role),
    ]


def about_candidate(row: CandidateResult, run: RunResult | None = None) -> list[Piece]:
    """What the table has no room for: the spread between seeds, total tokens, the slow end, the cost's origin."""
    parts = [about_seeds(row.candidate, run)] if run is not None and about_seeds(row.candidate, run) else []
    if row.recorded:
        parts.append("recorded: a recording answers, nothing is measured")
    if is_trivial(row.candidate):
        parts.append("answers without a model")
    if row.prompt_tokens is not None and row.completion_tokens is not None:
        parts.append(f"{row.prompt_tokens:,} tokens in, {row.completion_tokens:,} out")
    if row.latency_p50_s is not None:
        parts.append(f"p50 {short_seconds(row.latency_p50_s)}, p95 {short_seconds(row.latency_p95_s)}")
    cost = row.cost_per_1k
    if not is_trivial(row.candidate):
        shown = "not measured" if cost.value is None else f"{amount(cost.value, cost.unit)} ({origin_word(cost)})"
        parts.append(f"cost {shown}")
    if row.unreadable:
        parts.append(f"{row.unreadable:,} answers not readable as asked")
    return [Piece(" "), Piece(" · ".join(parts), "muted")]


def about_seeds(candidate: str, run: RunResult) -> str:
    """The variation between training seeds of a candidate; empty where it has none to speak of."""
    if candidate in run.siblings:
        return "another training seed, to show the spread"
    spread = run.spread(candidate)
    if spread is None or spread.mean is None or spread.sd is None:
        return ""
    return f"{spread.trained} seeds: {spread.mean:.3f} ± {spread.sd:.3f}, {spread.low:.3f} to {spread.high:.3f}"


def about_run(run: RunResult, runs: Sequence[RunResult]) -> tuple[list[Piece], list[Piece]]:
    """Which run, on what, and what speaks against it."""
    same = [other for other in runs if other.test_sha256 == run.test_sha256 and other.side == run.side == "test"]
    # The number that is kept counts other projects and runs that never ended, too.
    opened = max([len(same), *(other.opened or 0 for other in same)])
    newest = run.run == runs[0].run if runs else True
    left = [
        Piece(f" {day_and_time(run.created_at.timestamp())}", "strong"),
        Piece("" if newest else " (not the newest)", "warning"),
        Piece(f" · {run.items:,} items · {visible_line(run.scorer)} · {run.side} {run.test_sha256[:8]}", "muted"),
        Piece(f" · opened {opened} times" if opened > 1 else "", "muted"),
    ]
    if run.side == "validation":
        left.append(Piece(" · to choose by, not to judge by", "warning"))
    if run.best is not None:
        mark = RECORDED if run.best.origin is Origin.RECORDED else ""
        left.append(Piece(f" · best {visible_line(run.best.candidate)}{mark}", "good"))
    if run.imported is not None:
        left.append(Piece(f" · imported from {visible_line(run.imported)}", "warning"))
    if run.judge is not None:
        left.append(Piece(f" · judge {visible_line(run.judge.model)}, κ {_kappa(run.judge.kappa)}", "muted"))
    if run.repeat > 1:
        left.append(Piece(f" · {run.repeat} times each", "muted"))
    right = []
    if run.leaked_exact is not None:
        leaked = run.leaked_exact + (run.leaked_near or 0)
        right = [Piece(f"  ✗ {leaked} items leaked ", "bad") if leaked else Piece("  ✓ no leak ", "good")]
    return left, right


def _kappa(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def comparison_cells(other: str, one: Comparison | None) -> list[Piece]:
    """The candidate under the cursor against another one."""
    name = Piece(visible_line(other), "muted" if is_trivial(other) else "")
    if one is None or one.difference is None:
        return [name, Piece(NOTHING), Piece(NOTHING), Piece(NOTHING), Piece("not compared", "muted")]
    word, role = _VERDICTS[one.verdict]
    if one.underpowered:
        # Short, for the other's name stands in the same row: what underpowered means is in the help.
        needed = f"needs {one.items_needed:,} items" if one.items_needed else "underpowered"
        word, role = f"{word} · {needed}", "warning"
    if one.origin is Origin.RECORDED:
        word += RECORDED
    return [
        name,
        Piece(signed(one.difference), "strong"),
        Piece(interval(one.ci_corrected or one.ci95, signs=True)),
        Piece(p_text(one.p_corrected if one.p_corrected is not None else one.p_value)),
        Piece(word, role),
    ]
