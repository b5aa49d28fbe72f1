"""Writing records for others: JSON Lines, packed or not, tables of the flat formats, and AutoTrain's columns."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.dataset.formats import PAIRS, Format, RecordError, convert, kind_of, parse_pair
from workbench.dataset.rows.save import write_atomically
from workbench.dataset.rows.sniff import BOM
from workbench.errors import WorkbenchError

_BATCH = 10_000  # records of a row group, and of what is looked at to choose a column's type


class Container(StrEnum):
    """What kind of file holds the records."""

    JSONL = "jsonl"
    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


_SUFFIXES = {
    ".gz": Container.JSONL_GZ,
    ".zst": Container.JSONL_ZST,
    ".csv": Container.CSV,
    ".tsv": Container.TSV,
    ".parquet": Container.PARQUET,
}
_TABLES = frozenset({Container.CSV, Container.TSV, Container.PARQUET})


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    records: int
    container: Container


def container_of(path: Path) -> Container:
    """The container that a file name asks for by its end; JSON Lines where it asks for none."""
    return _SUFFIXES.get(path.suffix.lower(), Container.JSONL)


def export(
    records: Iterable[Mapping[str, Any]],
    target: Path,
    fmt: Format,
    *,
    container: Container | None = None,
    autotrain: bool = False,
    bom: bool = False,
    mode_of: Path | None = None,
) -> Exported:
    """Write records of format `fmt` to `target`, which is whole or not there; by default as its name's end asks.

    `autotrain` gives them AutoTrain's columns (see `autotrain_columns`), `bom` puts a byte order mark first, as Azure's
    documentation wants. Raises WorkbenchError where the file cannot be written or a table cannot hold a record, naming
    the record (from 1) and the column.
    """
    kind = container or container_of(target)
    if bom and kind in (Container.PARQUET, Container.JSONL_GZ, Container.JSONL_ZST):
        raise WorkbenchError("a byte order mark", f"has no place in {kind}", "leave it out", code="usage", exit_code=2)
    count = 0

    def rows() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for count, record in enumerate(records, 1):  # noqa: B007 - told in the error
            row = autotrain_columns(record, fmt) if autotrain else record
            yield _as_cells(row, kind, autotrain=autotrain) if kind in _TABLES else row

    try:
        write_atomically(target, _with_bom(_WRITERS[kind](rows()), bom=bom), mode_of=mode_of)
    except RecordError as error:
        hint = "write it as jsonl" if kind in _TABLES else "write it without AutoTrain's columns"
        why = f"cannot be written as {kind}: {error}"
        raise WorkbenchError(f"record {count}", why, hint, code="not_exportable") from error
    return Exported(target, count, kind)


def dump_line(value: object) -> bytes:
    """A record as a line of JSON Lines: UTF-8 as it is, half a surrogate pair as the escape that it came from."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def autotrain_columns(value: Mapping[str, Any], fmt: Format) -> dict[str, Any]:
    """A record under AutoTrain's own names: `text` for supervised training, `prompt` and `rejected_text` for pairs.

    A conversation is a list of messages in its column; of a pair both columns hold it whole, prompt and answer, because
    AutoTrain takes the prompt out of the preferred one. Raises RecordError for what AutoTrain has no column for.
    """
    if fmt is Format.TEXT:
        return {"text": value["text"]}
    if fmt in PAIRS:
        return _autotrain_pair(value, fmt)
    messages = convert(value, fmt, Format.CHAT).value["messages"]
    for index, message in enumerate(messages):
        other = [key for key, item in message.items() if key not in ("role", "content") and item is not None]
        if other or not isinstance(message.get("content"), str):
            raise RecordError(f"messages[{index}]", f"has {other[0] if other else 'no text'}, and AutoTrain reads text")
    if value.get("tools"):
        raise RecordError("tools", "are nothing that AutoTrain reads")
    return {"text": [{"role": message["role"], "content": message["content"]} for message in messages]}


def _autotrain_pair(value: Mapping[str, Any], fmt: Format) -> dict[str, Any]:
    pair = convert(value, fmt, Format.TRL_PREFERENCE)
    sides = [pair.value.get(key) for key in ("prompt", "chosen", "rejected")]
    if all(isinstance(side, str) for side in sides):
        return dict(zip(("prompt", "text", "rejected_text"), sides, strict=True))
    parts = parse_pair(pair.value, Format.TRL_PREFERENCE)
    for name, answer in (("chosen", parts.preferred), ("rejected", parts.other)):
        if len(answer) != 1:
            raise RecordError(name, f"has {len(answer)} messages, and AutoTrain takes the last one as the answer")
    return {
        "prompt": parts.prompt,
        "text": parts.prompt + parts.preferred,
        "rejected_text": parts.prompt + parts.other,
    }


def _with_bom(pieces: Iterator[bytes], *, bom: bool) -> Iterator[bytes]:
    if bom:
        yield BOM
    yield from pieces


def _jsonl(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    return (dump_line(row) for row in rows)


def _gzip(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    yield from (packer.compress(line) for line in _jsonl(rows))
    yield packer.flush()


def _zstd(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    import zstandard

    packer = zstandard.ZstdCompressor().compressobj()
    yield from (packer.compress(line) for line in _jsonl(rows))
    yield packer.flush()


def _delimited(delimiter: str) -> Callable[[Iterator[Mapping[str, Any]]], Iterator[bytes]]:
    def pieces(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        names: list[str] = []
        for row in rows:
            if not names:
                names = list(row)
                writer.writerow(names)
            _refuse_new_columns(row, names)
            writer.writerow([row.get(name) for name in names])
            yield text.getvalue().encode("utf-8", "surrogatepass")
            text.seek(0)
            text.truncate()

    return pieces


def _parquet(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import parquet

    sink = _Pipe()
    schema: Any = None
    writer: Any = None
    for batch in _batches(rows):
        try:
            if writer is None:
                schema = _schema(pyarrow.Table.from_pylist(batch).schema)
                writer = parquet.ParquetWriter(sink, schema, compression="zstd")
            for row in batch:
                _refuse_new_columns(row, schema.names)
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
        except (pyarrow.ArrowException, ValueError, TypeError, OverflowError) as error:
            if isinstance(error, RecordError):
                raise
            raise RecordError("", f"a column has values of several types ({error})") from error
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


def _schema(found: Any) -> Any:
    """The columns of the first records, with text for those that are null so far: what is to come needs a type."""
    import pyarrow

    nothing = pyarrow.types.is_null
    return pyarrow.schema([one.with_type(pyarrow.string()) if nothing(one.type) else one for one in found])


class _Pipe(io.RawIOBase):
    """A file that pyarrow writes and that we take pieces from; it never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece


def _batches(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _refuse_new_columns(row: Mapping[str, Any], names: Iterable[str]) -> None:
    """A table has the columns of its first record."""
    new = sorted(row.keys() - set(names))
    if new:
        raise RecordError(new[0], "is a column that the first record does not have")


_WRITERS: dict[Container, Callable[[Iterator[Mapping[str, Any]]], Iterator[bytes]]] = {
    Container.JSONL: _jsonl,
    Container.JSONL_GZ: _gzip,
    Container.JSONL_ZST: _zstd,
    Container.CSV: _delimited(","),
    Container.TSV: _delimited("\t"),
    Container.PARQUET: _parquet,
}


def _as_cells(row: Mapping[str, Any], kind: Container, *, autotrain: bool) -> Mapping[str, Any]:
    """A row as a table can hold it; raises RecordError where it cannot.

    A cell is text, a number, true, false or null. Parquet also takes messages of text; AutoTrain reads them in CSV as
    Python writes them.
    """
    cells = {}
    for key, item in row.items():
        cells[key] = item
        if not isinstance(item, list | dict):
            continue
        if not _is_messages_of_text(item):
            raise RecordError(key, f"is {kind_of(item)}")
        if kind is not Container.PARQUET:
            if not autotrain:
                raise RecordError(key, "is a list of messages")
            cells[key] = repr(item)
    return cells


def _is_messages_of_text(item: object) -> bool:
    return isinstance(item, list) and all(
        isinstance(message, dict)
        and message.keys() == {"role", "content"}
        and all(isinstance(text, str) for text in message.values())
        for message in item
    )
