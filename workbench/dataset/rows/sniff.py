"""What a file is, by its first bytes: refused in one sentence if it cannot be text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from workbench.errors import WorkbenchError

BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""

_IMPORT = "import it: ftwb dataset import {path} OUT.jsonl"

# First bytes of what people give by mistake, and what to do with it.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "is compressed with gzip", f"{_IMPORT}, or unpack it: gunzip -k {{path}}"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", f"{_IMPORT}, or unpack it: zstd -dk {{path}}"),
    (b"PK\x03\x04", "is a zip archive (or an office document)", "unpack it, or save the sheet as CSV and import that"),
    (b"PAR1", "is a Parquet file", _IMPORT),
    (b"ARROW1", "is an Arrow file", _IMPORT),
    (b"SQLite format 3", "is an SQLite database", "export the records as JSON Lines first"),
    (b"%PDF", "is a PDF document", "give a JSON Lines or JSON file"),
)

_WIDE_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)

_ONE_OBJECT_LIMIT = 64 * 1024 * 1024  # bytes up to which a whole file is parsed to name a mistake


def refuse_what_is_not_text(path: Path, head: bytes) -> None:
    """Raise for compressed, binary and wide-character files; `head` is the first 64 KiB."""
    for magic, why, hint in _MAGIC:
        if head.startswith(magic):
            code = "importable_file" if hint.startswith(_IMPORT) else "binary_file"
            raise WorkbenchError(str(path), why, hint.format(path=path), code=code)
    wide = wide_encoding(head)
    if wide:
        raise WorkbenchError(
            str(path),
            f"is {wide} text, but UTF-8 is needed",
            f"{_IMPORT.format(path=path)}, or convert it: iconv -f {wide} -t UTF-8 {path} > OUT",
            code="not_utf8",
        )
    if is_binary(head):
        raise WorkbenchError(
            str(path), "is a binary file, not text", "give a JSON Lines or JSON file", code="binary_file"
        )
    named = path.suffix.lower() in (".csv", ".tsv", ".tab")
    if named and not head.removeprefix(BOM).lstrip().startswith((b"{", b"[")):
        raise WorkbenchError(str(path), "is a table, not JSON records", _IMPORT.format(path=path), code="table_file")
    if b"}\r{" in head and b"\n" not in head:
        raise WorkbenchError(
            str(path),
            "has lines that end in CR alone",
            f"convert it: tr '\\r' '\\n' < {path} > OUT",
            code="old_line_ends",
        )


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, told by the mark or by JSON's ASCII being interleaved with zeros."""
    for mark, name in _WIDE_MARKS:
        if head.startswith(mark):
            return name
    if len(head) < 8 or b"\0" not in head:
        return None
    zeros = [lane.count(0) / len(lane) for lane in (head[0::4], head[1::4], head[2::4], head[3::4])]
    for name, pattern in _WIDE_PATTERNS:
        if all(share > 0.3 if zero else share < 0.02 for share, zero in zip(zeros, pattern, strict=True)):
            return name
    return None


# Which of four neighbouring bytes are zero in mostly ASCII text, such as JSON's own punctuation and keys.
_WIDE_PATTERNS: tuple[tuple[str, tuple[bool, bool, bool, bool]], ...] = (
    ("UTF-32LE", (False, True, True, True)),
    ("UTF-32BE", (True, True, True, False)),
    ("UTF-16LE", (False, True, False, True)),
    ("UTF-16BE", (True, False, True, False)),
)


def is_binary(head: bytes) -> bool:
    """Whether these bytes cannot be text: many zeros, or not UTF-8 and full of control characters.

    A single stray zero or a Latin-1 letter is text with a broken line, and is reported at that line.
    """
    if not head:
        return False
    if head.count(0) * 100 > len(head):
        return True
    controls = sum(head.count(code) for code in range(32) if code not in b"\t\n\r\f\b\x1b")
    return controls * 50 > len(head) and not _is_utf8(head)


def _is_utf8(head: bytes) -> bool:
    """Whether the bytes are UTF-8 but for a last character that the sample cut in two."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def refuse_what_is_one_object(path: Path, size: int, read: Callable[[], bytes]) -> None:
    """Raise if a file of several lines is one pretty-printed JSON object; `read` gives the whole file."""
    if size > _ONE_OBJECT_LIMIT:
        return
    try:
        value = json.loads(read())
    except (ValueError, RecursionError):
        return
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    inside = f"'.{lists[0]}[]'" if len(lists) == 1 and "messages" not in lists else "."
    raise WorkbenchError(
        str(path),
        "is one JSON object over several lines, not one record a line",
        f"convert it: jq -c {inside} {path} > OUT.jsonl",
        code="one_object",
    )
