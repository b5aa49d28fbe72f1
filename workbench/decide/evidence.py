"""What a run and a job say to the questions of the checklist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.catalog.figure import Figure, Origin
from workbench.decide.bill import measured_by
from workbench.decide.checklist import Evidence
from workbench.evaluate.results import CandidateResult, Comparison

if TYPE_CHECKING:
    from workbench.catalog.models import Lifecycle


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything measured or published that a question could use."""

    run: str | None
    untuned: Sequence[CandidateResult]
    """Measured, the best first."""
    tuned: CandidateResult | None
    """The best tuned one."""
    best: CandidateResult | None
    """The best of all that is not tuned."""
    compared: Comparison | None
    """Tuned minus best."""
    leaks: int
    leaks_checked: bool
    records: int | None
    training_seconds: Figure | None
    training_cost: Figure | None
    job: str | None
    job_recorded: bool
    """The job is a recording's."""
    trained: bool
    lifecycle: Lifecycle | None
    trainable: bool | None


def gather(facts: Facts) -> tuple[dict[str, list[Evidence]], set[str]]:
    """Evidence by question id, and the ids of the questions that a measurement answers. A recording answers none."""
    evidence: dict[str, list[Evidence]] = {}
    settled: set[str] = set()
    _alternatives(facts, evidence, settled)
    _costs(facts, evidence, settled)
    _benefits(facts, evidence, settled)
    return {question: found for question, found in evidence.items() if found}, settled


def _score(row: CandidateResult, run: str | None) -> Evidence:
    interval = f", {row.ci95[0]:.3f} to {row.ci95[1]:.3f}" if row.ci95 else ""
    failed = f", {row.failed} failed" if row.failed else ""
    text = f"{row.candidate}: {row.score:.3f}{interval} ({row.n} items{failed})"
    figure = measured_by(row, row.score or 0.0, "score", run)
    return Evidence(kind=_kind(row.recorded), text=text, figure=figure, source=run)


def _kind(recorded: bool) -> Literal["measured", "recorded"]:
    return "recorded" if recorded else "measured"


def _alternatives(facts: Facts, evidence: dict[str, list[Evidence]], settled: set[str]) -> None:
    rag = [row for row in facts.untuned if "+rag:" in row.candidate]
    prompts = [row for row in facts.untuned if "+rag:" not in row.candidate]
    evidence["prompt-engineering"] = [_score(row, facts.run) for row in prompts]
    evidence["rag"] = [_score(row, facts.run) for row in rag]
    # Zero-shot alone is where prompt engineering starts, not a try of it.
    measured = [row.candidate for row in prompts if not row.recorded]
    if any(mark in candidate for candidate in measured for mark in ("+few-shot:", "+prompt:")):
        settled.add("prompt-engineering")
    if not all(row.recorded for row in rag):
        settled.add("rag")


def _costs(facts: Facts, evidence: dict[str, list[Evidence]], settled: set[str]) -> None:
    tunability = evidence.setdefault("tunability", [])
    if facts.trained:
        kind, text = _kind(facts.job_recorded), "a model was trained on this base"
        tunability.append(Evidence(kind=kind, text=text, source=facts.job))
        if not facts.job_recorded:
            settled.add("tunability")
    if facts.lifecycle is not None:
        tunability.append(_lifecycle(facts.lifecycle, facts.trainable))
    compute = evidence.setdefault("compute", [])
    for what, figure in (("training took", facts.training_seconds), ("training cost", facts.training_cost)):
        if figure is not None and figure.value is not None:
            text = f"{what} {figure.value:,.2f} {figure.unit}"
            compute.append(
                Evidence.model_validate(
                    {"kind": figure.origin.value, "text": text, "figure": figure, "source": facts.job}
                )
            )
            if figure.origin == "measured":
                settled.add("compute")
    data = evidence.setdefault("data", [])
    if facts.records is not None:
        text = f"{facts.records} training records"
        data.append(Evidence(kind=_kind(facts.job_recorded), text=text, source=facts.job))
    if facts.leaks_checked or facts.leaks:
        text = f"{facts.leaks} test items found in training" if facts.leaks else "no test item found in training"
        data.append(Evidence(kind="measured", text=text, source=facts.run))


def _lifecycle(lifecycle: Lifecycle, trainable: bool | None) -> Evidence:
    says = {True: "can be trained", False: "cannot be trained", None: "whether it can be trained is not known"}[
        trainable
    ]
    parts = [says]
    if lifecycle.training_ends:
        parts.append(f"training ends {lifecycle.training_ends}")
    if retires := lifecycle.retires(tuned=True):
        parts.append(f"tuned models retire {retires}")
    if lifecycle.note:
        parts.append(lifecycle.note)
    return Evidence(kind="quoted", text="; ".join(parts), source=f"{lifecycle.source}, {lifecycle.as_of}")


def _benefits(facts: Facts, evidence: dict[str, list[Evidence]], settled: set[str]) -> None:
    quality = evidence.setdefault("quality", [])
    if facts.best is not None:
        quality.append(_score(facts.best, facts.run))
    if facts.tuned is not None:
        quality.append(_score(facts.tuned, facts.run))
    one = facts.compared
    if one is not None and one.difference is not None and one.ci95 is not None:
        text = f"tuned - best: {one.difference:+.3f}, {one.ci95[0]:+.3f} to {one.ci95[1]:+.3f}: {one.verdict}"
        figure, recorded = Figure.measured(one.difference, "score", facts.run), one.origin is Origin.RECORDED
        quality.append(
            Evidence(
                kind=_kind(recorded),
                text=text + (", underpowered" * one.underpowered),
                figure=figure.replayed if recorded else figure,
                source=facts.run,
            )
        )
        if not one.underpowered and not recorded:
            settled.add("quality")
    cost = evidence.setdefault("cost", [])
    rows = [row for row in (facts.tuned, facts.best, *facts.untuned) if row is not None and row.prompt_tokens]
    for row in {row.candidate: row for row in rows}.values():
        speed = f", {row.latency_p50_s:.2f} s (median)" if row.latency_p50_s is not None else ""
        text = f"{row.candidate}: {row.prompt_tokens_mean or 0:.0f} prompt tokens a request{speed}"
        figure = measured_by(row, row.prompt_tokens_mean or 0.0, "tokens/request", facts.run)
        cost.append(Evidence(kind=_kind(row.recorded), text=text, figure=figure, source=facts.run))
    measured = [one for one in cost if one.kind == "measured"]
    if facts.tuned is not None and facts.tuned.prompt_tokens and not facts.tuned.recorded and len(measured) > 1:
        settled.add("cost")
