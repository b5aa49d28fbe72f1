"""What the screens on top of Evaluate look like. Update with `pytest --snapshot-update`, after looking."""

from __future__ import annotations

import pytest

from tests.screens.loop_workspace import ACCURACY, TUNED, loop  # noqa: F401 - a fixture

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
NARROW = (80, 24)
WITH_TUNED = {**ACCURACY, TUNED: 0.8}


@SIZES
def test_regressions(loop, snap_compare, size) -> None:  # noqa: F811
    """The filter and its count beside the pair; the item's difference."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["enter", "b", "r"], terminal_size=size)


@SIZES
def test_words(loop, snap_compare, size) -> None:  # noqa: F811
    """Brackets with a sign around words that only one side has."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["enter", "b", "r", "w"], terminal_size=size)


@SIZES
def test_slices(loop, snap_compare, size) -> None:  # noqa: F811
    """Slices by way, few items called so, the candidates of one below."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["s", "j", "j"], terminal_size=size)


@SIZES
def test_voting(loop, snap_compare, size) -> None:  # noqa: F811
    """Question above, A and B below each other or side by side, no names by them."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["v", "t", "r"], terminal_size=size)


def test_voting_result(loop, snap_compare) -> None:  # noqa: F811
    """Who was which, bars, the test, and that it was seen early."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["v", *"aabababatbs", "f"], terminal_size=NARROW)


@SIZES
def test_neighbours(loop, snap_compare, size) -> None:  # noqa: F811
    """Nearest training records, what they share, whether they have the same answer."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["enter", "N"], terminal_size=size)


def test_leak_warning(loop, snap_compare) -> None:  # noqa: F811
    """What training on a test item would do; only y goes on."""
    loop.measured(WITH_TUNED)
    assert snap_compare(loop.app("evaluate"), press=["enter", "T"], terminal_size=NARROW)


def test_prompt_in_the_playground(loop, snap_compare) -> None:  # noqa: F811
    """Both models, the prompt's words waiting for enter."""
    loop.measured({"local/starter": 0.5, "trivial/majority": 0.1})
    assert snap_compare(loop.app("evaluate"), press=["enter", "P"], terminal_size=NARROW)
