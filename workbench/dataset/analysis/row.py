"""One row, looked at by way of the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from workbench.dataset.analysis.columns import BROKEN, ESTIMATED, NO_SEVERITY, OTHER_ROLE, PERSONAL, ROLE_BITS, SECRET
from workbench.dataset.analysis.findings import level_of
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.formats import RecordError
from workbench.dataset.record_tokens import count_record, roles_of
from workbench.dataset.rows import DecodeError
from workbench.dataset.rules.facts import Row, row_digest
from workbench.dataset.rules.look import look_at, row_findings
from workbench.dataset.rules.registry import Finding
from workbench.dataset.tokens import Counter

SCANNING = frozenset({"X001", "X002"})
"""Rules that say what `dataset.scan` finds."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What columns and findings hold, for one row; see `Columns` for the numbers."""

    turns: int
    roles: int
    tokens: int
    answer_tokens: int
    severity: int
    digest: int
    flags: int
    size: int
    findings: tuple[Finding, ...]


class Analyst:
    """Looks at rows by one spec; `counter` overrides what the spec counts with."""

    def __init__(self, spec: Spec, counter: Counter | None = None) -> None:
        if counter is None and spec.counting is not None:
            counter = spec.counting.counter()
        self.spec = spec
        self.counter = counter if spec.tokens else None
        """Counts every row; None: rows are not counted."""
        self.context = replace(spec.context(), counter=counter)
        self.rules = [rule for rule in spec.rules() if rule.check_file is None]
        self.scans = spec.scan or any(rule.code in SCANNING for rule in self.rules)

    def look(self, row: Row) -> RowFacts:
        """All there is to say about one row."""
        found = tuple(row_findings(row, self.context, self.rules))
        flags = self._scanned(row.raw) if self.scans else 0
        turns, roles, tokens, answers, digest = 0, 0, -1, -1, 0
        if isinstance(row.value, DecodeError):
            flags |= BROKEN
        else:
            digest = row_digest(row.value, row.raw)
            names = self._roles(row)
            turns, roles = len(names), role_mask(names)
            try:
                if self.counter is not None:
                    counted = count_record(row.value, self.spec.format, self.counter)
                    tokens, answers = counted.total, counted.assistant
                    flags |= 0 if counted.exact else ESTIMATED
            except RecordError:
                pass  # a rule says what is wrong with it; it has no number of tokens
        severity = max(map(level_of, found), default=NO_SEVERITY)
        return RowFacts(turns, roles, tokens, answers, severity, digest, flags, len(row.raw), found)

    def _roles(self, row: Row) -> tuple[str, ...]:
        if row.record is not None:
            return tuple(message.role for message in row.record.messages)
        try:
            return roles_of(row.value, self.spec.format)
        except RecordError:
            return ()

    def _scanned(self, raw: bytes) -> int:
        from workbench.dataset.scan import row_hits

        groups = {hit.group for hit in row_hits(raw)}
        return (SECRET if "secret" in groups else 0) | (PERSONAL if "personal" in groups else 0)


def role_mask(roles: Iterable[str]) -> int:
    """Which roles occur, as the column has it."""
    mask = 0
    for role in roles:
        mask |= ROLE_BITS.get(role, OTHER_ROLE)
    return mask


@lru_cache(maxsize=8)
def _analyst(spec: Spec) -> Analyst:
    return Analyst(spec)


def facts_of(raw: bytes, spec: Spec, *, line: int = 1, counter: Counter | None = None) -> RowFacts:
    """What an analysis by `spec` would know of a row with these bytes: without DUPLICATE and the rules about files.

    Made for rows that were just edited. `counter` saves making the one that the spec names.
    """
    analyst = _analyst(spec) if counter is None else Analyst(spec, counter)
    return analyst.look(look_at(raw, spec.format, line=line))
