"""What the rules and the counter say of rows that a person wrote, worked out in a process of its own.

The counter's vocabulary alone would double the memory of the app.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.screens.datasets.facts import RowFacts

if TYPE_CHECKING:
    from workbench.dataset.analysis import Spec
    from workbench.dataset.rows import Document, RowId

MOST: Final = 20_000
"""Edited rows whose facts are kept; a bulk edit of more shows its findings when it is saved."""


def for_rows(spec: Spec) -> Spec:
    """The same question about single rows: without the rules about the file as a whole."""
    from workbench.dataset.rules import all_rules

    asked = {rule.code for rule in spec.rules()}
    codes = tuple(rule.code for rule in all_rules() if rule.check_file is None and rule.code in asked)
    return replace(spec, select=codes, ignore=())


def look(raw: bytes, spec: Spec) -> RowFacts:
    """What rules say of one row, here and now; its tokens stay unknown."""
    from workbench.dataset.analysis import facts_of

    facts = facts_of(raw, replace(spec, counting=None))
    return RowFacts(facts.turns, facts.tokens, facts.severity, facts.findings, facts.flags)


def analyse_rows(
    document: Document, rows: Sequence[RowId], spec: Spec, cancelled: Callable[[], bool]
) -> dict[RowId, RowFacts]:
    """The facts of some rows, tokens too. Raises AnalysisCancelled."""
    from workbench.dataset.analysis import DUPLICATE, analyse

    raws = [document.raw(row) for row in rows]
    with tempfile.TemporaryDirectory(prefix="ftwb-edited-") as folder:
        path = Path(folder) / "rows.json"
        path.write_bytes(b"[" + b",\n".join(raws) + b"]" if document.encoding.array else b"\n".join(raws) + b"\n")
        analysis = analyse(path, spec, workers=1, cancelled=cancelled)
    columns, findings = analysis.columns, analysis.findings
    if len(columns) != len(rows):  # a row with a break in its JSON joined two elements of an array
        return {}
    return {
        row: RowFacts(
            int(columns.turns[at]),
            int(columns.tokens[at]),
            int(columns.severity[at]),
            tuple(findings.of(at)),
            int(columns.flags[at]) & ~DUPLICATE,
        )
        for at, row in enumerate(rows)
    }
