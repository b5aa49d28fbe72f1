"""How many epochs a job takes by default, by the cookbook's rule."""

from __future__ import annotations

TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MIN_DEFAULT_EPOCHS = 1
MAX_DEFAULT_EPOCHS = 25
"""The cookbook's: three epochs, unless that is fewer than 100 or more than 25,000 examples in all."""


def default_epochs(records: int) -> int:
    """Epochs by the cookbook's rule for a number of records (at least 1)."""
    if records * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // records)
    if records * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(MIN_DEFAULT_EPOCHS, MAX_TARGET_EXAMPLES // records)
    return TARGET_EPOCHS
