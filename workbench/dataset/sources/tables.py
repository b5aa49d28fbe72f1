"""Parquet and Arrow files, read a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.dataset.sources.source import SAMPLE, Progress, Sniffed, Source, SourceRow, columns_of
from workbench.dataset.sources.streams import unreadable
from workbench.errors import WorkbenchError

PARQUET = b"PAR1"
ARROW_FILE = b"ARROW1"
ARROW_STREAM = b"\xff\xff\xff\xff"
"""How an Arrow stream begins, which is what Hugging Face datasets keep on disk."""

_BATCH = 1000  # rows decoded at once


def rows_of(batches: Iterator[Any], total: int | None, progress: Progress | None) -> Iterator[SourceRow]:
    """The rows of Arrow record batches, numbered through."""
    number = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH):
            for values in batch.slice(start, _BATCH).to_pylist():
                number += 1
                yield SourceRow(number, None, values)
            if progress is not None:
                progress(number, total)


def open_parquet(spec: str, path: Path) -> Source:
    """A Parquet file as a source; its row groups are streamed."""
    from pyarrow import parquet

    with _explained(path, "Parquet"), parquet.ParquetFile(path) as file:
        schema, count, groups = file.schema_arrow, file.metadata.num_rows, file.metadata.num_row_groups

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        with _explained(path, "Parquet"), parquet.ParquetFile(path) as file:
            yield from rows_of(file.iter_batches(batch_size=_BATCH), count, progress)

    why = f"it begins and ends with the format's mark; {count:,} rows in {groups} row group{'s' * (groups != 1)}"
    return _table(spec, "parquet", "Parquet", why, schema, count, path, read)


def open_arrow(spec: str, path: Path, head: bytes) -> Source:
    """An Arrow file or stream (Feather too) as a source; record batches are streamed."""
    from pyarrow import ipc

    is_file = head.startswith(ARROW_FILE)
    count: int | None = None
    with _explained(path, "Arrow"), path.open("rb") as file:
        if is_file:
            opened = ipc.open_file(file)
            schema = opened.schema
            count = opened.count_rows()
        else:
            schema = ipc.open_stream(file).schema

    def read(progress: Progress | None) -> Iterator[SourceRow]:
        with _explained(path, "Arrow"), path.open("rb") as file:
            if is_file:
                opened = ipc.open_file(file)
                batches = (opened.get_batch(at) for at in range(opened.num_record_batches))
            else:
                batches = iter(ipc.open_stream(file))
            yield from rows_of(batches, count, progress)

    why = "it begins with the mark of the file format" if is_file else "it begins with the mark of the stream format"
    return _table(spec, "arrow", "Arrow", why, schema, count, path, read)


def _table(spec: str, kind: str, name: str, why: str, schema: Any, count: int | None, path: Path, read: Any) -> Source:
    sample = tuple(islice(read(None), SAMPLE))
    if not sample:
        raise WorkbenchError(str(path), "holds no rows", "give a file with rows", code="empty_file")
    types = {field.name: str(field.type) for field in schema}
    return Source(spec, kind, columns_of(sample, types), (Sniffed("file", name, why),), sample, count, read)


@contextmanager
def _explained(path: Path, name: str) -> Iterator[None]:
    """What Arrow says about a file, as one sentence."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, EOFError) as error:
        first = " ".join(str(error).split())[:200] or type(error).__name__
        raise WorkbenchError(
            str(path), f"cannot be read as {name}: it is cut off or damaged ({first})", "fetch or copy it again",
            code="damaged",
        ) from error  # fmt: skip
    except OSError as error:
        if error.errno is None:  # Arrow's own: what the format says, not the operating system
            raise WorkbenchError(
                str(path), f"cannot be read as {name}: it is cut off or damaged ({error})", "fetch or copy it again",
                code="damaged",
            ) from error  # fmt: skip
        raise unreadable(path, error) from error
