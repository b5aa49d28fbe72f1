"""How values are written."""

from __future__ import annotations

import pytest

from workbench.catalog.figure import Figure
from workbench.widgets import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.4, "0 s"), (89, "89 s"), (91, "2 min"), (5400, "1 h 30 min"), (200_000, "2 days"), (-5, "0 s")],
)
def test_durations(seconds, text) -> None:
    """Coarser as they grow."""
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "USD", "$0.00"), (1.2, "USD", "$1.20"), (0.0004, "USD", "$0.0004"), (-3, "USD", "−$3.00"),
        (0.42, "USD/1k requests", "$0.42 / 1k requests"), (270_000_000, "bytes", "270.0 MB"), (120, "s", "2 min"),
    ],
)  # fmt: skip
def test_amounts(value, unit, text) -> None:
    """As people write them."""
    assert words.amount(value, unit) == text


def test_a_figure_always_says_where_it_comes_from() -> None:
    """The value, then its origin, source and date; a missing one says why."""
    quoted = words.figure_pieces(Figure.quoted(1.5, "USD", "price table", "2026-05-01"))
    assert "".join(piece.text for piece in quoted) == "$1.50  quoted: price table (2026-05-01)"
    missing = words.figure_pieces(Figure.not_measured("USD", "no price is known"))
    assert "".join(piece.text for piece in missing) == "not measured  no price is known"


def test_an_unknown_state_is_shown_as_it_is_called() -> None:
    """Providers have more of them than we know; none is obeyed."""
    assert words.state_piece("waiting_for_capacity").text == "? waiting for capacity"
    assert "\x1b" not in words.state_piece("\x1b[2J").text


def test_the_bar_of_an_interval() -> None:
    """Its ends, its middle, and the whole range around."""
    assert words.bar((0.2, 0.8), 0.5, 11) == "··├──●──┤··"
    assert words.bar(None, None, 5) == "     "


@pytest.mark.parametrize(("p", "text"), [(0.0, "<0.001"), (0.0009, "<0.001"), (0.05, "0.050"), (None, "–")])
def test_p_is_never_zero(p, text) -> None:
    """No test is that sure."""
    assert words.p_text(p) == text
