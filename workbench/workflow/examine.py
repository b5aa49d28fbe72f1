"""Looking through a dataset for what should not be in it: secrets, personal data, copies, leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.dataset.rows import open_rows
from workbench.dataset.scan import ScanFinding, scan


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
