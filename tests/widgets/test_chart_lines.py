"""A chart among other text."""

from __future__ import annotations

import pytest

from workbench.widgets.chart_lines import chart_lines
from workbench.widgets.textline import width_of

ONE = [(month, 50.0 + 10.0 * month) for month in range(13)]
OTHER = [(month, 20.0 * month) for month in range(13)]


@pytest.mark.parametrize(("width", "height"), [(24, 5), (46, 10), (118, 18)])
def test_it_is_as_large_as_it_was_asked_for(width: int, height: int) -> None:
    lines = chart_lines({"a": ONE, "b": OTHER}, width, height, across="months", unit="$")
    assert len(lines) == height
    assert all(width_of(line) <= width for line in lines[1:])


def test_a_line_and_marks_cross_where_the_values_do() -> None:
    """The marks start below the line, meet it in month 5 and end above."""
    lines = chart_lines({"a": ONE, "b": OTHER}, 60, 20, across="months", unit="$")
    text = ["".join(piece.text for piece in line) for line in lines]
    assert "━━ a" in text[0] and "● b" in text[0]
    assert any("$0┤" in line for line in text) and "months" in text[-1] and text[-1].rstrip().endswith("12")
    first = next(row for row, line in enumerate(text) if line.rstrip().endswith("●"))
    assert first < 4, "the last mark is the highest"
    start = text[-3]
    assert "●" in start and start.index("●") < 8, "the first mark is the lowest"


def test_nothing_to_draw_and_no_room_draw_nothing() -> None:
    assert chart_lines({}, 80, 10) == []
    assert chart_lines({"a": ONE}, 80, 4) == []
    assert chart_lines({"a": ONE}, 12, 10) == []
