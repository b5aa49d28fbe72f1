"""How many epochs a job takes by default."""

from __future__ import annotations

import pytest

from workbench.dataset.epochs import default_epochs


@pytest.mark.parametrize(
    ("records", "epochs"),
    [
        (1, 25),
        (4, 25),
        (5, 20),
        (10, 10),
        (33, 3),
        (34, 3),
        (100, 3),
        (8333, 3),
        (8334, 2),
        (12500, 2),
        (12501, 1),
        (30000, 1),
    ],
)
def test_epochs_follow_the_cookbooks_rule(records: int, epochs: int) -> None:
    """Golden vectors of its newest version."""
    assert default_epochs(records) == epochs
