"""What is known of every row of a file: columns and findings, found by worker processes, kept by content."""

from __future__ import annotations

from workbench.dataset.analysis.carried import Before
from workbench.dataset.analysis.columns import (
    BROKEN,
    DUPLICATE,
    ERROR,
    ESTIMATED,
    NO_SEVERITY,
    OTHER_ROLE,
    PERSONAL,
    ROLE_BITS,
    SECRET,
    WARNING,
    Columns,
)
from workbench.dataset.analysis.findings import ABOUT_FILE, Findings
from workbench.dataset.analysis.pool import AnalysisCancelled
from workbench.dataset.analysis.row import RowFacts, facts_of
from workbench.dataset.analysis.run import analyse, in_rows
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.whole import Analysis, Chunk

__all__ = [
    "ABOUT_FILE",
    "BROKEN",
    "DUPLICATE",
    "ERROR",
    "ESTIMATED",
    "NO_SEVERITY",
    "OTHER_ROLE",
    "PERSONAL",
    "ROLE_BITS",
    "SECRET",
    "WARNING",
    "Analysis",
    "AnalysisCancelled",
    "Before",
    "Chunk",
    "Columns",
    "Findings",
    "RowFacts",
    "Spec",
    "analyse",
    "facts_of",
    "in_rows",
]
