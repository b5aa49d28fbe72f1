"""Hits in records and files: which row, which message, which text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workbench.dataset.rows import DecodeError, Rows, decode
from workbench.dataset.scan.hits import hits, prefilter
from workbench.dataset.scan.patterns import Group

Path_ = tuple[str | int, ...]

_PROGRESS_EVERY = 2000  # rows between two calls of `progress`
_TURNS = ("messages", "conversations")  # keys whose list counts as the record's messages


@dataclass(frozen=True, slots=True)
class RecordHit:
    """One hit in a decoded record."""

    kind: str
    group: Group
    message_index: int | None
    """From 0; None where the text stands in no message."""
    path: Path_
    """Keys and indexes that lead to the text: `("messages", 1, "content")`."""
    start: int
    end: int
    """Half-open range of characters of that text."""
    masked: str


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """One hit in a file; the keys of the command line contract."""

    kind: str
    line: int
    """From 1."""
    message_index: int | None
    masked: str
    group: Group


def record_hits(value: object) -> Iterator[RecordHit]:
    """The hits in every text of a record, tools and tool calls included, in the record's order."""
    for path, text in _texts(value):
        for hit in hits(text):
            yield RecordHit(hit.kind, hit.group, _message_of(path), path, hit.start, hit.end, hit.masked)


def row_hits(raw: bytes) -> list[RecordHit]:
    """The hits in a row's bytes; a row that is not JSON is searched as text, for a secret is one there too."""
    if not prefilter(raw):
        return []
    try:
        return list(record_hits(decode(raw)))
    except DecodeError:
        return list(record_hits(raw.decode("utf-8", "replace")))


def scan(rows: Rows, progress: Callable[[int, int], None] | None = None) -> Iterator[ScanFinding]:
    """Every hit of a file, by line; `progress` gets rows done and rows in all."""
    for number, raw in enumerate(rows.iter_raw()):
        for hit in row_hits(raw):
            yield ScanFinding(hit.kind, rows.line(number), hit.message_index, hit.masked, hit.group)
        if progress is not None and number % _PROGRESS_EVERY == 0:
            progress(number, len(rows))
    if progress is not None:
        progress(len(rows), len(rows))


def _texts(value: object) -> Iterator[tuple[Path_, str]]:
    """Every text in a JSON value with the way to it; without recursion, for values may be nested deeply."""
    waiting: list[tuple[Path_, object]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            waiting.extend(((*path, key), inner) for key, inner in reversed(item.items()))
        elif isinstance(item, list):
            waiting.extend(((*path, index), inner) for index, inner in reversed(list(enumerate(item))))


def _message_of(path: Path_) -> int | None:
    if len(path) > 1 and path[0] in _TURNS and isinstance(path[1], int):
        return path[1]
    return None
