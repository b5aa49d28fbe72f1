"""How far long work on models is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One report: `done` of `total` (None: unknown) in `unit` (bytes or steps) of a phase."""

    phase: str
    """waiting (another process pulls the same), download, convert, or quantise."""
    done: int
    total: int | None
    unit: str


Report = Callable[[PullProgress], None]
