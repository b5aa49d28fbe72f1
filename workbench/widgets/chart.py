"""A line chart of a few series over steps or time, drawn in braille and cheap to send over SSH.

The first series is a line, the others are marks of their own, so that no colour is needed to tell them apart. With
`overlay` all are lines and a letter stands at the end of each. Neighbouring cells of one style leave as one segment: an
update of a 118×20 chart is about 6 kB.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.reactive import reactive
from textual.strip import Strip

from workbench.actions import LIST, bindings_for
from workbench.terminal.escape import visible_line
from workbench.widgets.curves import Curve, Part, draw_spans, spans
from workbench.widgets.legend import Entry, legend
from workbench.widgets.plot import MARKS, Canvas, Point, Scale, log_scale_for, scale_for, tick_labels
from workbench.widgets.textline import Drawn, Piece
from workbench.widgets.words import duration

_ROLES = ("accent", "warning", "good", "bad")
_LEGEND = ("━━", "●", "×", "▲")
_LETTERS = "ABCDEFGH"
_MAX_TICKS = 6
_CURSOR = Style(reverse=True)
_BLANK = " "
MOST_ZOOM = 12

Cell = tuple[str, int | None]
"""A character and the series it belongs to."""


class SeriesChart(Drawn, can_focus=True):
    """Series with axes, a legend that holds the last values, and a cursor to read off any place."""

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
    caption: reactive[str] = reactive("")
    """Which chart it is, at the right of the legend."""
    empty_text: reactive[str] = reactive("nothing measured yet")
    cursor: reactive[float | None] = reactive(None)
    """The step, or the second, that is read off."""
    smoothing: reactive[float] = reactive(0.0)
    """Weight of the moving average; the legend keeps the measured values."""
    logarithmic: reactive[bool] = reactive(False)
    """A logarithmic axis; values that are not above 0 are gaps in it."""
    zoom: reactive[int] = reactive(0)
    """How often the axis across is halved: around the cursor, or towards the newest point."""
    by_time: reactive[bool] = reactive(False)
    """Points are seconds since the first report instead of steps."""
    overlay: reactive[bool] = reactive(False)
    """The series are of one kind, of several jobs: all are lines."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(name=name, id=id, classes=classes)
        self._lines: list[Strip] = []
        self._drawn: tuple[object, ...] = ()
        self._curves: dict[str, Curve] = {}

    def action_move(self, by: int) -> None:
        """Move the cursor to a neighbouring point of the first series, at least a column on; first to the last one."""
        places = self._places()
        if not places:
            return
        if self.cursor is None:
            self.cursor = places[max(-len(places), -1 if by > 0 else by)]
            return
        low, high = self._window()
        column = (high - low) / max(1, self.size.width * 2)
        if by > 0:
            at = max(bisect_right(places, self.cursor), bisect_left(places, self.cursor + column))
        else:
            at = min(bisect_left(places, self.cursor) - 1, bisect_right(places, self.cursor - column) - 1)
        self.cursor = places[max(0, min(len(places) - 1, at))]

    def action_leave_cursor(self) -> None:
        """Show the last values again."""
        self.cursor = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the chart's own only while a cursor is shown."""
        return self.cursor is not None if action == "leave_cursor" else True

    def watch_series(self, series: Mapping[str, Sequence[Point]]) -> None:
        """Forget what is not shown any more."""
        self._curves = {name: curve for name, curve in self._curves.items() if name in series}

    def validate_zoom(self, zoom: int) -> int:
        """Neither out of the data nor into a single point."""
        return max(0, min(MOST_ZOOM, zoom))

    def render_line(self, y: int) -> Strip:
        """One line of the chart; all of them are drawn together when anything changed."""
        state = (
            self.series, self.last_step, self.empty_text, self.cursor, self.size, self.app.theme, self.has_focus,
            self.smoothing, self.logarithmic, self.zoom, self.by_time, self.overlay, self.caption,
        )  # fmt: skip
        if state != self._drawn:
            self._lines = self._draw(self.size.width, self.size.height)
            self._drawn = state
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _places(self) -> list[float]:
        return [place for place, _ in next((points for points in self.series.values() if points), ())]

    def _style(self, role: str) -> Style:
        return self.style_of(Piece("", role), self.rich_style)

    def _window(self) -> tuple[float, float]:
        """What of the axis across is shown."""
        shown = [points for points in self.series.values() if points]
        low = min(points[0][0] for points in shown)
        newest = max(points[-1][0] for points in shown)
        high = max(newest, low + 1, 0 if self.by_time or self.last_step is None else self.last_step)
        if not self.zoom:
            return low, high
        width = max((high - low) / 2**self.zoom, 1e-9)
        end = newest if self.cursor is None else self.cursor + width / 2
        end = min(max(end, low + width), high)
        return end - width, end

    def _draw(self, width: int, height: int) -> list[Strip]:
        shown = {name: points for name, points in self.series.items() if points}
        legend = Strip(self._legend(width)).adjust_cell_length(width, self.rich_style)
        if not shown or width < 16 or height < 4:
            text = self.empty_text if not shown else ""
            line = Strip([Segment(visible_line(text)[:width].center(width), self._style("muted"))])
            blank = Strip.blank(width, self.rich_style)
            return [line if row == height // 2 else blank for row in range(height)]
        across = Scale(*self._window(), ())
        parts = self._parts(shown, across)
        up = self._up(parts, min(_MAX_TICKS, max(2, height // 3)))
        labels = [f"{10**tick:.3g}" for tick in up.ticks] if self.logarithmic else tick_labels(up.ticks)
        gutter = max((len(label) for label in labels), default=0) + 1
        rows, room = height - 3, width - gutter - 1
        plot = (
            self._overlaid(parts, room, rows, across, up) if self.overlay else self._plot(parts, room, rows, across, up)
        )
        at_row = {_row_of(tick, up, rows): label for tick, label in zip(up.ticks, labels, strict=True)}
        styles = [self._style(role) for role in (*_ROLES, "muted")]
        axis = styles[-1]
        column = None if self.cursor is None else across.place(self.cursor, room * 2) // 2
        body = [
            Strip([Segment(f"{at_row.get(row, ''):>{gutter}}{'┤' if row in at_row else '│'}", axis),
                   *self._segments(cells, column, styles)])
            for row, cells in enumerate(plot)
        ]  # fmt: skip
        first, last = self._place_text(across.low), self._place_text(across.high)
        ends = first + self._middle().center(max(0, room - len(first) - len(last))) + last
        return [
            legend,
            *body,
            Strip([Segment(" " * gutter + "└" + "─" * room, axis)]),
            Strip([Segment(" " * (gutter + 1) + ends[:room].ljust(room), axis)]),
        ]

    def _parts(self, shown: Mapping[str, Sequence[Point]], across: Scale) -> dict[str, Part]:
        """x and y of each series as far as it is in the window."""
        parts = {}
        for name, points in shown.items():
            curve = self._curves.setdefault(name, Curve())
            curve.show(points, self.smoothing)
            parts[name] = curve.within(across.low, across.high, log=self.logarithmic)
        return parts

    def _up(self, parts: Mapping[str, Part], most_ticks: int) -> Scale:
        """The axis at the left, over what is in the window."""
        import numpy as np

        finite = [y[np.isfinite(y)] for _, y in parts.values()]
        ends = [float(edge) for y in finite if len(y) for edge in (y.min(), y.max())]
        if self.logarithmic and ends:
            return log_scale_for(10 ** min(ends), 10 ** max(ends), most_ticks)
        return scale_for(ends, most_ticks)

    def _plot(self, parts: Mapping[str, Part], width: int, height: int, across: Scale, up: Scale) -> list[list[Cell]]:
        """Rows of cells: the first series as a line, then the marks of the others over it."""
        names = list(self.series)
        canvas = Canvas(width, height)
        marks: dict[tuple[int, int], int] = {}
        for name, (x, y) in parts.items():
            which = names.index(name) % len(MARKS)
            if which == 0:
                draw_spans(canvas, spans(x, y, across, width * 2), up)
                continue
            if len(x) > width:  # denser than cells: one mark a cell
                places = [(span.column, span.last) for span in spans(x, y, across, width)]
            else:
                places = [
                    (across.place(at, width * 2) // 2, value)
                    for at, value in zip(x.tolist(), y.tolist(), strict=True)
                    if across.low <= at <= across.high
                ]
            for column, value in places:
                if math.isfinite(value):
                    marks[_row_of(value, up, height), column] = which
        rows: list[list[Cell]] = [[(char, 0) for char in canvas.text(row)] for row in range(height)]
        for (row, column), which in marks.items():
            rows[row][column] = (MARKS[which], which)
        return rows

    def _overlaid(
        self, parts: Mapping[str, Part], width: int, height: int, across: Scale, up: Scale
    ) -> list[list[Cell]]:
        """Rows of cells in which every series is a line; where two cross, the later one's colour wins."""
        names = list(self.series)
        bits = [[0] * width for _ in range(height)]
        owner: list[list[int | None]] = [[None] * width for _ in range(height)]
        letters: dict[tuple[int, int], int] = {}
        for name, (x, y) in parts.items():
            which = names.index(name)
            canvas = Canvas(width, height)
            found = spans(x, y, across, width * 2)
            draw_spans(canvas, found, up)
            for row in range(height):
                for column, dots in enumerate(canvas.bits(row)):
                    if dots:
                        bits[row][column] |= dots
                        owner[row][column] = which
            ends = [span for span in found if math.isfinite(span.last)]
            if ends:
                letters[_row_of(ends[-1].last, up, height), min(width - 1, ends[-1].column // 2)] = which
        rows: list[list[Cell]] = [
            [(chr(0x2800 + dots) if dots else _BLANK, owner[row][column]) for column, dots in enumerate(cells)]
            for row, cells in enumerate(bits)
        ]
        for (row, column), which in letters.items():
            rows[row][column] = (_LETTERS[which % len(_LETTERS)], which)
        return rows

    def _segments(self, cells: list[Cell], cursor: int | None, styles: list[Style]) -> list[Segment]:
        """A row's cells, those of one style together; the cursor's column where nothing is drawn."""
        runs: list[tuple[str, Style]] = []
        for column, (char, which) in enumerate(cells):
            style = styles[(which or 0) % len(_ROLES)]
            if column == cursor and char == _BLANK:
                char, style = "│", styles[-1]
            if runs and (runs[-1][1] == style or char == _BLANK):
                runs[-1] = (runs[-1][0] + char, runs[-1][1])
            else:
                runs.append((char, style))
        return [Segment(text, style) for text, style in runs]

    def _legend(self, width: int) -> list[Segment]:
        """Each series' mark, name and value: the last one, or the one at the cursor."""
        segments = [Segment(" ", self.rich_style)]
        if self.cursor is not None:
            where = duration(self.cursor) if self.by_time else f"step {self.cursor:,.0f}"
            segments += [Segment(where, self.rich_style + _CURSOR), Segment("   ", self.rich_style)]
        entries = []
        for index, (name, points) in enumerate(self.series.items()):
            value = _value_at(points, self.cursor)
            mark = _LETTERS[index % len(_LETTERS)] if self.overlay else _LEGEND[index % len(MARKS)]
            shown = "–" if value is None else f"{value:.4g}"
            broken = value is not None and not math.isfinite(value)
            entries.append(Entry(mark, _ROLES[index % len(_ROLES)], name, shown, "bad" if broken else ""))
        room = width - sum(segment.cell_length for segment in segments)
        pieces = legend(entries, room, self.caption)
        return [*segments, *(Segment(piece.text, self.style_of(piece, self.rich_style)) for piece in pieces)]

    def _middle(self) -> str:
        """What runs across, and how the chart is turned."""
        parts = ["time" if self.by_time else "step"]
        if self.smoothing:
            parts.append(f"smoothed {self.smoothing:g}")
        if self.logarithmic:
            parts.append("log")
        if self.zoom:
            parts.append(f"zoom {2**self.zoom}×")
        return " · ".join(parts)

    def _place_text(self, place: float) -> str:
        return duration(place) if self.by_time else f"{place:,.0f}"


def _row_of(value: float, up: Scale, rows: int) -> int:
    """The row from the top in which the line would draw a value."""
    return rows - 1 - up.place(value, rows * 4) // 4


def _value_at(points: Sequence[Point], place: float | None) -> float | None:
    """The last value as it was reported, at or before `place` where one is given: NaN too, which hides nothing."""
    end = len(points) if place is None else bisect_right(points, place, key=lambda point: point[0])
    return points[end - 1][1] if end else None
