"""The analysis of one part of a file: what a worker does."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from workbench.dataset.analysis.columns import DIGEST, ESTIMATED, ROLE_BITS, TYPES, Columns
from workbench.dataset.analysis.findings import FindingList, Findings, level_of
from workbench.dataset.analysis.lines import PartRows, Raws
from workbench.dataset.analysis.row import SCANNING, Analyst, RowFacts
from workbench.dataset.analysis.screen import COVERED, Clean, Screen
from workbench.dataset.analysis.shapes import Developer, System
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.text_counts import TextCounts
from workbench.dataset.formats import Format, RecordError
from workbench.dataset.rows import DecodeError
from workbench.dataset.rules.facts import LABEL, SystemPrompt, Tally
from workbench.dataset.rules.limits import row_tokens
from workbench.dataset.rules.look import look_at, row_findings
from workbench.dataset.rules.registry import Finding
from workbench.dataset.tokens import Counter, TemplateCounter

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_TURNS = 65_535  # what the column holds
_SCANNED_AT_ONCE = 64  # rows
_LENGTH = frozenset(
    {"L004", "L005", "L007"}
)  # rules that have nothing to say about a record within the limit of tokens
_TEMPLATE = frozenset({"E001", "E002", "E003"})  # rules about what a chat template makes of a record
_SAMPLED = 200  # rows whose keys the screen learns
_MOST_KEYS = 40
_INSTRUCTING = ROLE_BITS["system"] | ROLE_BITS["developer"]
_INSTRUCTORS = (System, Developer)
_UNCOUNTED = (-1, -1, True)


@dataclass(frozen=True, slots=True)
class Part:
    """The analysis of one part; rows and lines count from its beginning."""

    lines: int
    """Blank ones too."""
    blank_lines: list[int]
    columns: Columns
    digests: NDArray[Any]
    """See DIGEST."""
    findings: Findings
    """About its rows; what is to be said about the file is known only at its end."""
    tally: Tally
    tokens: int
    """Of its records, where the sum was asked for."""


class PartAnalyst(Analyst):
    """Looks at the parts of one file; what it learns of the first rows makes it faster, never different.

    `sums`: whether the file may have too many tokens (`limits.tokens_matter`), so that all are counted.
    """

    def __init__(self, spec: Spec, counter: Counter | None = None, *, sums: bool = False) -> None:
        super().__init__(spec, counter)
        self._sums = sums
        self._screen: Screen | None = None
        covered = COVERED | _LENGTH | SCANNING
        if not isinstance(self.context.counter, TemplateCounter):
            covered |= _TEMPLATE
        self._others = [rule for rule in self.rules if rule.code not in covered]
        limited = self.context.counter is not None and any(rule.code in _LENGTH for rule in self.rules)
        self._limit = self.context.example_tokens if limited else None
        self._counts = TextCounts(self.context.counter, spec.counting if counter is None else None)

    def part(self, rows: PartRows, block: bytes) -> Part:
        """Look at every row of a part; `block` are the bytes that hold them."""
        if self._screen is None and self.spec.format is Format.CHAT:
            self._screen = Screen(self.context, _keys(rows.raws))
        screen, limit, shown = self._screen, self._limit, self.counter is not None
        always = shown or self._sums
        self._counts.look_at(block)
        taker = Taker(len(rows.raws))
        hot = self._hot(rows.raws) if self.scans else ()
        for number, (raw, keys, line) in enumerate(zip(rows.raws, rows.keys, rows.lines, strict=True)):
            clean = None if screen is None or number in hot else screen.clean(raw, keys)
            if clean is None:
                self._closely(taker, rows, number)
                continue
            if always or (limit is not None and len(raw) > limit):
                tokens = self._counted(clean, raw)
                if limit is not None and tokens[0] > limit:
                    self._closely(taker, rows, number)
                    continue
                taker.tokens += max(0, tokens[0])
                if shown:
                    taker.take_tokens(tokens, number)
            taker.take_clean(clean, number, line)
            if self._others:
                row = look_at(raw, self.spec.format, number=number, line=line)
                taker.take_findings(tuple(row_findings(row, self.context, self._others)), number)
        return Part(
            rows.line_count,
            rows.blank_lines,
            taker.columns(rows.raws),
            taker.digests(),
            taker.findings.finish(),
            taker.tally,
            taker.tokens,
        )

    def _closely(self, taker: Taker, rows: PartRows, number: int) -> None:
        """Take a row by way of the rules themselves."""
        column = 1 if rows.columns is None else rows.columns[number]
        row = look_at(rows.raws[number], self.spec.format, number=number, line=rows.lines[number], column=column)
        if not isinstance(row.value, DecodeError):
            taker.tally.count(row)
        if self._sums:
            taker.tokens += row_tokens(row, self.context)
        taker.take(self.look(row), number)

    def _counted(self, clean: Clean, raw: bytes) -> tuple[int, int, bool]:
        try:
            return self._counts.count(clean, raw)
        except RecordError:
            return _UNCOUNTED

    def _hot(self, raws: Raws) -> set[int]:
        """The rows that the screen is not asked about: they may hold a secret or personal data."""
        from workbench.dataset.scan import prefilter

        hot = set()
        for first in range(0, len(raws), _SCANNED_AT_ONCE):
            stop = min(first + _SCANNED_AT_ONCE, len(raws))
            if prefilter(raws.run(first, stop)):
                hot |= {number for number in range(first, stop) if prefilter(raws[number])}
        return hot


def _keys(raws: Iterable[bytes]) -> list[str]:
    """Keys that the first records have."""
    keys: dict[str, None] = {}
    for raw in islice(raws, _SAMPLED):
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(value, dict) and len(keys) < _MOST_KEYS:
            keys.update(dict.fromkeys(value))
    return list(keys)[:_MOST_KEYS]


class Taker:
    """Takes rows in order and makes columns of them."""

    def __init__(self, count: int) -> None:
        self._turns, self._digests = array("L", [0]) * count, array("Q", [0]) * count
        self._tokens, self._answers = array("l", [-1]) * count, array("l", [-1]) * count
        self._roles, self._flags, self._severity = bytearray(count), bytearray(count), bytearray(count)
        self._prompts: dict[str, SystemPrompt] = {}
        self.findings = FindingList()
        self.tally = Tally()
        self.tokens = 0

    def take(self, facts: RowFacts, number: int) -> None:
        """Take a row that was looked at closely."""
        self._turns[number], self._roles[number] = facts.turns, facts.roles
        self._tokens[number], self._answers[number] = facts.tokens, facts.answer_tokens
        self._digests[number], self._flags[number] = facts.digest, facts.flags
        self.take_findings(facts.findings, number)

    def take_clean(self, clean: Clean, number: int, line: int) -> None:
        """Take a clean row."""
        messages, roles, tally = clean.messages, clean.roles, self.tally
        self._turns[number], self._roles[number], self._digests[number] = len(messages), roles, clean.digest
        tally.records += 1
        last = messages[-1].content
        if type(last) is str:
            if len(last) > LABEL:
                tally.answers += 1
            else:
                tally.count_answer(last)
        if not roles & _INSTRUCTING:
            tally.without_system.append(line)
            return
        text = _instructions(messages)
        prompt = self._prompts.get(text)
        if prompt is not None:
            prompt.lines.append(line)
        elif (prompt := tally.count_system(text, line)) is not None:
            self._prompts[text] = prompt

    def take_tokens(self, tokens: tuple[int, int, bool], number: int) -> None:
        """Take a row's tokens, those of the assistant, and whether they are exact."""
        self._tokens[number], self._answers[number], exact = tokens
        if not exact:
            self._flags[number] = ESTIMATED

    def take_findings(self, found: Sequence[Finding], number: int) -> None:
        """Take what the rules say about a row."""
        for finding in found:
            self._severity[number] = max(self._severity[number], level_of(finding))
            self.findings.add(finding, number)

    def columns(self, raws: Raws) -> Columns:
        """What was taken."""
        arrays = {
            "turns": np.minimum(self._turns, _MOST_TURNS),
            "roles": self._roles,
            "tokens": self._tokens,
            "answer_tokens": self._answers,
            "severity": self._severity,
            "flags": self._flags,
            "size": raws.sizes(),
        }
        return Columns(**{name: np.array(arrays[name], TYPES[name]) for name in TYPES})

    def digests(self) -> NDArray[Any]:
        """Of the rows that were taken."""
        return np.array(self._digests, DIGEST)


def _instructions(messages: Sequence[Any]) -> str:
    """What the system says before the first turn, as `Tally.count` has it."""
    first = messages[0].content
    if type(messages[1]) not in _INSTRUCTORS and type(first) is str:
        return first
    leading = takewhile(lambda message: type(message) in _INSTRUCTORS, messages)
    return "\n".join(
        [
            message.content if isinstance(message.content, str) else "".join([part.text for part in message.content])
            for message in leading
        ]
    )
