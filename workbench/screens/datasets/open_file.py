"""A file that is open: its document, its format, and what is known about its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.screens.datasets.edited import MOST, look
from workbench.screens.datasets.facts import FileFacts, RowFacts, RuleCount, counted
from workbench.screens.datasets.table import Listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.analysis import Spec
    from workbench.dataset.formats import Format
    from workbench.dataset.query import QueryRow
    from workbench.dataset.rows import Document, RowId, Rows
    from workbench.dataset.rules import Finding


@dataclass
class OpenFile:
    """A file that is open, and what is known about it."""

    document: Document
    side: str
    """`train`, `validation`, `test`, or empty for a file that the project does not name."""
    format: Format
    reason: str = ""
    """Why it is taken for that format."""
    facts: FileFacts | None = None
    """Of the rows on disk; None before they are analysed."""
    spec: Spec | None = None
    """What its rows are asked; None before that is known."""
    _edited: dict[RowId, RowFacts] = field(default_factory=dict)
    """Of rows that a person wrote."""
    _counted: set[RowId] = field(default_factory=set)
    """Those of them whose tokens are counted."""

    @property
    def path(self) -> Path:
        """As it was given."""
        return self.document.path

    @property
    def rows(self) -> Rows:
        """The file as it is on disk."""
        return self.document.rows

    def facts_of(self, row: RowId) -> RowFacts:
        """What is known of a row."""
        if row >= 0:
            return RowFacts() if self.facts is None else self.facts.of(row)
        known = self._edited.get(row)
        if known is None and self.spec is not None:
            known = look(self.document.raw(row), self.spec)
            if len(self._edited) < MOST:
                self._edited[row] = known
        return known or RowFacts()

    def uncounted(self) -> list[RowId]:
        """Rows that a person wrote and whose tokens are still to be counted; none where there are too many."""
        ids = self.document.ids()
        rows = [row for row in ids[ids < 0].tolist() if row not in self._counted]
        return rows if len(rows) + len(self._counted) <= MOST else []

    def put_facts(self, facts: dict[RowId, RowFacts]) -> None:
        """What was found out about rows that a person wrote."""
        self._edited |= facts
        self._counted |= facts.keys()

    def severities(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Of the worst finding about each row, as far as it is known."""
        import numpy as np

        severity = np.zeros(len(rows), dtype=np.uint8)
        if self.facts is not None:
            column = self.facts.known.severity
            ours = (rows >= 0) & (rows < len(column))
            severity[ours] = column[rows[ours]]
        written = np.flatnonzero(rows < 0)
        for place, row in zip(written.tolist(), rows[written].tolist(), strict=True):
            known = self._edited.get(row)
            severity[place] = 0 if known is None else known.severity
        return severity

    def rows_found(self, code: str) -> list[RowId]:
        """Rows that a person wrote in which a rule is known to find something."""
        written = list(self._edited.items())  # a copy: a filter may be adding to it
        return [row for row, facts in written if any(finding.code == code for finding in facts.findings)]

    def rules_found(self) -> list[RuleCount]:
        """Every rule that found something on disk or in an edited row."""
        found = {} if self.facts is None else {rule.code: rule for rule in self.facts.rules}
        for facts in list(self._edited.values()):  # a filter may be adding to it
            for rule in counted(facts.findings):
                found.setdefault(rule.code, rule)
        return sorted(found.values(), key=lambda rule: rule.severity != "error")

    def about_file(self) -> tuple[Finding, ...]:
        """Findings that are about no row."""
        return () if self.facts is None else self.facts.about_file

    def number_of(self, row: RowId) -> str:
        """What stands for a row: its line in the file; of a new one `new`."""
        origin = self.document.origin(row)
        return "new" if origin is None else str(self.rows.line(origin))

    def value_of(self, row: RowId) -> object:
        """The value of a row, or the DecodeError that it raises."""
        from workbench.dataset.rows import DecodeError

        try:
            return self.document.value(row)
        except DecodeError as error:
            return error

    def listed(self, row: RowId, marked: bool) -> Listed:
        """A row as the list shows it."""
        from workbench.screens.record_text import summary_of

        raw = self.document.raw(row)
        summary = summary_of(raw, lambda: self.document.value(row), self.format)
        return Listed(self.number_of(row), marked, row < 0, self.facts_of(row), len(raw), summary)

    def query_row(self, row: RowId, *, analysed: bool) -> QueryRow:
        """An edited row as a filter sees it; `analysed`: it asks for what only rules and counters know."""
        from workbench.dataset.query import QueryRow

        facts = self.facts_of(row) if analysed else RowFacts()
        origin = self.document.origin(row)
        return QueryRow(
            self.document.raw(row),
            self.format,
            line=None if origin is None else self.rows.line(origin),
            tokens=facts.tokens,
            severity=facts.severity,
            flags=facts.flags,
            codes=frozenset(finding.code for finding in facts.findings),
            edited=row < 0,
        )

    def rebase(self) -> None:
        """After a save over the source: rows are numbered anew, and what was known of them is not any more."""
        self.facts = None
        self._edited.clear()
        self._counted.clear()

    @property
    def unsaved(self) -> int:
        """Edits that are not in the file."""
        return self.document.unsaved
