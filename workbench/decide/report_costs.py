"""The report's tables of costs and break-even; the command prints the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.catalog.figure import Figure, Origin
from workbench.decide.breakeven import BreakEven
from workbench.decide.decision import Decision

PARTS = (
    ("data", "data"),
    ("training", "training"),
    ("evaluation", "evaluation"),
    ("one_off", "once"),
    ("per_1k", "per 1,000"),
    ("hosting_month", "hosting a month"),
    ("idle_month", "of it idle"),
    ("month", "a month"),
    ("all_in_1k", "per 1,000, all in"),
)
"""Field of a bill, and what it is called."""
_MARKS = {
    Origin.MEASURED: "m",
    Origin.QUOTED: "q",
    Origin.ESTIMATED: "e",
    Origin.RECORDED: "r",
}
LEGEND = "US dollars; m measured, q quoted, e estimated by a formula, r recorded, – not measured"


def dollars(value: float) -> str:
    """Cents, and for less than one as many digits as tell it from nothing."""
    shown = f"{abs(value):,.2f}" if abs(value) >= 0.01 or value == 0 else f"{abs(value):.2g}"
    return f"-${shown}" if value < 0 else f"${shown}"


def marked(figure: Figure) -> str:
    """A figure with the letter of its origin: `$1.20 e`; `–` where it was not measured."""
    return "–" if figure.value is None else f"{dollars(figure.value)} {_MARKS[figure.origin]}"


def candidate_costs(decision: Decision) -> tuple[list[str], list[list[str]]]:
    """Head and rows: every candidate with every part of its bill."""
    head = ["candidate", *(name for _, name in PARTS)]
    rows = [
        [row.candidate, *(marked(getattr(row.costs, part)) for part, _ in PARTS)]
        for row in decision.candidates
        if row.costs is not None
    ]
    return head, rows


def sources(decision: Decision) -> list[str]:
    """Where the figures of the bills come from, each formula and table once."""
    return list(dict.fromkeys(_sources(decision)))


def _sources(decision: Decision) -> Iterator[str]:
    for row in decision.candidates:
        for part, name in PARTS if row.costs else ():
            figure: Figure = getattr(row.costs, part)
            if figure.value is not None and figure.source and part in ("data", "training", "per_1k", "hosting_month"):
                dated = f", as of {figure.as_of}" if figure.as_of else ""
                yield f"{name} ({figure.origin}): {figure.source}{dated}"


def not_measured(decision: Decision) -> list[str]:
    """What no figure was found for, and why, each reason once."""
    found: dict[str, list[str]] = {}
    for row in decision.candidates:
        if row.costs is None:
            continue
        for part, name in PARTS:
            figure: Figure = getattr(row.costs, part)
            if figure.value is None:
                found.setdefault(figure.source or "no reason is known", []).append(f"{name} of {row.candidate}")
    return [f"{_few(what)}: {why}" for why, what in found.items()]


def _few(what: list[str]) -> str:
    return what[0] if len(what) == 1 else f"{what[0]} and {len(what) - 1} more"


def sensitivity_rows(one: BreakEven) -> list[list[str]]:
    """What is changed, by how much, from which volume it then pays, and when at the volume asked about."""
    rows = [["as reckoned", "", f"{one.requests_per_month:,.0f}", _day(one, one.date)]]
    for case in one.sensitivity:
        volume = "never" if case.requests_per_month is None else f"{case.requests_per_month:,.0f}"
        rows.append([case.changed, f"{case.by:+.0%}".replace("-", "−"), volume, _day(one, case.date)])
    return rows


def _day(one: BreakEven, day: object) -> str:
    if one.asked is None:
        return "volume not said"
    return str(day) if day else "not within the horizon"


def month_rows(one: BreakEven) -> list[list[str]]:
    """Month, what the alternative and the tuned model cost by then, and the difference; at most thirteen rows."""
    step = max(1, -(-len(one.by_month) // 13))
    last = one.by_month[-1].month
    return [
        [str(at.month), dollars(at.alternative), dollars(at.tuned), dollars(at.alternative - at.tuned)]
        for at in one.by_month
        if at.month % step == 0 or at.month == last
    ]
