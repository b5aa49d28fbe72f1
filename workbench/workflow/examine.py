"""Looking through a dataset for what should not be in it: secrets, personal data, copies, leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.rows import open_rows
from workbench.dataset.scan import ScanFinding, scan

if TYPE_CHECKING:
    from workbench.dataset.duplicates import Duplicates


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found; the keys of the command line contract."""

    file: str
    records: int
    findings: tuple[ScanFinding, ...]
    """By line."""


def scan_dataset(path: Path, *, progress: Callable[[int, int], None] | None = None) -> Scanned:
    """Find secrets and personal data in every text of a file; `progress` gets rows done and rows in all."""
    with open_rows(path) as rows:
        return Scanned(str(path), len(rows), tuple(scan(rows, progress)))


def duplicates_in(
    path: Path,
    against: Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Duplicates:
    """Exact and near copies within a file; with `against` also what that file has of it, whole or by its question.

    Many records are compared by worker processes; `cancelled` is asked between blocks of rows.
    """
    from workbench.dataset.duplicates import find_duplicates

    with open_rows(path) as rows:
        if against is None:
            return find_duplicates(rows, progress=progress, cancelled=cancelled)
        with open_rows(against) as others:
            return find_duplicates(rows, against=others, progress=progress, cancelled=cancelled)
