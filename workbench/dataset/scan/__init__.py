"""Secrets and personal data in training records: found by pattern, confirmed by check digits, shown masked."""

from __future__ import annotations

from workbench.dataset.scan.hits import Hit, hits, kinds, prefilter, replace_hits
from workbench.dataset.scan.patterns import Group
from workbench.dataset.scan.records import RecordHit, ScanFinding, record_hits, row_hits, scan

__all__ = [
    "Group",
    "Hit",
    "RecordHit",
    "ScanFinding",
    "hits",
    "kinds",
    "prefilter",
    "record_hits",
    "replace_hits",
    "row_hits",
    "scan",
]
