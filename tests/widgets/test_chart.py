"""The chart: what it draws, what it survives, what it costs."""

from __future__ import annotations

import math
import random

import pytest
from textual.app import App, ComposeResult

from workbench.widgets.chart import Canvas, Scale, SeriesChart, draw_line, scale_for, tick_labels

NAN, INF = float("nan"), float("inf")


class ChartApp(App[None]):
    """A chart and nothing else."""

    def __init__(self, series: dict) -> None:
        super().__init__()
        self.chart = SeriesChart()
        self.chart.series = series

    def compose(self) -> ComposeResult:
        yield self.chart


def lines_of(app: ChartApp) -> list[str]:
    """The chart as text."""
    return [app.chart.render_line(y).text for y in range(app.chart.size.height)]


async def drawn(series: dict, size: tuple[int, int] = (60, 14)) -> list[str]:
    """The chart of some series as text."""
    app = ChartApp(series)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        return lines_of(app)


@pytest.mark.parametrize(
    "values", [[2.4, 0.3], [0.0, 1e-6], [-3.0, 7.0], [1e6, 3e7], [5.0], [5.0, 5.0], [], [NAN, INF]]
)
def test_a_scale_holds_its_values_and_two_round_ticks(values) -> None:
    """Two ticks at least, all inside, told apart by their labels."""
    scale = scale_for(values, 5)
    finite = [value for value in values if math.isfinite(value)]
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in finite)
    assert len(scale.ticks) >= 2
    assert all(scale.low - 1e-9 <= tick <= scale.high + 1e-9 for tick in scale.ticks)
    labels = tick_labels(scale.ticks)
    assert len(set(labels)) == len(labels)


def test_a_line_connects_its_points_and_breaks_at_a_gap() -> None:
    """A value that is not finite is a gap, not a bridge."""
    across, up = Scale(0, 10, ()), Scale(0, 1, ())
    whole, broken = Canvas(20, 2), Canvas(20, 2)
    draw_line(whole, [(0, 0.5), (5, 0.5), (10, 0.5)], across, up)
    draw_line(broken, [(0, 0.5), (5, NAN), (10, 0.5)], across, up)
    row = next(row for row in range(2) if whole.text(row).strip())
    assert whole.text(row).count(" ") == 0
    assert broken.text(row).strip() != ""
    assert broken.text(row)[1:-1].strip() == ""


def test_many_points_show_their_extremes() -> None:
    """100,000 points in 40 cells: a single peak is still there."""
    points = [(step, 0.5) for step in range(100_000)]
    points[61_803] = (61_803, 1.0)
    canvas = Canvas(40, 8)
    draw_line(canvas, points, Scale(0, 99_999, ()), Scale(0, 1, ()))
    assert canvas.text(0).strip() != ""
    assert len(canvas.text(0).strip()) == 1


async def test_nothing_yet_is_said() -> None:
    """No points: a sentence in the middle, no axes."""
    lines = await drawn({"training loss": (), "validation loss": ()})
    assert "nothing measured yet" in "\n".join(lines)
    assert "┤" not in "\n".join(lines)


async def test_one_point_is_drawn() -> None:
    """One dot, its value in the legend and on the axis."""
    text = "\n".join(await drawn({"training loss": [(1, 2.5)]}))
    assert "training loss 2.5" in text
    assert any(0x2800 < ord(char) <= 0x28FF for char in text)


async def test_only_nan_is_survived() -> None:
    """A run that diverged at once."""
    text = "\n".join(await drawn({"training loss": [(1, NAN), (2, INF)]}))
    assert "training loss –" in text


async def test_two_series_differ_without_colour() -> None:
    """The first is a braille line, the second is dots; the legend says which is which with the last values."""
    train = [(step, 3 / step) for step in range(1, 101)]
    lines = await drawn({"training loss": train, "validation loss": [(50, 1.5), (100, 2.0)]})
    assert "━━ training loss 0.03" in lines[0]
    assert "● validation loss 2" in lines[0]
    body = "".join(lines[1:-2])
    assert body.count("●") == 2
    assert lines[-1].split() == ["1", "step", "100"]


async def test_the_axis_goes_to_the_last_step_that_is_expected() -> None:
    """While a job runs the empty part shows what is left."""
    app = ChartApp({"training loss": [(step, 1.0 / step) for step in range(1, 11)]})
    app.chart.last_step = 100
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        lines = lines_of(app)
    assert lines[-1].split()[-1] == "100"
    assert all(not line[20:].strip() for line in lines[2:-2])


async def test_the_cursor_reads_off_a_step() -> None:
    """← starts at the last step; the legend shows the values there; escape shows the last ones again."""
    app = ChartApp({"training loss": [(1, 3.0), (2, 2.0), (3, 1.0)], "validation loss": [(2, 2.5)]})
    async with app.run_test(size=(60, 14)) as pilot:
        app.chart.focus()
        await pilot.press("left", "left")
        assert app.chart.cursor == 2
        legend = lines_of(app)[0]
        assert "step 2" in legend
        assert "training loss 2 " in legend
        assert "validation loss 2.5" in legend
        await pilot.press("escape")
        assert "training loss 1 " in lines_of(app)[0]


@pytest.mark.parametrize("size", [(12, 3), (20, 4), (200, 60), (16, 5)])
async def test_any_size_is_survived(size) -> None:
    """Every line is exactly as wide as the chart."""
    series = {"a": [(step, math.sin(step)) for step in range(500)], "b": [(step, 1.0) for step in range(0, 500, 50)]}
    app = ChartApp(series)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        widths = {app.chart.render_line(y).cell_length for y in range(app.chart.size.height)}
        assert widths == {app.chart.size.width}


async def test_names_from_data_are_not_obeyed() -> None:
    """A series may be called anything."""
    assert "␛[2J" in (await drawn({"\x1b[2J": [(1, 1.0)]}))[0]


async def test_an_update_is_small() -> None:
    """A 118×20 chart of noise and marks is at most 7 kB with its colours."""
    rng = random.Random(1)
    series = {
        "training loss": [(step, rng.random()) for step in range(1000)],
        "validation loss": [(step, rng.random()) for step in range(0, 1000, 50)],
    }
    app = ChartApp(series)
    async with app.run_test(size=(118, 20)) as pilot:
        await pilot.pause()
        size = sum(len(app.chart.render_line(y).render(app.console).encode()) for y in range(20))
    assert size <= 7_500
