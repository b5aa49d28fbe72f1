"""A line chart of a few series over steps, drawn in braille and cheap to send over SSH.

The first series is a line, the others are marks of their own, so that no colour is needed to tell them apart.
Neighbouring cells of one style leave as one segment: an update of a 118×20 chart is about 6 kB.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.reactive import reactive
from textual.strip import Strip

from workbench.actions import LIST, bindings_for
from workbench.terminal.escape import visible_line
from workbench.widgets.textline import Drawn, Piece

Point = tuple[int, float]

MARKS = ("", "●", "×", "▲")
"""How the first, second, ... series is drawn; the first is a braille line."""
_ROLES = ("accent", "warning", "good", "bad")
_LEGEND = ("━━", "●", "×", "▲")
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Unicode's braille bits by column and row of the 2×4 cell."""
_MAX_TICKS = 6
_CURSOR = Style(reverse=True)


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values that is shown, and the round values that are written beside it."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, cells: int) -> int:
        """The row or column of `cells` at which a value lies, from the low end; values outside are clamped."""
        share = (value - self.low) / (self.high - self.low)
        return max(0, min(cells - 1, round(share * (cells - 1))))


def scale_for(values: Iterable[float], most_ticks: int) -> Scale:
    """A scale from the smallest to the largest finite value, with two to `most_ticks` round values in it; 0 to 1 where
    there is no value."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low <= abs(high) * 1e-9:
        room = abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
    step = _round_step((high - low) / max(1, most_ticks))
    ticks = _multiples(step, low, high)
    if len(ticks) < 2:
        ticks = _multiples(_round_step((high - low) / 3), low, high)
    return Scale(low, high, ticks)


def _multiples(step: float, low: float, high: float) -> tuple[float, ...]:
    """The multiples of `step` from `low` to `high`."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def _round_step(rough: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels with as many decimals as tell neighbours apart."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if largest >= 1e5 or 0 < largest < 1e-3:
        return [f"{tick:.1e}" for tick in ticks]
    gap = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    decimals = max(0, -math.floor(math.log10(gap) + 1e-9))
    if decimals < 6 and not math.isclose(round(gap, decimals), gap, rel_tol=1e-6):
        decimals += 1
    return [f"{tick:.{decimals}f}" for tick in ticks]


class Canvas:
    """A grid of braille cells that lines are drawn on."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._cells = [[0] * width for _ in range(height)]

    def dot(self, x: int, y: int) -> None:
        """Set one dot; x from the left in half cells, y from the bottom in quarter cells."""
        row, quarter = divmod(self.height * 4 - 1 - y, 4)
        column, half = divmod(x, 2)
        if 0 <= row < self.height and 0 <= column < self.width:
            self._cells[row][column] |= _DOTS[half][quarter]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Set the dots of a straight line."""
        length = max(abs(x1 - x0), abs(y1 - y0))
        for index in range(length + 1):
            share = index / length if length else 0.0
            self.dot(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share))

    def text(self, row: int) -> str:
        """One row of cells, blanks where nothing is drawn."""
        return "".join(chr(0x2800 + bits) if bits else " " for bits in self._cells[row])


def draw_line(canvas: Canvas, points: Sequence[Point], across: Scale, up: Scale) -> None:
    """Draw points in order of their steps as one line, with a gap where a value is not finite.

    Each column of dots is drawn once, from its lowest to its highest value: 100,000 points cost little more than 100.
    """
    columns, rows = canvas.width * 2, canvas.height * 4
    before: tuple[int, int] | None = None
    start = 0
    while start < len(points):
        x = across.place(points[start][0], columns)
        end = start + 1
        if len(points) > columns:
            end = max(end, bisect_left(points, True, start, key=lambda point: across.place(point[0], columns) > x))
        values = [point[1] for point in points[start:end] if math.isfinite(point[1])]
        start = end
        if not values:
            before = None
            continue
        first, last = up.place(values[0], rows), up.place(values[-1], rows)
        if before is not None:
            canvas.line(*before, x, first)
        canvas.line(x, up.place(min(values), rows), x, up.place(max(values), rows))
        before = (x, last)


class SeriesChart(Drawn, can_focus=True):
    """Series over steps with axes, a legend that holds the last values, and a cursor to read off any step."""

    BINDINGS: ClassVar = [
        Binding("left,h", "move(-1)", "Earlier", show=False),
        Binding("right,l", "move(1)", "Later", show=False),
        Binding("escape", "leave_cursor", "No cursor", show=False),
        *(binding for binding in bindings_for(LIST) if binding.id == "list.zoom"),
    ]
    DEFAULT_CSS = """
    SeriesChart { height: 1fr; min-height: 4; }
    """

    series: reactive[Mapping[str, Sequence[Point]]] = reactive({})
    """Points by name in the order of their steps; the names are written in the legend."""
    last_step: reactive[int | None] = reactive(None)
    """Where the axis ends although no point is there yet; None: at the last point."""
    empty_text: reactive[str] = reactive("nothing measured yet")
    cursor: reactive[int | None] = reactive(None)
    """The step that is read off."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(name=name, id=id, classes=classes)
        self._lines: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def action_move(self, by: int) -> None:
        """Move the cursor to a neighbouring step of the first series; the first move starts at the last one."""
        steps = self._steps()
        if not steps:
            return
        at = len(steps) if self.cursor is None else bisect_left(steps, self.cursor)
        self.cursor = steps[max(0, min(len(steps) - 1, at + by))]

    def action_leave_cursor(self) -> None:
        """Show the last values again."""
        self.cursor = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the chart's own only while a cursor is shown."""
        return self.cursor is not None if action == "leave_cursor" else True

    def render_line(self, y: int) -> Strip:
        """One line of the chart; all of them are drawn together when anything changed."""
        state = (self.series, self.last_step, self.empty_text, self.cursor, self.size, self.app.theme, self.has_focus)
        if state != self._drawn:
            self._lines = self._draw(self.size.width, self.size.height)
            self._drawn = state
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _steps(self) -> list[int]:
        return [step for step, _ in next(iter(self.series.values()), ())]

    def _style(self, role: str) -> Style:
        return self.style_of(Piece("", role), self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        shown = {name: points for name, points in self.series.items() if points}
        legend = Strip(self._legend(width)).adjust_cell_length(width, self.rich_style)
        if not shown or width < 16 or height < 4:
            text = self.empty_text if not shown else ""
            line = Strip([Segment(visible_line(text)[:width].center(width), self._style("muted"))])
            blank = Strip.blank(width, self.rich_style)
            return [line if row == height // 2 else blank for row in range(height)]
        up = scale_for(
            (value for points in shown.values() for _, value in points), min(_MAX_TICKS, max(2, height // 3))
        )
        steps = [points[0][0] for points in shown.values()] + [points[-1][0] for points in shown.values()]
        across = Scale(min(steps), max([*steps, self.last_step or 0, min(steps) + 1]), ())
        labels = tick_labels(up.ticks)
        gutter = max(len(label) for label in labels) + 1
        rows = height - 3
        plot = self._plot(shown, width - gutter - 1, rows, across, up)
        at_row = {_row_of(tick, up, rows): label for tick, label in zip(up.ticks, labels, strict=True)}
        axis = self._style("muted")
        body = [
            Strip([Segment(f"{at_row.get(row, ''):>{gutter}}{'┤' if row in at_row else '│'}", axis), *segments])
            for row, segments in enumerate(plot)
        ]
        first, last = f"{across.low:,.0f}", f"{across.high:,.0f}"
        middle = "step"
        room = width - gutter - 1
        ends = first + middle.center(max(0, room - len(first) - len(last))) + last
        return [
            legend,
            *body,
            Strip([Segment(" " * gutter + "└" + "─" * room, axis)]),
            Strip([Segment(" " * (gutter + 1) + ends[:room].ljust(room), axis)]),
        ]

    def _plot(
        self, shown: Mapping[str, Sequence[Point]], width: int, height: int, across: Scale, up: Scale
    ) -> list[list[Segment]]:
        """Rows of segments: the line, then the marks of the other series over it."""
        names = list(self.series)
        canvas = Canvas(width, height)
        marks: dict[tuple[int, int], int] = {}
        for name, points in shown.items():
            which = names.index(name) % len(MARKS)
            if which == 0:
                draw_line(canvas, points, across, up)
                continue
            for step, value in points:
                if math.isfinite(value):
                    marks[_row_of(value, up, height), across.place(step, width * 2) // 2] = which
        column = None if self.cursor is None else across.place(self.cursor, width * 2) // 2
        return [self._row(canvas.text(row), row, marks, column) for row in range(height)]

    def _row(self, text: str, row: int, marks: Mapping[tuple[int, int], int], cursor: int | None) -> list[Segment]:
        styles = [self._style(role) for role in _ROLES]
        segments: list[Segment] = []
        start = 0
        special = sorted({column for at, column in marks if at == row} | (set() if cursor is None else {cursor}))
        for column in special:
            if column > start:
                segments.append(Segment(text[start:column], styles[0]))
            which = marks.get((row, column))
            if column == cursor and not which and text[column] == " ":
                segments.append(Segment("│", self._style("muted")))
            else:
                segments.append(Segment(MARKS[which] if which else text[column], styles[which or 0]))
            start = column + 1
        if start < len(text):
            segments.append(Segment(text[start:], styles[0]))
        return segments

    def _legend(self, width: int) -> list[Segment]:
        """Each series' mark, name and value: the last one, or the one at the cursor."""
        segments = [Segment(" ", self.rich_style)]
        if self.cursor is not None:
            segments.append(Segment(f"step {self.cursor:,}", self.rich_style + _CURSOR))
            segments.append(Segment("   ", self.rich_style))
        for index, (name, points) in enumerate(self.series.items()):
            value = _value_at(points, self.cursor)
            style = self._style(_ROLES[index % len(MARKS)])
            segments.append(Segment(_LEGEND[index % len(MARKS)] + " ", style))
            shown = "–" if value is None else f"{value:.4g}"
            segments.append(Segment(f"{visible_line(name)} {shown}   ", self.rich_style))
        return segments


def _row_of(value: float, up: Scale, rows: int) -> int:
    """The row from the top in which the line would draw a value."""
    return rows - 1 - up.place(value, rows * 4) // 4


def _value_at(points: Sequence[Point], step: int | None) -> float | None:
    """The last finite value, at or before `step` where one is given."""
    end = len(points) if step is None else bisect_left(points, step + 1, key=lambda point: point[0])
    return next((value for _, value in reversed(points[:end]) if math.isfinite(value)), None)
