"""Text from outside is shown, never obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from workbench.terminal.escape import visible, visible_line, without_controls
from workbench.terminal.line_filter import ControlCharacterFilter

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
anything = st.text(st.characters())
hostile = st.text(st.sampled_from("\x1b[2J]52;c;\a\x9b\x90\u202e\u2066\ud83d\x7fab\r\n\t漢👩‍🔬"))


@given(anything | hostile)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Neither controls nor directional overrides nor what UTF-8 cannot hold."""
    assert not OBEYED.search(visible(text))
    visible(text).encode()


@given(anything | hostile)
def test_twice_is_once(text: str) -> None:
    """Data may pass through more than one boundary."""
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_stays(text: str) -> None:
    """Letters, numbers, punctuation, symbols and blanks of every script are untouched."""
    assert visible(text) == text


@given(anything | hostile)
def test_one_line_is_one_line(text: str) -> None:
    """A list's row never breaks."""
    assert len(visible_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x9b31m", "␛[31m"),
        ("\x1b]52;c;aGk=\a", "␛]52;c;aGk=␇"),
        ("a\x7f", "a␡"),
        ("user\u202etxt.exe", "user⟨RLO⟩txt.exe"),
        ("\U000e0041", "⟨TAG A⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("👩‍🔬 ok\tand\n", "👩‍🔬 ok\tand\n"),
    ],
)
def test_each_kind_has_its_glyph(raw: str, shown: str) -> None:
    """A person sees what is there."""
    assert visible(raw) == shown


@given(st.lists(anything | hostile, max_size=4))
def test_the_filter_is_the_second_wall_and_keeps_the_width(texts: list[str]) -> None:
    """What slipped past the boundary is deleted, and what stands right of it stays in its column."""
    segments = [Segment(text) for text in texts]
    for before, after in zip(segments, ControlCharacterFilter().apply(segments, Color.parse("black")), strict=True):
        assert not OBEYED.search(after.text.replace("\t", "\x01"))
        after.text.encode()
        if not re.search("[\ud800-\udfff]", before.text):
            assert cell_len(after.text) >= cell_len(without_controls(before.text))
            assert cell_len(after.text) == max(cell_len(before.text), cell_len(without_controls(before.text)))
