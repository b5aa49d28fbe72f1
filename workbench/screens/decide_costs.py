"""How costs and break-even read on the Decide screen. Knows no widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from workbench.catalog.figure import RECORDED, Figure, Origin
from workbench.terminal.escape import visible_line
from workbench.widgets.chart_lines import chart_lines
from workbench.widgets.sections import Entry
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import amount, figure_pieces, origin_word

if TYPE_CHECKING:
    from workbench.decide.breakeven import BreakEven
    from workbench.decide.decision import Decision, JudgedCandidate

_NAME: Final = 25
"""Cells of a candidate's name in the table."""
_COLUMNS: Final = (
    ("one_off", "once", 10),
    ("per_1k", "per 1,000", 10),
    ("hosting_month", "hosting/mo", 11),
    ("month", "a month", 11),
)
"""Field of a bill, head, cells."""
_PARTS: Final = (
    ("data", "data"),
    ("training", "training"),
    ("evaluation", "evaluation"),
    ("one_off", "once, together"),
    ("prompt_1k", "prompts of 1,000"),
    ("per_1k", "1,000 requests"),
    ("hosting_month", "hosting a month"),
    ("idle_month", "of it idle"),
    ("month", "a month"),
    ("all_in_1k", "1,000, all in"),
)
_MARKS: Final = {Origin.MEASURED: "m", Origin.QUOTED: "q", Origin.ESTIMATED: "e", Origin.RECORDED: "r"}
_WIDE: Final = 20
"""Cells of the names in the break-even section."""
CHART_HEIGHT: Final = 10


def cost_key(candidate: str) -> str:
    """The key of a candidate's costs."""
    return f"cost {candidate}"


def cost_entries(decision: Decision) -> Iterator[Entry]:
    """A table: each candidate, the dearest figures of its bill with the letter of their origin."""
    billed = [row for row in decision.candidates if row.costs is not None or row.kind != "trivial"]
    if not billed:
        return
    recorded = any(row.recorded for row in billed)
    legend = "m measured, q quoted, e estimated, r recorded" if recorded else "m measured, q quoted, e estimated"
    yield Entry.heading("What it costs", f"USD: {legend}, – none{'' if recorded else '; c says yours'}")
    head = "".join(f"{title:>{cells}}" for _, title, cells in _COLUMNS)
    yield Entry((Piece(f"{'candidate':<{_NAME}}{head}", "muted"),))
    for row in billed:
        yield Entry((Piece(f"{_short(row.candidate):<{_NAME}}"), *_cells(row)), cost_key(row.candidate))


def _short(candidate: str) -> str:
    """The end of a long name says more than its beginning."""
    name = visible_line(candidate)
    return name if len(name) < _NAME else f"…{name[2 - _NAME :]}"


def _cells(row: JudgedCandidate) -> Iterator[Piece]:
    for part, _, cells in _COLUMNS:
        figure = getattr(row.costs, part) if row.costs is not None else row.cost_per_1k if part == "per_1k" else None
        if figure is None or figure.value is None:
            yield Piece(f"{'–':>{cells}}", "muted")
        else:
            yield Piece(f"{amount(figure.value, 'USD'):>{cells - 2}}", "strong")
            yield Piece(f" {_MARKS[figure.origin]}", "muted")


def bill_lines(row: JudgedCandidate, width: int) -> Iterator[Line]:
    """Every figure of a bill with its origin and source."""
    yield from ((Piece(line, "strong"),) for line in wrap(visible_line(row.candidate), width))
    if row.costs is None:
        yield tuple(figure_pieces(row.cost_per_1k))
        return
    for part, name in _PARTS:
        figure: Figure = getattr(row.costs, part)
        said = visible_line((figure.source or "").removeprefix(RECORDED))
        said += f" ({figure.as_of})" if figure.as_of else ""
        value = "not measured" if figure.value is None else f"{amount(figure.value, 'USD')} {origin_word(figure)}"
        first, *rest = wrap(f"{value}: {said}" if said else value, max(20, width - _WIDE))
        yield (Piece(f"{name:<{_WIDE}}", "muted"), Piece(first))
        yield from ((Piece(" " * _WIDE + line, "muted"),) for line in rest)


def _row(name: str, pieces: Sequence[Piece], key: str) -> Entry:
    return Entry((Piece(f"{name:<{_WIDE}}", "muted"), *pieces), f"break-even {key}")


def break_even_entries(decision: Decision, requests: int | None) -> Iterator[Entry]:
    """The volume, from where on it pays, when, and what that is made of."""
    yield Entry.heading("Break-even", "m says how many requests a month, b draws it")
    said = [Piece(f"{requests:,}", "strong"), Piece("  yours", "muted")] if requests else [Piece("not said", "muted")]
    yield _row("requests per month", said, "requests")
    one = decision.break_even
    if one is None:
        why = visible_line(decision.no_break_even or "nothing to compare")
        known = Piece("never", "strong") if decision.never_pays else Piece("not measured", "muted")
        yield _row("pays from", [known, Piece(f"  {why}", "muted")], "from")
        return
    low, high = one.band
    pieces = [
        Piece(f"{one.requests_per_month:,.0f} requests a month", "strong"),
        Piece(f"  {one.origin}; {low:,.0f} to {high:,.0f} if costs are 20 % off", "muted"),
    ]
    yield _row("pays from", pieces, "from")
    yield _row("paid back on", _paid_back(one, requests), "date")
    yield _row("saving per 1,000", figure_pieces(one.saving_per_1k), "saving")
    yield _row("one-off cost", figure_pieces(one.one_off), "once")
    yield _row("hosting, difference", figure_pieces(one.hosting_month), "hosting")
    if one.prompt_tokens_saved is not None:
        yield _row("prompt tokens saved", figure_pieces(one.prompt_tokens_saved), "tokens")


def _paid_back(one: BreakEven, requests: int | None) -> list[Piece]:
    if not requests:
        return [Piece("not measured", "muted"), Piece("  the volume is not said", "muted")]
    again = f"  or is trained again every {one.retrain_months:g} months" if one.retrain_months else ""
    bound = f"  the model retires on {one.bounded_by}" if one.bounded_by else f"  within {one.months:.0f} months{again}"
    shown = one.date.isoformat() if one.date is not None else "not reached"
    return [Piece(shown, "strong"), Piece(f"  {one.origin}{bound}", "muted")]


def break_even_lines(decision: Decision, width: int, height: int = CHART_HEIGHT) -> list[Line]:
    """The formula, what both cost by month as a chart, and how sure the break-even is."""
    one = decision.break_even
    if one is None:
        return [(Piece(line),) for line in wrap(visible_line(decision.no_break_even or ""), width)]
    lines: list[Line] = [(Piece(line, "muted"),) for line in wrap(f"volume = {one.formula}; {one.origin}", width)]
    tuned, other = ([(at.month, getattr(at, side)) for at in one.by_month] for side in ("tuned", "alternative"))
    drawn = chart_lines(
        {one.tuned or "tuned": tuned, one.alternative or "alternative": other},
        width, height, across=f"months, at {one.drawn_at:,} requests a month", unit="$",
    )  # fmt: skip
    return [*lines, *drawn, (Piece(""),), *_sensitivity(one)]


def _sensitivity(one: BreakEven) -> Iterator[Line]:
    yield (Piece(f"{'if otherwise':<16}{'by':>6}{'pays from':>11}  paid back", "muted"),)
    for case in one.sensitivity:
        by = f"{case.by * 100:+.0f} %".replace("-", "−")
        volume = "never" if case.requests_per_month is None else f"{case.requests_per_month:,.0f}"
        day = "–" if one.asked is None else str(case.date or "never")
        name = case.changed.replace(" and ", ", ")
        yield (Piece(f"{name:<16}{by:>6}"), Piece(f"{volume:>11}", "strong"), Piece(f"  {day}"))


def month_lines(one: BreakEven) -> Iterator[Line]:
    """What both have cost by each month."""
    yield (Piece(f"{'month':>6}{'alternative':>16}{'tuned':>16}{'saved by then':>16}", "muted"),)
    for at in one.by_month:
        cells = (at.alternative, at.tuned, at.alternative - at.tuned)
        yield (Piece(f"{at.month:>6}"), *(Piece(f"{amount(value, 'USD'):>16}") for value in cells))
