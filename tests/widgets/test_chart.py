"""The chart: what it draws, what it survives, what it costs."""

from __future__ import annotations

import math
import random

import pytest
from textual.app import App, ComposeResult

from workbench.widgets.chart import SeriesChart
from workbench.widgets.plot import Canvas, Scale, draw_line, log_scale_for, scale_for, tick_labels

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
    "values",
    [
        [2.4, 0.3],
        [0.0, 1e-6],
        [-3.0, 7.0],
        [1e6, 3e7],
        [5.0],
        [5.0, 5.0],
        [],
        [NAN, INF],
        [0.002, 1.754],
        [0.69, 0.998],
    ],
)
@pytest.mark.parametrize("most_ticks", [2, 5])
def test_a_scale_holds_its_values_and_two_round_ticks(values, most_ticks) -> None:
    """Two ticks at least, all inside, told apart by their labels."""
    scale = scale_for(values, most_ticks)
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
    """A run that diverged at once: the legend says what was reported last, not what was a number last."""
    assert "training loss inf" in "\n".join(await drawn({"training loss": [(1, NAN), (2, INF)]}))
    assert "training loss nan" in "\n".join(await drawn({"training loss": [(1, 0.5), (2, NAN)]}))


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


@pytest.mark.parametrize(("low", "high"), [(1e-6, 10.0), (0.3, 0.5), (2.0, 2.0), (1.0, 1e9)])
def test_a_logarithmic_scale_has_round_ticks_inside(low, high) -> None:
    """Powers of ten over decades, round values within one."""
    scale = log_scale_for(low, high, 5)
    assert scale.low < scale.high
    assert 2 <= len(scale.ticks) <= 6
    assert all(scale.low - 1e-9 <= tick <= scale.high + 1e-9 for tick in scale.ticks)


async def test_a_logarithmic_axis_says_real_values_and_leaves_out_what_it_cannot_hold() -> None:
    """Zero and negative values are gaps; the labels are the values themselves."""
    app = ChartApp({"rate": [(1, 1e-6), (2, 0.0), (3, -1.0), (4, 1e-2)]})
    app.chart.logarithmic = True
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        lines = lines_of(app)
    assert any(line.strip().startswith("1e-06┤") for line in lines)
    assert any(line.strip().startswith("0.01┤") for line in lines)
    assert "log" in lines[-1]


async def test_zoom_shows_the_newest_part_or_what_is_around_the_cursor() -> None:
    """Half of the axis each time; the scale at the left fits what is shown."""
    app = ChartApp({"loss": [(step, 100.0 if step < 50 else 1.0) for step in range(101)]})
    async with app.run_test(size=(60, 14)) as pilot:
        app.chart.zoom = 2
        await pilot.pause()
        lines = lines_of(app)
        assert lines[-1].split()[0] == "75"
        assert not any("100" in line.split("┤")[0] for line in lines[1:-2] if "┤" in line)
        app.chart.cursor = 20
        await pilot.pause()
        low, high = app.chart._window()
        assert low < 20 < high
        app.chart.zoom = -3
        assert app.chart.zoom == 0


async def test_over_each_other_all_are_lines_with_a_letter_at_the_end() -> None:
    """Told apart without colour."""
    app = ChartApp({"first": [(step, 1.0) for step in range(50)], "second": [(step, 2.0) for step in range(50)]})
    app.chart.overlay = True
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        lines = lines_of(app)
    assert "A first 1" in lines[0]
    assert "B second 2" in lines[0]
    body = "".join(lines[1:-2])
    assert body.count("A") == body.count("B") == 1
    assert "●" not in body


async def test_many_marks_are_one_a_cell() -> None:
    """A dense second series stays readable, and its newest value is the legend's."""
    points = [(step, math.sin(step / 3000)) for step in range(20_000)]
    app = ChartApp({"a": points, "b": points})
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        assert "".join(lines_of(app)[1:-2]).count("●") <= 60


async def test_a_curve_that_is_rewritten_is_drawn_anew() -> None:
    """A resumed job tells old steps again: same length, same end, another middle."""
    first = [(step, 1.0) for step in range(40)]
    app = ChartApp({"loss": first})
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        before = lines_of(app)
        again = list(first)
        again[20] = (20, 5.0)
        app.chart.series = {"loss": again}
        await pilot.pause()
        assert lines_of(app) != before


async def test_smoothing_is_the_moving_average_whether_points_come_at_once_or_one_by_one() -> None:
    """A curve that grows keeps its mean."""
    from workbench.widgets.curves import Curve
    from workbench.workflow.series_table import smoothed

    rng = random.Random(2)
    points = [(step, NAN if step == 7 else rng.random()) for step in range(60)]
    grown = Curve()
    for end in range(1, 61):
        grown.show(points[:end], 0.9)
    _, y = grown.within(0, 60, log=False)
    expected = [value for _, value in smoothed(points, 0.9)]
    assert y.tolist() == pytest.approx(expected, nan_ok=True)
