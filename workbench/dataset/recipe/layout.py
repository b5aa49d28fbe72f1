"""The file that a replay gives: as a save of the same edits would write it, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.rows import Rows
from workbench.dataset.rows.layout import array_frame


def pieces(rows: Rows | None, entries: Sequence[Entry]) -> Iterator[bytes]:
    """The bytes of the new file.

    Of `rows`, the file it was made of: byte order mark, line ends, blank lines, whether the last line ends, and how an
    array is laid out. None: plain JSON Lines.
    """
    if rows is None:
        return (entry.raw + b"\n" for entry in entries)
    return _array(rows, entries) if rows.encoding.array else _lines(rows, entries)


def _lines(rows: Rows, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Rows with the line ends and blank lines they had; the new file has a last line end if the old one had it."""
    line_end = b"\r\n" if rows.encoding.crlf else b"\n"
    yield rows.bytes_at(0, rows.index.extent(0)[0])
    for number, entry in enumerate(entries):
        if number == len(entries) - 1 and not rows.encoding.last_newline:
            yield entry.raw
            return
        chunk = b"" if entry.key is None else rows.bytes_at(*rows.index.extent(entry.key))
        if not entry.changed and chunk.endswith(b"\n"):
            yield chunk
            continue
        end = chunk[len(rows.index.content(chunk)) :]
        yield entry.raw + (end if end.endswith(b"\n") else line_end)


def _base(entry: Entry) -> int | None:
    """The row of the file that an entry still is, untouched."""
    return None if entry.changed else entry.key


def _array(rows: Rows, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Elements and what stands between them: neighbours keep theirs, others get that of the first two."""
    end = rows.index.extent(len(rows) - 1)[1]
    opening, between = array_frame(rows)
    yield opening
    before: int | None = None
    for number, entry in enumerate(entries):
        base = _base(entry)
        if number and base is not None and before is not None and base == before + 1:
            yield rows.bytes_at(rows.index.extent(before)[1], rows.index.extent(base)[0])
        elif number:
            yield between
        yield entry.raw
        before = base
    yield rows.bytes_at(end, rows.size)
