"""What rules look at: one row, and what is counted over all rows for the rules about the file."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Callable, Mapping
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
    """Its beginning, as much as a finding quotes."""
    lines: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Tally:
    """What is counted row by row for the rules about the file.

    Plain data: a worker process counts one part of a file, the parts are merged in order. Lines are in arrays, since
    there may be a million of them.
    """

    records: int = 0
    """Rows that can be read."""
    systems: dict[int, SystemPrompt] = field(default_factory=dict)
    """By digest of the whole text; records without any are not in it."""
    without_system: array[int] = field(default_factory=lambda: array("q"))
    """Lines of records without a system prompt."""
    answers: int = 0
    """Records that end with an answer."""
    labels: dict[str, int] = field(default_factory=dict)
    """Short answers and how often each is there."""
    many_labels: bool = False
    """There are more different short answers than labels could be; they are not kept then."""
    label_marks: bytearray = field(default_factory=bytearray)
    """A bit for each of them, by digest, once they are not kept: some share one."""
    labels_gone: int = 0
    """How many of those that left a mark may be gone again: see `without`."""
    images: int = 0
    """Records with images."""
    grader_keys: dict[str, list[int]] = field(default_factory=dict)
    """Lines of reinforcement records by their keys for the grader, sorted and joined by NUL."""

    def count(self, row: Row) -> None:
        """Count one row that can be read."""
        self.records += 1
        if row.record is not None and row.record.messages:
            leading = itertools.takewhile(lambda message: message.role in ("system", "developer"), row.record.messages)
            texts = [message.text() for message in leading]
            self.count_system("\n".join(texts) if texts else None, row.line)
            if row.record.messages[-1].role == "user" and (keys := grader_keys(row.record)):
                self.grader_keys.setdefault("\0".join(keys), []).append(row.line)
        self.count_answer(answer_of(row))
        if _has_images(row):
            self.images += 1

    def count_system(self, text: str | None, line: int) -> SystemPrompt | None:
        """Count the system prompt of a record that has messages; None: it has none. Returns what is known of it."""
        if text is None:
            self.without_system.append(line)
            return None
        key = text_digest(text)
        prompt = self.systems.get(key)
        if prompt is None:
            prompt = self.systems[key] = SystemPrompt(text[:_QUOTED])
        prompt.lines.append(line)
        return prompt

    def count_answer(self, text: str | None) -> None:
        """Count the last answer of a record; None: it has none."""
        if text is None:
            return
        self.answers += 1
        if len(text) > LABEL:
            return
        if self.many_labels:
            self._mark(text)
        else:
            self.labels[text] = self.labels.get(text, 0) + 1
            self._forget_labels()

    def _forget_labels(self) -> None:
        if self.many_labels or len(self.labels) > _MOST_LABELS:
            self.many_labels = True
            for text in self.labels:
                self._mark(text)
            self.labels = {}

    def _mark(self, label: str) -> None:
        if not self.label_marks:
            self.label_marks = bytearray(_MARKS // 8)
        digest = text_digest(label) % _MARKS
        self.label_marks[digest // 8] |= 1 << digest % 8

    @property
    def labels_at_least(self) -> int:
        """How many different short answers there are for certain."""
        if not self.many_labels:
            return len(self.labels)
        return int.from_bytes(self.label_marks, "little").bit_count() - self.labels_gone

    def merge(self, later: Tally, lines: int) -> None:
        """Add what was counted in the part that follows this one; `lines` are those before that part."""
        self.records += later.records
        self.without_system.extend(line + lines for line in later.without_system)
        for key, prompt in later.systems.items():
            known = self.systems.setdefault(key, SystemPrompt(prompt.text))
            known.lines.extend(line + lines for line in prompt.lines)
        self.answers += later.answers
        self.images += later.images
        for text, count in later.labels.items():
            self.labels[text] = self.labels.get(text, 0) + count
        self.many_labels = self.many_labels or later.many_labels
        self._forget_labels()
        if later.label_marks:
            both = int.from_bytes(self.label_marks, "little") | int.from_bytes(later.label_marks, "little")
            self.label_marks = bytearray(both.to_bytes(_MARKS // 8, "little"))
        self.labels_gone += later.labels_gone
        for keys, there in later.grader_keys.items():
            self.grader_keys.setdefault(keys, []).extend(line + lines for line in there)

    def without(self, gone: Tally, line_of: Callable[[array[int]], array[int]]) -> Tally | None:
        """What is counted of the rows that are left when some go.

        `gone` is the tally of those; `line_of` gives the new lines, rising, of those that are left. None where that
        cannot be told: among many short answers, so many go that the others may be labels.
        """
        left = Tally(self.records - gone.records, answers=self.answers - gone.answers, images=self.images - gone.images)
        left.many_labels, left.label_marks = self.many_labels, bytearray(self.label_marks)
        if self.many_labels:
            left.labels_gone = self.labels_gone + (gone.answers if gone.many_labels else sum(gone.labels.values()))
            if left.labels_at_least <= _MOST_LABELS:
                return None
        else:
            rest = {text: count - gone.labels.get(text, 0) for text, count in self.labels.items()}
            left.labels = {text: count for text, count in rest.items() if count}
        for key, prompt in self.systems.items():
            if lines := line_of(prompt.lines):
                left.systems[key] = SystemPrompt(prompt.text, lines)
        left.without_system.extend(line_of(self.without_system))
        for keys, there in self.grader_keys.items():
            if lines := line_of(array("q", there)):
                left.grader_keys[keys] = lines.tolist()
        return left

    def in_order(self) -> None:
        """Bring lines that came from several places into the order of one reading."""
        for prompt in self.systems.values():
            prompt.lines = _rising(prompt.lines)
        self.systems = dict(sorted(self.systems.items(), key=lambda item: item[1].lines[0]))
        self.without_system = _rising(self.without_system)
        self.grader_keys = {keys: sorted(there) for keys, there in self.grader_keys.items()}
        self.grader_keys = dict(sorted(self.grader_keys.items(), key=lambda item: item[1][0]))


def _rising(lines: array[int]) -> array[int]:
    """In order; by numpy, as a million Python numbers would stay in memory for long."""
    import numpy as np

    ordered = array("q")
    ordered.frombytes(np.sort(np.frombuffer(lines, np.int64)).tobytes() if lines else b"")
    return ordered


@dataclass(frozen=True, slots=True)
class Leak:
    """A record that another file has too, whole or by its question."""

    line: int
    file: str
    against_line: int
    kind: str
    """`record`, `prompt` or `near`."""


@dataclass(slots=True)
class Facts(Tally):
    """All that the rules about the file look at."""

    size: int = 0
    """Bytes of the file."""
    encoding: Encoding | None = None
    damage: list[DecodeError] = field(default_factory=list)
    blank_lines: list[int] = field(default_factory=list)
    first_seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Digest of a record to row number and line of its first copy (an array file may hold several on one line)."""
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    """(line, line of the first copy)."""

    tokens: int | None = None
    """Tokens of all records; None: not counted."""
    leaked: list[Leak] = field(default_factory=list)
    """What other files have of this one, where it was compared with any."""
    near: list[tuple[int, int, float]] = field(default_factory=list)
    """(line, line of what it is like, similarity), where near copies were looked for."""

    def add(self, row: Row) -> None:
        """Count one row, and note whether it is there already."""
        if isinstance(row.value, DecodeError):
            return
        self.count(row)
        first = self.first_seen.setdefault(row_digest(row.value, row.raw), (row.number, row.line))
        if first[0] != row.number:
            self.duplicates.append((row.line, first[1]))


LABEL = 60
"""Characters up to which an answer may be a label."""
_MOST_LABELS = 1000  # different short answers that are kept
_MARKS = 1 << 16  # bits in which more of them leave a mark
_CHAT_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls", "function_call", "metadata", "id"})


def grader_keys(record: ChatRecord) -> list[str]:
    """The keys of a record that are there for a grader, sorted: those that chat records do not have."""
    return sorted(record.extra.keys() - _CHAT_KEYS) if record.extra else []


def answer_of(row: Row) -> str | None:
    """The last answer of a row as text: the assistant's last word, a completion, an output; None for none."""
    if row.record is not None:
        last = row.record.messages[-1] if row.record.messages else None
        return last.content if last is not None and last.role == "assistant" and isinstance(last.content, str) else None
    fields = row.fields or {}
    answer = fields.get("completion", fields.get("output"))
    return answer if isinstance(answer, str) else None


def _has_images(row: Row) -> bool:
    if row.record is None:
        return b'"image_url"' in row.raw
    parts = itertools.chain.from_iterable(
        message.content for message in row.record.messages if isinstance(message.content, list)
    )
    return any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


_QUOTED = 80  # characters of a system prompt that are kept: more than a finding quotes


def text_digest(text: str) -> int:
    """64 bits of a text."""
    import xxhash

    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def row_digest(value: object, raw: bytes) -> int:
    """64 bits of a JSON value: the same for equal values, whatever the spacing and the order of keys.

    `raw` stands in for a value that is nested too deeply to be written.
    """
    import xxhash

    return xxhash.xxh3_64_intdigest(canonical(value, raw))


def canonical(value: object, raw: bytes) -> bytes:
    """The one way to write a value: as MessagePack, keys in order, but the role of a message first.

    Workers get the same bytes for most rows without ever making Python objects of them (`analysis.screen`), so what
    msgspec writes is the rule (a message's type first, its fields as they are declared), and only values that it cannot
    write are written otherwise. Texts go into MessagePack
    as they are, so that it is written faster than JSON.
    """
    import msgspec

    try:
        return msgspec.msgpack.encode(_roles_first(value), order="deterministic")
    except (UnicodeEncodeError, OverflowError, RecursionError):
        pass  # lone surrogates, integers beyond 64 bits, and nesting that can be read but not written
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    except RecursionError:
        return raw


def _roles_first(value: object) -> object:
    """A record with its messages as they are written."""
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(messages, list):
        return value
    return {**value, "messages": [_role_first(message) for message in messages]}


def _role_first(message: object) -> object:
    import msgspec

    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return message
    written = {
        key: msgspec.Raw(msgspec.msgpack.encode(message[key], order="deterministic"))
        for key in ["role", *sorted(message.keys() - {"role"}, key=str.encode)]
    }
    return msgspec.Raw(msgspec.msgpack.encode(written))
