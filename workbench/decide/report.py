"""The decision as a Markdown report that somebody can read who was not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.catalog.figure import Figure, Origin
from workbench.decide.decision import Decision, JudgedCandidate, Preference
from workbench.decide.report_costs import (
    LEGEND,
    candidate_costs,
    month_rows,
    not_measured,
    sensitivity_rows,
    sources,
)
from workbench.evaluate.results import Comparison, RunResult

_HEADLINE = {
    "fine-tune": "Fine-tune.",
    "do-not-fine-tune": "Do not fine-tune.",
    "not-enough-evidence": "There is not enough evidence to say.",
}
_STAGE = {"before-training": "before a tuned model was measured", "after-training": "after a tuned model was measured"}
_GROUPS = {"use-case": "Use case", "alternatives": "Alternatives", "costs": "Costs", "benefits": "Benefits"}
BAR = 40
"""Characters from score 0 to score 1 in the chart."""


@dataclass(frozen=True, slots=True)
class Charts:
    """The names of the pictures beside the report; None where there is none to draw."""

    scores: str | None = None
    costs: str | None = None


def markdown(
    decision: Decision,
    run: RunResult | None = None,
    title: str = "Should we fine-tune?",
    charts: Charts = Charts(),
) -> str:
    """The whole report; `run` adds its comparisons and how it was measured."""
    parts = [
        f"# {_plain(title)}",
        f"**{_HEADLINE[decision.verdict]}** ({_STAGE[decision.stage]}; {decision.decided_on.isoformat()})",
        "## Why\n\n" + "\n".join(f"- {_plain(reason.text)} `{reason.code}`" for reason in decision.reasons),
    ]
    if decision.missing:
        gaps = (f"- {_plain(gap.what)}\n\n  ```\n  {_printable(gap.command)}\n  ```" for gap in decision.missing)
        parts.append("## What is missing\n\n" + "\n".join(gaps))
    if decision.candidates:
        parts += ["## What was measured", *_scores(decision, charts), _candidates(decision.candidates)]
    if run is not None and run.comparisons:
        parts += ["### Compared, item by item", _comparisons(run.comparisons)]
    if decision.votes:
        parts += ["### What people preferred, voting blind", _votes(decision.votes)]
    if any(row.costs for row in decision.candidates):
        parts += ["## What it costs", _costs(decision)]
    parts += ["## Break-even", *_break_even(decision, charts), "## Checklist", _checklist(decision)]
    parts += ["## What was not measured", _not_measured(decision)]
    if run is not None:
        parts += ["## How it was measured", _method(run)]
    return "\n\n".join(parts) + "\n"


def _votes(votes: Sequence[Preference]) -> str:
    lines = [
        "| a | b | for a | for b | ties | a of the rest, 95 % | p | preferred |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in votes:
        share = "-"
        if one.share_a is not None and one.ci95 is not None:
            share = f"{one.share_a:.0%} ({one.ci95[0]:.0%} to {one.ci95[1]:.0%})"
        said = "too few votes" if one.underpowered else _code(one.preferred) if one.preferred else "no difference shown"
        cells = [
            _code(one.a),
            _code(one.b),
            str(one.wins_a),
            str(one.wins_b),
            str(one.ties),
            share,
            f"{one.p_value:.2g}",
            said,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = ["Votes do not enter the verdict: it rests on the scorer."]
    if any(one.looked_after is not None and one.left for one in votes):
        notes.append("Some votes were given after who was which had been seen.")
    return "\n".join(lines) + "\n\n" + " ".join(notes)


def _plain(text: str) -> str:
    """Text from data or models in a table or sentence: nothing in it is markup."""
    kept = _printable(text)
    for char in "\\`*_[]<>|#":
        kept = kept.replace(char, f"\\{char}")
    return kept


def _code(text: str) -> str:
    kept = _printable(text).replace("`", "'").replace("|", "\\|")
    return f"`{kept}`"


def _printable(text: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def _scores(decision: Decision, charts: Charts) -> list[str]:
    """The picture, and the same as text where there is none, or for whom it does not show."""
    text = _chart(decision.candidates)
    if charts.scores is None:
        return [text]
    shown = f"![Scores with 95 % intervals; the figures are in the table below]({charts.scores})"
    return [shown, f"<details><summary>The chart as text</summary>\n\n{text}\n\n</details>"]


def _chart(candidates: list[JudgedCandidate]) -> str:
    width = max(len(row.candidate) for row in candidates)
    lines = []
    for row in sorted(candidates, key=lambda one: -(one.score or 0.0)):
        name = _printable(row.candidate).replace("`", "'")
        said = " recorded" if row.recorded else ""
        if row.score is None or row.ci95 is None:
            lines.append(f"{name:<{width}}  every item failed")
            continue
        low, point, high = (round(min(max(value, 0.0), 1.0) * BAR) for value in (row.ci95[0], row.score, row.ci95[1]))
        cells = ["●" if at == point else "─" if low <= at <= high else "·" for at in range(BAR + 1)]
        lines.append(f"{name:<{width}}  {''.join(cells)}  {row.score:.3f}{said}")
    return "```\n" + "\n".join(lines) + "\n```\n\nFrom 0 on the left to 1 on the right: score and 95 % interval."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _interval(interval: tuple[float, float] | None, sign: str = "") -> str:
    return "-" if interval is None else f"{interval[0]:{sign}.3f} to {interval[1]:{sign}.3f}"


def figure_text(figure: Figure) -> str:
    """A figure with its origin: `0.42 USD/1k requests (estimated)`."""
    if figure.value is None:
        return "not measured"
    return f"{figure.value:,.4g} {figure.unit} ({figure.origin})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _candidates(candidates: list[JudgedCandidate]) -> str:
    rows = [
        [
            _code(row.candidate),
            row.kind,
            _number(row.score, ".3f"),
            _interval(row.ci95),
            str(row.n),
            str(row.failed),
            _number(row.prompt_tokens_mean, ".0f"),
            _number(row.completion_tokens_mean, ".0f"),
            _number(row.latency_p50_s, ".2f"),
            _number(row.latency_p95_s, ".2f"),
            _plain(figure_text(row.cost_per_1k)),
            row.origin.value,
        ]
        for row in candidates
    ]
    head = ["candidate", "kind", "score", "95 %", "items", "failed", "prompt tokens", "reply tokens", "p50 s", "p95 s"]
    return _table([*head, "cost", "origin"], rows)


def _comparisons(comparisons: list[Comparison]) -> str:
    rows = [
        [
            _code(one.a),
            _code(one.b),
            _number(one.difference, "+.3f"),
            _interval(one.ci95, "+"),
            _interval(one.ci_corrected, "+"),
            _number(one.p_value, ".2g"),
            one.verdict
            + (" (underpowered)" if one.underpowered else "")
            + (" (recorded)" if one.origin is Origin.RECORDED else ""),
            _number(one.items_needed, "d"),
        ]
        for one in comparisons
    ]
    head = ["a", "b", "a − b", "95 %", "corrected", "p", "a is", "items to see ten points"]
    return _table(head, rows)


def _costs(decision: Decision) -> str:
    head, rows = candidate_costs(decision)
    volume = decision.requests_per_month
    at = f"{volume:,} requests" if volume else "a volume that was not said"
    lines = [
        _table(head, [[_code(name), *cells] for name, *cells in rows]),
        f"{LEGEND}. *Once* is data, training and evaluation; *per 1,000* is answering, without hosting; *a month* is "
        f"at {at}.",
        "\n".join(f"- {_plain(source)}" for source in sources(decision)),
    ]
    return "\n\n".join(lines)


def _break_even(decision: Decision, charts: Charts) -> list[str]:
    one = decision.break_even
    if one is None:
        known = "It never pays" if decision.never_pays else "Not worked out"
        return [f"{known}: {_plain(decision.no_break_even or 'nothing to compare')}."]
    lines = [
        f"- {_code(one.tuned)} instead of {_code(one.alternative)}." if one.tuned else "",
        f"- From {one.requests_per_month:,.0f} requests a month ({one.band[0]:,.0f} to {one.band[1]:,.0f} if saving "
        f"and one-off cost are each 20 % better or worse). {one.origin.capitalize()}: volume = {_plain(one.formula)}.",
        f"- Saving per 1,000 requests: {_figure(one.saving_per_1k)}; one-off cost: {_figure(one.one_off)}; hosting a "
        f"month more: {_figure(one.hosting_month)}.",
    ]
    if one.prompt_tokens_saved is not None:
        lines.append(f"- Prompt tokens saved in each request: {_figure(one.prompt_tokens_saved)}.")
    until = f", until the model retires on {one.bounded_by}" if one.bounded_by else ""
    again = f"; it is trained again every {one.retrain_months:g} months" if one.retrain_months else ""
    lines.append(f"- Horizon {one.months:.1f} months{until}{again}.")
    if one.asked is not None:
        reached = f"paid back on {one.date.isoformat()}" if one.date else "not paid back within the horizon"
        lines.append(f"- At {one.asked:,} requests a month: {reached}.")
    parts = ["\n".join(line for line in lines if line)]
    if charts.costs is not None:
        parts.append(f"![Cumulative cost of both over months; the figures are in the table below]({charts.costs})")
    head = ["month", "alternative", "tuned", "saved by then"]
    at = f"At {one.drawn_at:,} requests a month, US dollars, {one.origin}:"
    parts.append(f"{at}\n\n{_table(head, month_rows(one))}")
    head = ["if this is otherwise", "by", "pays from requests a month", "paid back"]
    parts.append("How sure that is:\n\n" + _table(head, sensitivity_rows(one)))
    return parts


def _figure(figure: Figure) -> str:
    return _plain(figure_text(figure))


def _not_measured(decision: Decision) -> str:
    lines = [f"- {_plain(gap)}" for gap in not_measured(decision)]
    if decision.break_even is None and not decision.never_pays:
        lines.append(f"- Break-even: {_plain(decision.no_break_even or 'nothing to compare')}")
    asked = [item.question for item in decision.checklist if item.status == "open"]
    lines += [f"- {_plain(question)} (open)" for question in asked]
    if any(reason.code == "seeds_not_measured" for reason in decision.reasons):
        lines.append("- How much the score varies between trainings with other seeds")
    return "\n".join(lines) or "Nothing that was asked about."


def _checklist(decision: Decision) -> str:
    parts = []
    for group, title in _GROUPS.items():
        parts.append(f"### {title}")
        for item in decision.checklist:
            if item.group != group:
                continue
            mark = "x" if item.status != "open" else " "
            lines = [f"- [{mark}] **{_plain(item.question)}** ({item.status}) {_plain(item.why)}"]
            lines += [f"    - {_plain(found.text)} ({found.kind})" for found in item.evidence]
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _method(run: RunResult) -> str:
    task = run.task
    lines = [
        f"- Run {_code(run.run)} of {run.created_at.isoformat(timespec='minutes')}, {run.items} items, "
        f"scorer {run.scorer}.",
        f"- Test set {_code(task.test or '')}, SHA-256 {_code(run.test_sha256)}.",
        f"- Temperature {task.temperature:g}, up to {task.max_tokens} tokens, seed {task.seed}, repeats {run.repeat}.",
        "- Intervals: Wilson or BCa bootstrap for a score; Newcombe's method 10 with exact McNemar, or BCa with a "
        "permutation test, for a difference; Holm's correction over all pairs.",
        f"- Every answer is kept in {_code(f'runs/{run.run}/items.jsonl')} of the project: "
        f"`ftwb decide --run {_printable(run.run)} --recompute --report FILE.md` works all of this out again from "
        "there, without a model, a network or a running engine.",
    ]
    return "\n".join(lines)
