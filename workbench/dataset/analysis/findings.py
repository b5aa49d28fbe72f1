"""Findings by the million: arrays of small numbers, and every text once."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.dataset.analysis.columns import ERROR, WARNING
from workbench.dataset.rules.registry import Finding, Problem, Rule, Severity, all_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABOUT_FILE = -1
"""The row of a finding about the file as a whole, or about a line that is no row."""

TYPES = {"rule": "u2", "row": "i4", "line": "i4", "message": "i4", "fixable": "u1", "text": "i4"}


class FindingList:
    """Takes findings one by one; what a worker fills."""

    def __init__(self) -> None:
        self._numbers = {rule.code: number for number, rule in enumerate(all_rules())}
        self._texts: dict[str, int] = {}
        self._entries = array("q")  # one after the other, in the order of TYPES: there may be very many

    def add(self, finding: Finding, row: int) -> None:
        """Note a finding about a row, or about the file (ABOUT_FILE)."""
        message = -1 if finding.message_index is None else finding.message_index
        text = self._texts.setdefault(finding.text, len(self._texts))
        self._entries.extend((self._numbers[finding.code], row, finding.line or 0, message, finding.fixable, text))

    def finish(self) -> Findings:
        """What was taken, as arrays."""
        import numpy as np

        table = np.array(self._entries, "i8").reshape(-1, len(TYPES)).T
        arrays = {name: row.astype(kind) for row, (name, kind) in zip(table, TYPES.items(), strict=True)}
        texts = [text.encode("utf-8", "surrogatepass") for text in self._texts]
        ends = np.cumsum([0, *map(len, texts)], dtype="i8")
        return Findings(**arrays, ends=ends, blob=b"".join(texts))


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings in order of line, rule and message; those about the file as a whole first."""

    rule: NDArray[Any]
    """u2: number of the rule in `all_rules()`."""
    row: NDArray[Any]
    """i4: row number of the base file, or ABOUT_FILE."""
    line: NDArray[Any]
    """i4: from 1; 0 for the file as a whole."""
    message: NDArray[Any]
    """i4: from 0; -1 for the record as a whole."""
    fixable: NDArray[Any]
    text: NDArray[Any]
    """i4: number of the text."""
    ends: NDArray[Any]
    """i8: where texts begin and end in `blob`; one more than there are texts."""
    blob: bytes

    def __len__(self) -> int:
        return len(self.rule)

    def __getitem__(self, number: int) -> Finding:
        """The finding with this number."""
        text = int(self.text[number])
        said = self.blob[int(self.ends[text]) : int(self.ends[text + 1])].decode("utf-8", "surrogatepass")
        message = int(self.message[number])
        problem = Problem(said, None if message < 0 else message, None, bool(self.fixable[number]))
        return _rules()[int(self.rule[number])].finding(problem, int(self.line[number]) or None)

    def __iter__(self) -> Iterator[Finding]:
        return map(self.__getitem__, range(len(self)))

    def of(self, row: int) -> list[Finding]:
        """The findings about one row."""
        import numpy as np

        return [self[int(number)] for number in np.flatnonzero(self.row == row)]

    def about_file(self) -> list[Finding]:
        """The findings that are about no row."""
        return self.of(ABOUT_FILE)

    def counts(self) -> dict[str, int]:
        """How many findings each rule has, by code; rules without any are left out."""
        import numpy as np

        numbers, counts = np.unique(self.rule, return_counts=True)
        return {all_rules()[int(number)].code: int(count) for number, count in zip(numbers, counts, strict=True)}

    def rows_of(self, codes: Sequence[str]) -> NDArray[Any]:
        """The rows about which one of these rules has a finding, in order."""
        import numpy as np

        numbers = [number for number, rule in enumerate(all_rules()) if rule.code in codes]
        rows = np.unique(self.row[np.isin(self.rule, numbers)])
        return rows[rows >= 0]

    def severities(self) -> NDArray[Any]:
        """u1: the severity of each, as in the column of rows."""
        import numpy as np

        levels: NDArray[Any] = np.array([level_of(rule) for rule in all_rules()], "u1")[self.rule]
        return levels

    @classmethod
    def joined(cls, parts: Sequence[tuple[Findings, int, int]]) -> Findings:
        """The findings of parts, each with the rows and the lines that stand before it, in order."""
        import numpy as np

        moved: dict[str, list[NDArray[Any]]] = {name: [] for name in TYPES}
        ends, blobs, texts, size = [np.zeros(1, "i8")], [], 0, 0
        for part, rows, lines in parts:
            for name in ("rule", "message", "fixable"):
                moved[name].append(getattr(part, name))
            moved["row"].append(np.where(part.row < 0, part.row, part.row + rows))
            moved["line"].append(np.where(part.line == 0, 0, part.line + lines))
            moved["text"].append(part.text + texts)
            ends.append(part.ends[1:] + size)
            blobs.append(part.blob)
            texts += len(part.ends) - 1
            size += len(part.blob)
        arrays = {name: np.concatenate([np.empty(0, kind), *moved[name]]).astype(kind) for name, kind in TYPES.items()}
        order = np.lexsort((np.maximum(arrays["message"], 0), arrays["rule"], arrays["line"]))
        ordered = {name: array[order] for name, array in arrays.items()}
        return cls(**ordered, ends=np.concatenate(ends), blob=b"".join(blobs))


@cache
def _rules() -> tuple[Rule, ...]:
    return all_rules()


def level_of(what: Rule | Finding) -> int:
    """A severity as the columns have it."""
    return ERROR if what.severity is Severity.ERROR else WARNING
