"""The report's two pictures, as SVG that any browser shows without a network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from xml.sax.saxutils import escape

from workbench.decide.breakeven import DAYS_PER_MONTH, BreakEven
from workbench.decide.decision import Decision

WIDTH = 760
_NAMES = 300
"""For the candidates' names, at the left."""
_ROW = 26
_COLOURS = {"trivial": "#6b7280", "untuned": "#2563eb", "tuned": "#c2410c", "seed": "#b45309"}
_INK, _GRID = "#111827", "#d1d5db"
_LONGEST = 44


def scores_svg(decision: Decision) -> str:
    """Score and 95 % interval of each candidate, the best first, from 0 to 1."""
    rows = sorted(decision.candidates, key=lambda row: -(row.score if row.score is not None else -1.0))
    left, right, top = _NAMES, WIDTH - 70, 34
    height = top + _ROW * len(rows) + 34

    def x(value: float) -> float:
        return left + min(max(value, 0.0), 1.0) * (right - left)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(x(tick), top, x(tick), height - 30, _GRID))
        parts.append(_text(x(tick), height - 12, f"{tick:g}", anchor="middle"))
    for number, row in enumerate(rows):
        y, colour = top + _ROW * number + _ROW / 2, _COLOURS[row.kind]
        parts.append(_text(left - 10, y + 4, _short(row.candidate), anchor="end"))
        if row.score is None:
            parts.append(_text(left + 6, y + 4, "every item failed"))
            continue
        if row.ci95 is not None:
            parts.append(_line(x(row.ci95[0]), y, x(row.ci95[1]), y, colour, 3))
        parts.append(f'<circle cx="{x(row.score):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(right + 10, y + 4, f"{row.score:.3f}{' r' if row.recorded else ''}"))
    parts += [
        f'<circle cx="{left + 4 + 110 * at}" cy="16" r="5" fill="{colour}"/>' + _text(left + 14 + 110 * at, 20, kind)
        for at, (kind, colour) in enumerate(_COLOURS.items())
        if any(row.kind == kind for row in rows)
    ]
    if any(row.recorded for row in rows):
        parts.append(_text(WIDTH - 10, 20, "r: recorded, not measured", anchor="end"))
    return _svg(height, "Scores with 95 % intervals", parts)


def costs_svg(one: BreakEven, today: date) -> str:
    """What the alternative and the tuned model have cost by each month, at one volume."""
    left, right, top, height = 90, WIDTH - 30, 66, 390
    bottom = height - 46
    last = one.by_month[-1].month
    highest = max(max(point.alternative, point.tuned) for point in one.by_month) or 1.0
    steps = ticks(highest)

    def x(month: float) -> float:
        return left + month / last * (right - left)

    def y(dollars: float) -> float:
        return bottom - dollars / steps[-1] * (bottom - top)

    parts = []
    for tick in steps:
        parts.append(_line(left, y(tick), right, y(tick), _GRID))
        parts.append(_text(left - 8, y(tick) + 4, f"${tick:,.10g}", anchor="end"))
    for month in range(0, last + 1, max(1, math.ceil(last / 12))):
        parts.append(_text(x(month), bottom + 18, str(month), anchor="middle"))
    parts.append(
        _text((left + right) / 2, height - 8, f"months, at {one.drawn_at:,} requests a month", anchor="middle")
    )
    for up, (day, said) in enumerate(((one.date, "paid back"), (one.retires, "retires"))):
        months = None if day is None else (day - today).days / DAYS_PER_MONTH
        if months is not None and 0 <= months <= last:
            parts.append(_line(x(months), top, x(months), bottom, _INK, 1, "4 3"))
            side = "start" if months < last * 0.2 else "end" if months > last * 0.8 else "middle"
            parts.append(_text(x(months), top - 4 - 14 * up, f"{said} {day}", anchor=side))
    for name, colour, values in (
        (one.alternative, _COLOURS["untuned"], [point.alternative for point in one.by_month]),
        (one.tuned, _COLOURS["tuned"], [point.tuned for point in one.by_month]),
    ):
        points = " ".join(f"{x(month):.1f},{y(value):.1f}" for month, value in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        at = left if name == one.alternative else (left + right) / 2
        parts += [_line(at, 16, at + 22, 16, colour, 3), _text(at + 28, 20, _short(name))]
    return _svg(height, "Cumulative cost over months", parts)


def ticks(highest: float) -> tuple[float, ...]:
    """From 0 in four to six round steps to the first that is not below `highest`."""
    rough = highest / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))
    return tuple(index * step for index in range(math.ceil(highest / step - 1e-9) + 1))


def _svg(height: float, title: str, parts: Sequence[str] | Iterator[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'font-family="sans-serif" font-size="13" fill="{_INK}">\n<title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    kept = "".join(char if char.isprintable() else " " for char in text)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(kept)}</text>'


def _short(name: str) -> str:
    """The end of a long name says more than its beginning: the technique, the suffix."""
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
