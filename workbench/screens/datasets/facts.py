"""What is known about the rows of an open file: of those on disk from the analysis, of edited ones as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workbench.dataset.query.nodes import SEVERITIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.query import Known
    from workbench.dataset.rows import Rows
    from workbench.dataset.rules import Finding, Report

UNKNOWN = -1


class RowFacts(NamedTuple):
    """One row."""

    turns: int = UNKNOWN
    tokens: int = UNKNOWN
    severity: int = 0
    """Of its worst finding: 0 none, 1 warning, 2 error."""
    findings: tuple[Finding, ...] = ()
    flags: int = 0


class RuleCount(NamedTuple):
    """A rule and how often it found something."""

    code: str
    name: str
    severity: str
    findings: int


@dataclass(frozen=True, slots=True, eq=False)
class FileFacts:
    """The rows of the file on disk, by row number, as far as they are analysed."""

    known: Known
    found: NDArray[np.int64]
    """How many findings each row has."""
    findings_of: Callable[[int], Sequence[Finding]]
    about_file: tuple[Finding, ...]
    rules: tuple[RuleCount, ...]
    """The worst first, then those that found most."""
    errors: int
    warnings: int

    def of(self, row: int) -> RowFacts:
        """One row of the file."""
        known = self.known
        if row >= len(known.seen) or not known.seen[row]:
            return RowFacts()
        severity = int(known.severity[row])
        return RowFacts(
            int(known.turns[row]),
            int(known.tokens[row]),
            severity,
            tuple(self.findings_of(row)) if severity else (),
            int(known.flags[row]),
        )

    def problem_rows(self) -> NDArray[np.int64]:
        """Rows with a finding, ascending."""
        import numpy as np

        return np.flatnonzero(self.known.severity)


def counted(findings: Collection[Finding]) -> tuple[RuleCount, ...]:
    """The rules that found something: errors first, then those that found most."""
    counts: dict[str, int] = {}
    first: dict[str, Finding] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
        first.setdefault(finding.code, finding)
    rules = [RuleCount(code, first[code].name, str(first[code].severity), count) for code, count in counts.items()]
    return tuple(sorted(rules, key=lambda rule: (rule.severity != "error", -rule.findings, rule.code)))


def facts_of_report(report: Report, rows: Rows) -> FileFacts:
    """What a check of the whole file found."""
    import numpy as np

    from workbench.dataset.query import Known
    from workbench.dataset.search import extents, line_numbers

    starts, stops = extents(rows)
    lines = line_numbers(rows)
    by_row: dict[int, list[Finding]] = {}
    whole: list[Finding] = []
    for finding in report.findings:
        row = int(np.searchsorted(lines, finding.line)) if finding.line is not None else len(lines)
        if row < len(lines) and lines[row] == finding.line:
            by_row.setdefault(row, []).append(finding)
        else:
            whole.append(finding)
    severity = np.zeros(len(lines), dtype=np.uint8)
    count = np.zeros(len(lines), dtype=np.int64)
    for row, found in by_row.items():
        count[row] = len(found)
        severity[row] = max(SEVERITIES[str(finding.severity)] for finding in found)
    codes = {row: frozenset(finding.code for finding in found) for row, found in by_row.items()}

    def rows_with(wanted: Collection[str]) -> NDArray[np.int64]:
        fitting = (row for row, own in codes.items() if not own.isdisjoint(wanted))
        return np.array(sorted(fitting), dtype=np.int64)

    none = np.zeros(len(lines), dtype=np.uint8)
    known = Known(
        seen=np.ones(len(lines), dtype=bool),
        turns=np.zeros(len(lines), dtype=np.uint16),
        roles=none,
        tokens=np.full(len(lines), UNKNOWN, dtype=np.int32),
        severity=severity,
        flags=none,
        size=(stops - starts).astype(np.int32),
        rows_with=rows_with,
        codes_at=lambda row: codes.get(row, frozenset()),
    )
    return FileFacts(
        known,
        count,
        lambda row: by_row.get(row, ()),
        tuple(whole),
        counted(report.findings),
        report.errors,
        report.warnings,
    )
