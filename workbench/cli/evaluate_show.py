"""How `ftwb evaluate` prints a run: tables, and a line about everything that bears on them."""

from __future__ import annotations

import shlex
from typing import Any

from workbench.cli import output


def print_run(result: Any) -> None:
    """A run as two tables."""
    side = {"validation": " (the validation side)", "regression": " (general ability)"}.get(result.side, "")
    what = result.imported or f"{result.scorer} on {result.test_sha256[:12]}{side}"
    output.say(f"{result.run}: {'imported from ' if result.imported else ''}{what}")
    if result.opened and result.opened > 1:
        output.say(f"this test set was opened {result.opened} times: choose on the validation side")
    # Where nothing is recorded, all of it was measured, and no column need say so.
    origin = ["ORIGIN"] if result.recorded else []
    output.table(
        [
            [
                c.candidate, c.n, _number(c.score), _interval(c.ci95), c.prompt_tokens, c.completion_tokens,
                _number(c.latency_p50_s), c.failed, *(c.origin.value for _ in origin),
            ]
            for c in result.candidates
        ],
        ["CANDIDATE", "N", "SCORE", "95 %", "IN", "OUT", "P50 S", "FAILED", *origin],
    )  # fmt: skip
    if origin:
        output.say("recorded: the answers of a recording, which measure nothing")
    if result.best is not None:
        tied = f", tied with {', '.join(result.best.tied_with)}" if result.best.tied_with else ""
        output.say(f"best: {result.best.candidate} with {result.best.score:.3f}{tied}{_mark(result.best)}")
        output.say(f"next: ftwb evaluate --candidate {shlex.quote(result.best.candidate)}")
    if result.judge is not None:
        output.say(judge_text(result.judge))
    if any("+rag:" in row.candidate for row in result.candidates):
        output.say(rag_text(result.task))
    for spread in result.seeds:
        output.say(seeds_text(spread))
    output.say()
    output.table(
        [
            [
                c.a,
                c.b,
                _number(c.difference),
                _interval(c.ci95),
                f"{c.p_value:.2g}" if c.p_value is not None else "-",
                c.verdict + (" (underpowered)" if c.underpowered else ""),
                *(c.origin.value for _ in origin),
            ]
            for c in result.comparisons
        ],
        ["A", "B", "A - B", "95 %", "P", "A IS", *origin],
    )


def rag_text(task: Any) -> str:
    """What retrieval searched, and how."""
    if not task.docs:
        return f"retrieval: solved examples of {task.train}"
    shown = task.rag.template.replace("\n", "\u2424")
    return f"retrieval: passages of at most {task.rag.chunk:,} characters of {task.docs}, sent as: {shown}"


def print_general(result: Any) -> None:
    """The run on general ability, as a table of its own."""
    output.say("\ngeneral ability, the same plain questions to base and tuned model:")
    print_run(result)


def judge_text(judge: Any) -> str:
    """How far the judge can be trusted, in one line."""
    shown = f"judge {judge.model}: {judge.judged} answers in both orders, agreement {_number(judge.agreement)}"
    failed = f", {judge.unreadable} not judged (failed)" if judge.unreadable else ""
    trust = f"kappa {_number(judge.kappa)}, first shown wins {_number(judge.first_shown_wins)}"
    return f"{shown}, {trust}{failed}{_mark(judge)}"


def seeds_text(spread: Any) -> str:
    """The variation between training seeds, in one line."""
    if spread.mean is None or spread.sd is None:
        return f"{spread.candidate}: variation between training seeds: not measured"
    shown = ", ".join(f"{seed}: {_number(score)}" for seed, score in zip(spread.seeds, spread.scores, strict=True))
    return (
        f"{spread.candidate}: {spread.trained} training seeds, mean {spread.mean:.3f}, sd {spread.sd:.3f}, "
        f"{spread.low:.3f} to {spread.high:.3f} ({shown}){_mark(spread)}"
    )


def _mark(found: Any) -> str:
    """What stands behind a figure of a recording."""
    return " (recorded)" if found.origin.value == "recorded" else ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(ci95: Any) -> str:
    return "-" if not ci95 or ci95[0] is None else f"{ci95[0]:.3f} to {ci95[1]:.3f}"
