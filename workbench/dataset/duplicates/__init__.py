"""Records that are there more than once, exactly or nearly, in one file or across two."""

from __future__ import annotations

from workbench.dataset.duplicates.alike import NEAR
from workbench.dataset.duplicates.crew import Cancelled
from workbench.dataset.duplicates.find import (
    Copies,
    Duplicates,
    Leaked,
    find_duplicates,
    groups,
    leaked,
    leaked_texts,
)
from workbench.dataset.duplicates.join import Match
from workbench.dataset.duplicates.settle import settled

__all__ = [
    "NEAR",
    "Cancelled",
    "Copies",
    "Duplicates",
    "Leaked",
    "Match",
    "find_duplicates",
    "groups",
    "leaked",
    "leaked_texts",
    "settled",
]
