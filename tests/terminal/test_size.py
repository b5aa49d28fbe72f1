"""When the app says that it needs more room."""

from __future__ import annotations

import pytest

from workbench.terminal.size import DESIGNED, too_small


@pytest.mark.parametrize(("width", "height"), [DESIGNED, (80, 23), (200, 60), (60, 18)])
def test_it_fits(width: int, height: int) -> None:
    """tmux takes a row of 24 for its status line."""
    assert too_small(width, height) is None


@pytest.mark.parametrize(("width", "height"), [(40, 10), (59, 24), (80, 17), (1, 1)])
def test_it_does_not(width: int, height: int) -> None:
    """The notice names both sizes."""
    text = too_small(width, height)
    assert text is not None
    assert "80×24" in text
    assert f"{width}×{height}" in text
