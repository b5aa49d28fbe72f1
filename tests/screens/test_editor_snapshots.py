"""What the editor, the pair view and the microscope look like. Update with `--snapshot-update`, after looking."""

from __future__ import annotations

import pytest

from tests.screens.editor_cases import CHAT, PAIR, edit, opened
from workbench.dataset.formats import Format
from workbench.screens.microscope import MicroscopeScreen
from workbench.screens.pair import PairScreen

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
NARROW = (80, 24)


def editing(*keys: str, value=CHAT, fmt=Format.CHAT):
    """Open the editor, then press keys."""

    async def before(pilot) -> None:
        await edit(pilot, opened(value, fmt))
        await pilot.press(*keys)
        await pilot.pause()

    return before


def over(make, *keys: str):
    """Open another screen, then press keys."""

    async def before(pilot) -> None:
        await pilot.pause()
        pilot.app.push_screen(make(pilot.app.context, pilot.app.project))
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return before


def microscope(context, project) -> MicroscopeScreen:
    return MicroscopeScreen(context, project, CHAT, Format.CHAT, "record 12 of 330", "gpt-4o")


def pair(context, project) -> PairScreen:
    return PairScreen(context, project, PAIR, Format.PREFERENCE, "record 12 of 330")


@SIZES
def test_editor(ftwb_app, snap_compare, size) -> None:
    """The messages above (left), the text of one below (right), the finding at the foot, tokens on the right."""
    assert snap_compare(ftwb_app(), run_before=editing("j"), terminal_size=size)


def test_editor_text(ftwb_app, snap_compare) -> None:
    """The text has the keys: the key line is short, the line above it is lit."""
    assert snap_compare(ftwb_app(), run_before=editing("j", "enter", "X"), terminal_size=NARROW)


def test_editor_of_a_pair(ftwb_app, snap_compare) -> None:
    """A heading for each list of messages; the preferred answer has the sign."""
    before = editing(value=PAIR, fmt=Format.PREFERENCE)
    assert snap_compare(ftwb_app(), run_before=before, terminal_size=NARROW)


def test_editor_without_colour(ftwb_app, snap_compare, monkeypatch) -> None:
    """NO_COLOR: ●, ✗ and words say what colours said."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ftwb_app(), run_before=editing("j"), terminal_size=NARROW)


def test_json_dialog(ftwb_app, snap_compare) -> None:
    """A message with all its keys; below, whether it can be kept."""
    assert snap_compare(ftwb_app(), run_before=editing("j", "m", "x"), terminal_size=NARROW)


@SIZES
def test_pair(ftwb_app, snap_compare, size) -> None:
    """One answer above the other; beside each other on the wide screen. Words of one only in brackets."""
    assert snap_compare(ftwb_app(), run_before=over(pair), terminal_size=size)


@SIZES
def test_microscope(ftwb_app, snap_compare, size) -> None:
    """▌ before what is trained, ⟨ ⟩ around special tokens, ⏎ for line ends."""
    assert snap_compare(ftwb_app(), run_before=over(microscope), terminal_size=size)


def test_microscope_cut_and_boundaries(ftwb_app, snap_compare) -> None:
    """Bars between tokens, a line where it is cut, ░ before what is lost."""
    before = over(microscope, "b", "l", "ctrl+a", "ctrl+k", *"40", "enter")
    assert snap_compare(ftwb_app(), run_before=before, terminal_size=NARROW)


def test_microscope_without_colour(ftwb_app, snap_compare, monkeypatch) -> None:
    """NO_COLOR: the bar at the edge says what is trained."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(ftwb_app(), run_before=over(microscope), terminal_size=NARROW)
