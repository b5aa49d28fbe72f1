"""Opening a source: what it is, by its content and not by its name alone."""

from __future__ import annotations

from pathlib import Path

from workbench.dataset.sources.source import Source, SourceOptions
from workbench.dataset.sources.streams import head_of, open_stream, packing_of
from workbench.dataset.sources.tables import ARROW_FILE, ARROW_STREAM, PARQUET
from workbench.errors import WorkbenchError

_HEAD = 64 * 1024  # bytes
_HUB = "hf:"

# First bytes of what people give by mistake, and what to do with it.
_REFUSED: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "is a zip archive or an office document", "unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old office document", "save the sheet as CSV"),
    (b"SQLite format 3", "is an SQLite database", "export the table as CSV"),
    (b"%PDF", "is a PDF document", "give JSON Lines, JSON, CSV, Parquet or Arrow"),
    (b"FEA1", "is a Feather file of version 1", "write it again as Parquet or as Arrow"),
    (b"BZh", "is compressed with bzip2", "unpack it: bunzip2 -k {path}"),
    (b"\xfd7zXZ", "is compressed with xz", "unpack it: unxz -k {path}"),
)


def open_source(spec: str | Path, options: SourceOptions | None = None) -> Source:
    """Open whatever holds rows: JSON Lines, JSON, CSV or TSV (also packed with gzip or zstd), Parquet, Arrow, a folder
    that `save_to_disk` wrote, or a dataset of the hub as `hf:org/name[:config[:split]]`.

    What was sniffed stands in `described` of the result. Raises a WorkbenchError of one sentence for what cannot hold
    rows. A row that cannot be used is no such error: it carries its `problem`.
    """
    options = options or SourceOptions()
    if isinstance(spec, str) and spec.startswith(_HUB):
        from workbench.dataset.sources.hub import open_hub

        return open_hub(spec, options)
    path = Path(spec)
    if path.is_dir():
        return _open_folder(str(spec), path, options)
    head = head_of(path, _HEAD)
    if not head:
        raise WorkbenchError(str(path), "is empty", "give a file with rows", code="empty_file")
    if head.startswith((PARQUET, ARROW_FILE, ARROW_STREAM)):
        from workbench.dataset.sources import tables

        parquet = head.startswith(PARQUET)
        return tables.open_parquet(str(spec), path) if parquet else tables.open_arrow(str(spec), path, head)
    if packing_of(head):
        with open_stream(path) as stream:
            head = stream.bytes.read(_HEAD)
    for magic, why, hint in _REFUSED:
        if head.startswith(magic):
            raise WorkbenchError(str(path), why, hint.format(path=path), code="binary_file")
    return _open_text(str(spec), path, head, options)


def _open_text(spec: str, path: Path, head: bytes, options: SourceOptions) -> Source:
    """JSON if it begins as JSON does, else a table."""
    from workbench.dataset.sources.delimited import open_delimited
    from workbench.dataset.sources.json_rows import open_json

    # Zeros are those of UTF-16 and UTF-32; the marks are dropped byte for byte.
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    named = any(ending in (".csv", ".tsv", ".tab") for ending in (suffix.lower() for suffix in path.suffixes[-2:]))
    is_json = start.startswith(b"{") or (start.startswith(b"[") and not named)
    if is_json and options.delimiter is None:
        return open_json(spec, path, head, options)
    return open_delimited(spec, path, head, options)


def _open_folder(spec: str, folder: Path, options: SourceOptions) -> Source:
    from workbench.dataset.sources.hub import is_saved_dataset, open_saved

    try:
        if is_saved_dataset(folder):
            return open_saved(spec, folder, options)
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(spec, f"cannot be read ({why})", "check its permissions", code="no_permission") from error
    listed = f"{', '.join(names[:5])}{', …' * (len(names) > 5)}"
    hint = f"give one of its files ({listed}), or hf:{folder} for all of them together" if names else "give a file"
    raise WorkbenchError(spec, "is a directory, and no saved dataset", hint, code="is_directory")
