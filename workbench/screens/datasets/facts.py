"""What is known about the rows of an open file: of those on disk from the analysis, of edited ones as they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.dataset.analysis import Analysis, Chunk, Columns, Findings
    from workbench.dataset.query import Known
    from workbench.dataset.rules import Finding

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
    found: Callable[[], NDArray[np.integer[Any]]]
    """How many findings each row has: worked out when it is asked for, as most have none."""
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

    def sees(self, rows: Iterable[int]) -> bool:
        """Whether all of these rows of the file are analysed; those that a person wrote do not count."""
        seen = self.known.seen
        return all(row < 0 or (row < len(seen) and bool(seen[row])) for row in rows)


def counted(findings: Collection[Finding]) -> tuple[RuleCount, ...]:
    """The rules that found something: errors first, then those that found most."""
    counts: dict[str, int] = {}
    first: dict[str, Finding] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
        first.setdefault(finding.code, finding)
    return _ordered(
        RuleCount(code, first[code].name, str(first[code].severity), count) for code, count in counts.items()
    )


def _ordered(rules: Iterable[RuleCount]) -> tuple[RuleCount, ...]:
    return tuple(sorted(rules, key=lambda rule: (rule.severity != "error", -rule.findings, rule.code)))


def facts_of_analysis(analysis: Analysis) -> FileFacts:
    """What an analysis of the whole file found."""
    import numpy as np

    from workbench.dataset.query import Known
    from workbench.dataset.query.nodes import SEVERITIES
    from workbench.dataset.rules import find_rule

    columns, findings = analysis.columns, analysis.findings
    count = len(columns)
    known = Known(
        seen=np.broadcast_to(np.True_, count),
        turns=columns.turns,
        roles=columns.roles,
        tokens=columns.tokens,
        severity=columns.severity,
        flags=columns.flags,
        size=columns.size,
        rows_with=lambda codes: findings.rows_of(tuple(codes)),
        codes_at=lambda row: frozenset(finding.code for finding in findings.of(row)),
    )
    rules = ((find_rule(code), times) for code, times in findings.counts().items())
    levels = findings.severities()
    errors = int((levels == SEVERITIES["error"]).sum())
    return FileFacts(
        known,
        lambda: np.bincount(findings.row[findings.row >= 0], minlength=count),
        findings.of,
        tuple(findings.about_file()),
        _ordered(RuleCount(rule.code, rule.name, str(rule.severity), times) for rule, times in rules),
        errors,
        len(levels) - errors,
    )


class GrowingFacts:
    """Facts that come while the analysis runs, whose columns they are: it fills them in its thread."""

    def __init__(self) -> None:
        self.facts: FileFacts | None = None
        """None as long as nothing is known."""
        self._findings: list[Findings] = []
        self._firsts: list[int] = []

    def take(self, chunk: Chunk) -> None:
        """Rows that have just become known."""
        if chunk.file is None:
            return
        if self.facts is None:
            self.facts = self._over(chunk.file)
        if len(chunk.findings):
            self._findings.append(chunk.findings)
            self._firsts.append(chunk.first_row)
        # Last: whoever sees it finds the rest.
        self.facts.known.seen[chunk.first_row : chunk.first_row + len(chunk.columns)] = True

    def _over(self, columns: Columns) -> FileFacts:
        import numpy as np

        from workbench.dataset.query import Known

        known = Known(
            seen=np.zeros(len(columns), dtype=bool),
            turns=columns.turns,
            roles=columns.roles,
            tokens=columns.tokens,
            severity=columns.severity,
            flags=columns.flags,
            size=columns.size,
            rows_with=self._rows_with,
            codes_at=lambda row: frozenset(finding.code for finding in self._of(row)),
        )
        return FileFacts(known, lambda: np.zeros(len(columns), dtype=np.uint8), self._of, (), (), 0, 0)

    def _of(self, row: int) -> Sequence[Finding]:
        at = bisect_right(self._firsts, row) - 1
        return self._findings[at].of(row) if at >= 0 else ()

    def _rows_with(self, codes: Collection[str]) -> NDArray[np.int64]:
        import numpy as np

        parts = [findings.rows_of(tuple(codes)) for findings in list(self._findings)]
        return np.concatenate([np.empty(0, dtype=np.int64), *parts])
