"""From the parts of a file to what is to be said about all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.dataset.analysis.columns import DUPLICATE, Columns, ColumnStore
from workbench.dataset.analysis.findings import ABOUT_FILE, FindingList, Findings
from workbench.dataset.analysis.places import Places
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.rows import Rows
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.rules.facts import Facts, Tally
from workbench.dataset.rules.limits import tokens_matter
from workbench.dataset.tokens import Counter, FormulaCounter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.dataset.analysis.part import Part


_AT_ONCE = 1 << 16  # rows whose copies are looked for at once: sorting them all with their numbers takes much memory


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that have just become known; what is to be said about the whole file is not yet in it."""

    first_row: int
    columns: Columns
    findings: Findings
    """With the rows and lines of the file."""
    file: Columns | None
    """All rows of the file, filled as far as they are known; None where it is not known how many there will be."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of the rows of a file."""

    spec: Spec
    columns: Columns
    """By row number of the base file."""
    findings: Findings
    places: Places
    """On which lines the rows begin."""


@dataclass(slots=True)
class Whole:
    """Takes parts, which may come in any order, and puts them together."""

    rows: Rows
    spec: Spec
    into: Columns | None = None
    """Where the columns are filled, if all rows of the file are known."""
    facts: Facts = field(default_factory=Facts)
    row_count: int = 0
    line_count: int = 0
    _waiting: dict[int, Part] = field(default_factory=dict)
    _taken: int = 0
    _columns: ColumnStore = field(init=False)
    _findings: list[tuple[Findings, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._columns = ColumnStore(len(self.rows) if self.rows.complete else None, self.into)

    @property
    def digests(self) -> NDArray[Any]:
        """Of the rows so far, see DIGEST."""
        return self._columns.digests

    def needs_tokens(self, counter: Counter | None) -> bool:
        """Whether the tokens of all rows must be summed for a rule about the file; it is noted that they will be."""
        if counter is None and self.spec.counting is None:
            return False
        context = replace(self.spec.context(), counter=FormulaCounter("whatever counts", True, len))
        asked = any(rule.code == "L006" for rule in self.spec.rules())
        needed = asked and tokens_matter(Facts(size=self.rows.size), context)
        self.facts.tokens = 0 if needed else None
        return needed

    def take(self, number: int, part: Part) -> Iterator[Chunk]:
        """Take a part; gives the rows that are now known without a gap."""
        self._waiting[number] = part
        while (part_ := self._waiting.pop(self._taken, None)) is not None:
            rows, lines = self.row_count, self.line_count
            self.facts.merge(part_.tally, lines)
            self.facts.blank_lines += [line + lines for line in part_.blank_lines]
            if self.facts.tokens is not None:
                self.facts.tokens += part_.tokens
            self._columns.append(part_.columns, part_.digests)
            self._findings.append((part_.findings, rows, lines))
            self._taken += 1
            self.row_count += len(part_.columns)
            self.line_count += part_.lines
            yield Chunk(rows, part_.columns, Findings.joined([self._findings[-1]]), self._columns.shared)

    def take_all(
        self,
        columns: Columns,
        digests: NDArray[Any],
        found: Sequence[Findings],
        tally: Tally,
        blank_lines: Sequence[int],
    ) -> None:
        """Take what is known of all rows at once, to have it; the findings have the rows and lines of the file."""
        for counted in fields(Tally):
            setattr(self.facts, counted.name, getattr(tally, counted.name))
        self.facts.blank_lines += blank_lines
        self._columns = ColumnStore.of(columns, digests)
        self._findings = [(findings, 0, 0) for findings in found]
        self.row_count = len(columns)
        self.line_count = len(columns) + len(blank_lines)

    def finish(self, prepare: Callable[[Facts], None] | None = None) -> Analysis:
        """Everything, with what the rules about the file say; `prepare` may add to the facts that they look at."""
        columns = self._columns.finish()
        facts = self.facts
        facts.size, facts.encoding, facts.damage = self.rows.size, self.rows.encoding, self.rows.damage()
        index = self.rows.index
        array = np.array(index.lines, "i8") if isinstance(index, ElementIndex) else None
        places = Places(len(columns), np.array(facts.blank_lines, "i8"), array)
        copies, firsts = _copies(self.digests)
        lines = places.lines(np.concatenate([copies, firsts])).tolist()
        facts.duplicates = list(zip(lines[: len(copies)], lines[len(copies) :], strict=True))
        if prepare is not None:
            prepare(facts)
        columns.flags[copies] |= DUPLICATE
        about_file = FindingList()
        context = self.spec.context()
        for rule in self.spec.rules():
            if rule.check_file is not None:
                for problem in rule.check_file(facts, context):
                    about_file.add(rule.finding(problem, None), ABOUT_FILE)
        found = about_file.finish()
        found = replace(found, row=places.rows_at(found.line.astype("i8")))
        findings = Findings.joined([*self._findings, (found, 0, 0)])
        about_rows = findings.row >= 0
        np.maximum.at(columns.severity, findings.row[about_rows], findings.severities()[about_rows])
        return Analysis(self.spec, columns, findings, places)


def _copies(digests: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows that are there already, in order, and for each the first row that is its like."""
    ordered = np.sort(digests)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    pieces = (
        np.flatnonzero(_among(digests[at : at + _AT_ONCE], twice)) + at for at in range(0, len(digests), _AT_ONCE)
    )
    rows = np.concatenate([np.zeros(0, "i8"), *pieces])
    rows = rows[digests[rows] != 0]
    _, firsts, groups = np.unique(digests[rows], return_index=True, return_inverse=True)
    copies = np.flatnonzero(firsts[groups] != np.arange(len(rows)))
    return rows[copies], rows[firsts[groups[copies]]]


def _among(digests: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """Which of these are among the known ones, which are in order; `np.isin` would load masked arrays for it."""
    if not len(known):
        return np.zeros(len(digests), bool)
    places = np.minimum(np.searchsorted(known, digests), len(known) - 1)
    found: NDArray[Any] = known[places] == digests
    return found
