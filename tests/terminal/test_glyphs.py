"""Texts in an editor: every control character is shown as one glyph, and comes back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.terminal.escape import visible
from workbench.terminal.glyphs import Glyphs

TEXT = st.text(max_size=20)


@settings(max_examples=100)
@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b\r\x85\u2028\u202e␛␦\ud800")), max_size=40), TEXT)
def test_glyphs_go_back_to_what_they_stand_for(text: str, typed: str) -> None:
    """One character for one, only newlines break lines, nothing that a terminal obeys."""
    glyphs = Glyphs(text)
    shown = glyphs.show(text)
    assert glyphs.back(shown) == text
    assert len(shown) == len(text)
    assert all(line.splitlines() in ([], [line]) for line in shown.split("\n"))
    assert visible(shown) == shown


def test_the_legend_names_what_is_hidden() -> None:
    glyphs = Glyphs("a\x1bb\u202e")
    glyphs.show("a\x1bb\u202e")
    assert glyphs.legend() == ["␛ escape (U+001B)", "␦ right-to-left override (U+202E)"]
