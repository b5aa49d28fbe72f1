"""What is known of every row of a file: columns and findings, found by worker processes, kept by content."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

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
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.whole import Analysis, Chunk

if TYPE_CHECKING:
    from workbench.dataset.analysis.apart import analyse_apart
    from workbench.dataset.analysis.carried import Before
    from workbench.dataset.analysis.pool import AnalysisCancelled
    from workbench.dataset.analysis.row import RowFacts, facts_of
    from workbench.dataset.analysis.run import analyse, in_rows

# What looks at rows is loaded by whoever has them looked at in this process.
_LOOKING = {
    "AnalysisCancelled": "pool",
    "Before": "carried",
    "RowFacts": "row",
    "analyse": "run",
    "analyse_apart": "apart",
    "facts_of": "row",
    "in_rows": "run",
}

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
    "analyse_apart",
    "facts_of",
    "in_rows",
]


def __getattr__(name: str) -> object:
    """What looks at rows, when it is asked for."""
    if name in _LOOKING:
        return getattr(importlib.import_module(f"{__name__}.{_LOOKING[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
