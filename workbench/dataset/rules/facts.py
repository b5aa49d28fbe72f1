"""What rules look at: one row, and what is counted over all rows for the rules about the file."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.formats import ChatRecord
from workbench.dataset.rows import DecodeError, Encoding


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file."""

    number: int
    """From 0."""
    line: int
    raw: bytes
    value: Any
    """The decoded value, or the DecodeError that it raised."""
    record: ChatRecord | None = None
    """The chat record in it, where the file's format has messages and this row has some."""

    @property
    def fields(self) -> Mapping[str, Any] | None:
        """The value, if it is a JSON object."""
        return self.value if isinstance(self.value, dict) else None


@dataclass(slots=True)
class SystemPrompt:
    """One system prompt of a file: where it stands."""

    text: str
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """What was counted over all rows; two parts of a file can be counted apart."""

    size: int = 0
    """Bytes of the file."""
    records: int = 0
    """Rows that can be read."""
    encoding: Encoding | None = None
    damage: list[DecodeError] = field(default_factory=list)
    blank_lines: list[int] = field(default_factory=list)
    first_seen: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Digest of a record to row number and line of its first copy (an array file may hold several on one line)."""
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    """(line, line of the first copy)."""
    systems: dict[bytes, SystemPrompt] = field(default_factory=dict)
    """By digest; records without any are not in it."""
    without_system: list[int] = field(default_factory=list)
    """Lines of records without a system prompt."""

    def add(self, row: Row) -> None:
        """Count one row."""
        if isinstance(row.value, DecodeError):
            return
        self.records += 1
        digest = _digest(row)
        first = self.first_seen.setdefault(digest, (row.number, row.line))
        if first[0] != row.number:
            self.duplicates.append((row.line, first[1]))
        if row.record is not None and row.record.messages:
            self._add_system(row.record, row.line)

    def _add_system(self, record: ChatRecord, line: int) -> None:
        leading = itertools.takewhile(lambda message: message.role in ("system", "developer"), record.messages)
        texts = [message.text() for message in leading]
        if not texts:
            self.without_system.append(line)
            return
        text = "\n".join(texts)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self.systems.setdefault(digest, SystemPrompt(text)).lines.append(line)


def _digest(row: Row) -> bytes:
    """The same for equal JSON values, whatever the spacing and the order of keys."""
    try:
        canonical = json.dumps(row.value, sort_keys=True, separators=(",", ":")).encode("ascii")
    except RecursionError:  # nested just deeply enough to be read but not written
        canonical = row.raw
    return hashlib.blake2b(canonical, digest_size=16).digest()
