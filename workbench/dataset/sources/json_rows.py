"""JSON Lines and JSON files, packed or not, in any encoding."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from workbench.dataset.formats import kind_of
from workbench.dataset.rows import DecodeError, decode
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.sources.encoding import MARK_ERRORS, encoding_of
from workbench.dataset.sources.source import (
    PROGRESS_EVERY,
    SAMPLE,
    Progress,
    Sniffed,
    Source,
    SourceOptions,
    SourceRow,
    columns_of,
)
from workbench.dataset.sources.streams import Stream, open_stream
from workbench.errors import WorkbenchError


def open_json(spec: str, path: Path, head: bytes, options: SourceOptions) -> Source:
    """A file of JSON records as a source: one a line, one list of them, or one object that holds the list.

    The lists are read whole into memory; lines are streamed.
    """
    encoding, sniffed = encoding_of(path, head, options.encoding)
    kind, why, inside = _kind(path, encoding, options.records)

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        if kind == "jsonl":
            return _lines(path, encoding, progress)
        return _listed(path, encoding, inside, progress) if inside else _elements(path, encoding, progress)

    sample = tuple(islice(read(None), SAMPLE))
    if not sample:
        raise WorkbenchError(str(path), "holds no records", "give a file with records", code="empty_file")
    records = Sniffed(
        "records", f"the list `{inside}`" if inside else "one a line" if kind == "jsonl" else "a list", why
    )
    described = (sniffed, records, *_broken(sample))
    return Source(spec, kind, columns_of(sample), described, sample, None, read)


def _broken(sample: tuple[SourceRow, ...]) -> tuple[Sniffed, ...]:
    broken = [row for row in sample if row.problem is not None]
    if not broken:
        return ()
    first = f"the first in line {broken[0].line}: {broken[0].problem}"
    return (Sniffed("rows", f"{len(broken)} of the first {len(sample)} cannot be used and are listed", first),)


def _kind(path: Path, encoding: str, records: str | None) -> tuple[str, str, str | None]:
    """`jsonl` or `json`, the reason, and the key of the list of records where the file is one object."""
    first = b""
    with open_stream(path) as stream:
        for line in _utf8_lines(stream, encoding):
            if line.strip():
                first = line.strip()
                break
    if not first:
        raise WorkbenchError(str(path), "is empty", "give a file with JSON records", code="empty_file")
    if records is not None:
        return "json", "as the template says", records
    whole = _value(first)
    if first.startswith(b"[") and not (isinstance(whole, list) and whole and not isinstance(whole[0], dict)):
        return "json", "the file begins with a bracket", None
    if isinstance(whole, Mapping) and (inside := _only_list(whole)) and _is_one_line(path, encoding):
        return "json", "the file is one object, and this is its only list of objects", inside
    if whole is not None:
        return "jsonl", "the first line is one JSON value", None
    # Only a first line that goes on can begin an object over several lines; the file is then read whole.
    value = _whole(path, encoding) if first.endswith((b"{", b"[", b",", b":")) else None
    if not isinstance(value, Mapping):
        return "jsonl", "the first line begins with a brace", None
    found = _only_list(value)
    if found is None:
        keys = ", ".join(f"`{key}`" for key in list(value)[:8])
        raise WorkbenchError(
            str(path),
            f"is one JSON object over several lines (keys {keys}), not a list of records",
            'name the key that holds the list of records: [source] records = "KEY" in the template',
            code="one_object",
        )
    return "json", "the file is one object, and this is its only list of objects", found


def _only_list(value: Mapping[str, object]) -> str | None:
    """The one key that holds a list of objects, if it is not a conversation's own."""
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    conversation = {"messages", "conversations", "conversation", "input", "chosen", "rejected", "tools", "functions"}
    return lists[0] if len(lists) == 1 and not conversation & set(value) else None


def _is_one_line(path: Path, encoding: str) -> bool:
    with open_stream(path) as stream:
        return len(list(islice((line for line in _utf8_lines(stream, encoding) if line.strip()), 2))) == 1


def _value(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _whole(path: Path, encoding: str) -> object:
    with open_stream(path) as stream:
        return _value(_utf8(stream, encoding))


def _utf8(stream: Stream, encoding: str) -> bytes:
    """The whole file in UTF-8, without a mark."""
    return b"".join(_utf8_lines(stream, encoding))


def _utf8_lines(stream: Stream, encoding: str) -> Iterator[bytes]:
    """Lines in UTF-8; a byte that is no character stays one that is not UTF-8, so that its row is broken there."""
    if encoding in ("utf-8", "utf-8-sig"):
        for number, line in enumerate(stream.bytes):
            yield line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
        return
    for text in io.TextIOWrapper(stream.bytes, encoding=encoding, errors=MARK_ERRORS, newline="\n"):
        yield text.encode("utf-8", "surrogatepass")


def _lines(path: Path, encoding: str, progress: Progress | None) -> Iterator[SourceRow]:
    number = 0
    with open_stream(path) as stream:
        for line, raw in enumerate(_utf8_lines(stream, encoding), start=1):
            if raw.isspace():
                continue
            number += 1
            yield _row(number, raw.rstrip(b"\r\n"), line, 1)
            if progress is not None and number % PROGRESS_EVERY == 0:
                progress(stream.position, stream.size)
        if progress is not None:
            progress(stream.size, stream.size)


def _row(number: int, raw: bytes, line: int, column: int) -> SourceRow:
    try:
        value = decode(raw, line, column)
    except DecodeError as error:
        return SourceRow(number, line, {}, f"column {error.column}: {error.why}")
    return _of_value(number, line, value)


def _of_value(number: int, line: int | None, value: object) -> SourceRow:
    if isinstance(value, Mapping):
        return SourceRow(number, line, value)
    return SourceRow(number, line, {}, f"is {kind_of(value)}, not an object")


def _elements(path: Path, encoding: str, progress: Progress | None) -> Iterator[SourceRow]:
    """The elements of one JSON array; a broken one is one row, as everywhere."""
    with open_stream(path) as stream:
        data = _utf8(stream, encoding)
    index = ElementIndex.scan(data, 0)
    for row in range(len(index)):
        first, last = index.extent(row)
        yield _row(row + 1, data[first:last], *index.place(row))
        if progress is not None and row % PROGRESS_EVERY == 0:
            progress(last, len(data))
    line = data.rstrip().count(b"\n") + 1
    if not index.closed:
        yield SourceRow(len(index) + 1, line, {}, "the array is never closed: the file is cut off")
    if index.tail is not None:
        at = data.count(b"\n", 0, index.tail) + 1
        yield SourceRow(len(index) + 1, at, {}, "text stands behind the end of the array")
    if progress is not None:
        progress(len(data), len(data))


def _listed(path: Path, encoding: str, key: str, progress: Progress | None) -> Iterator[SourceRow]:
    value = _whole(path, encoding)
    found = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(found, list):
        raise WorkbenchError(
            str(path), f"has no list of records under `{key}`", "correct `records` in [source]", code="bad_template"
        )
    for number, item in enumerate(found, start=1):
        yield _of_value(number, None, item)
        if progress is not None and number % PROGRESS_EVERY == 0:
            progress(number, len(found))
    if progress is not None:
        progress(len(found), len(found))
