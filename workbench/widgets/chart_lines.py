"""A chart of two series as lines of text, for where it stands among other text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.terminal.escape import visible_line
from workbench.widgets.plot import MARKS, Canvas, Point, Scale, draw_line, scale_for, tick_labels
from workbench.widgets.textline import Line, Piece

_ROLES = ("accent", "warning")
_LEGEND = ("━━", "●")


def chart_lines(
    series: Mapping[str, Sequence[Point]], width: int, height: int, *, across: str = "", unit: str = ""
) -> list[Line]:
    """`height` lines of a chart: legend, plot, axis. The first series is a line, the second marks, so that no colour is
    needed to tell them apart; `across` names what runs to the right, `unit` stands before the labels at the left.
    """
    values = [value for points in series.values() for _, value in points]
    rows = height - 3
    if not values or rows < 2 or width < 24:
        return []
    up = scale_for([0.0, *values], max(2, rows // 2))
    steps = [step for points in series.values() for step, _ in points]
    along = Scale(min(steps), max([*steps, min(steps) + 1]), ())
    labels = [f"{unit}{label}" for label in tick_labels(up.ticks)]
    gutter = max(len(label) for label in labels)
    room = width - gutter - 1
    at_row = {_row(tick, up, rows): label for tick, label in zip(up.ticks, labels, strict=True)}
    lines: list[Line] = [_legend(series)]
    for row, plotted in enumerate(_plot(series, room, rows, along, up)):
        axis = f"{at_row.get(row, ''):>{gutter}}{'┤' if row in at_row else '│'}"
        lines.append((Piece(axis, "muted"), *plotted))
    lines.append((Piece(" " * gutter + "└" + "─" * room, "muted"),))
    first, last = f"{along.low:g}", f"{along.high:g}"
    ends = first + across.center(max(0, room - len(first) - len(last))) + last
    lines.append((Piece(" " * (gutter + 1) + ends[:room], "muted"),))
    return lines


def _legend(series: Mapping[str, Sequence[Point]]) -> list[Piece]:
    pieces = []
    for index, name in enumerate(series):
        pieces += [Piece(f"{_LEGEND[index]} ", _ROLES[index]), Piece(f"{visible_line(name)}   ")]
    return pieces


def _plot(series: Mapping[str, Sequence[Point]], width: int, height: int, along: Scale, up: Scale) -> list[list[Piece]]:
    """The line in braille, the marks of the other series over it."""
    canvas = Canvas(width, height)
    marks: dict[tuple[int, int], str] = {}
    for index, points in enumerate(series.values()):
        if index == 0:
            draw_line(canvas, points, along, up)
            continue
        for step, value in points:
            marks[_row(value, up, height), along.place(step, width * 2) // 2] = MARKS[index]
    rows = []
    for row in range(height):
        text, pieces, start = canvas.text(row), [], 0
        for column in sorted(column for at, column in marks if at == row):
            pieces += [Piece(text[start:column], _ROLES[0]), Piece(marks[row, column], _ROLES[1])]
            start = column + 1
        rows.append([*pieces, Piece(text[start:], _ROLES[0])])
    return rows


def _row(value: float, up: Scale, rows: int) -> int:
    """The row from the top in which a value is drawn."""
    return rows - 1 - up.place(value, rows * 4) // 4
