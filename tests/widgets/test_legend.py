"""The legend of a chart: values are whole, names give way."""

from __future__ import annotations

import pytest

from workbench.widgets.legend import Entry, legend
from workbench.widgets.textline import width_of

SIDES = [
    Entry("━━", "accent", "training loss", "0.002"),
    Entry("●", "warning", "validation loss", "1.579"),
    Entry("×", "good", "full validation loss", "1.754"),
]


def text_of(entries, width: int, caption: str = "") -> str:
    return "".join(piece.text for piece in legend(entries, width, caption))


def test_with_room_everything_is_said() -> None:
    """The caption at the right end."""
    text = text_of(SIDES, 118, "loss 1/3")
    assert text.startswith("━━ training loss 0.002   ● validation loss 1.579   × full validation loss 1.754 ")
    assert text.endswith(" loss 1/3")
    assert len(text) == 118


def test_words_that_all_names_share_go_first() -> None:
    """Three series at 80 columns: the caption says the word already."""
    text = text_of(SIDES, 77, "loss 1/3")
    assert text.startswith("━━ training 0.002   ● validation 1.579   × full validation 1.754")
    assert text.endswith(" loss 1/3")


@pytest.mark.parametrize("width", [60, 70, 90])
def test_no_value_is_ever_cut_short(width) -> None:
    """Long names are cut in the middle: the tail of a job's name tells it apart."""
    jobs = [Entry(mark, "accent", f"ft:starter:local:run {mark}fc60", f"1.75{i}") for i, mark in enumerate("ABC")]
    pieces = legend(jobs, width, "loss")
    text = "".join(piece.text for piece in pieces)
    assert all(f"1.75{i}" in text for i in range(3))
    assert width_of(pieces) <= width
    assert text.endswith("loss")


def test_one_series_keeps_its_name() -> None:
    """There is nobody to share words with."""
    assert text_of([Entry("━━", "accent", "learning rate", "0.0001")], 30).startswith("━━ learning rate 0.0001")


def test_data_is_not_obeyed() -> None:
    assert "␛[2J" in text_of([Entry("━━", "accent", "\x1b[2J", "1")], 60, "\x1b]0;x")
    assert "\x1b" not in text_of([Entry("━━", "accent", "\x1b[2J", "1")], 60, "\x1b]0;x")
