"""The file that a replay gives: as a save of the same edits would write it, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.dataset.recipe.entry import Entry
from workbench.dataset.rows import Rows


def pieces(rows: Rows | None, entries: Sequence[Entry]) -> Iterator[bytes]:
    """The bytes of the new file.

    Of `rows`, the file it was made of: byte order mark, line ends, blank lines behind untouched rows, whether the last
    line ends, and how an array is laid out. None: plain JSON Lines.
    """
    if rows is None:
        return (entry.raw + b"\n" for entry in entries)
    return _array(rows, entries) if rows.encoding.array else _lines(rows, entries)


def _base(entry: Entry) -> int | None:
    """The row of the file that an entry still is, untouched."""
    return None if entry.changed else entry.key


def _lines(rows: Rows, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Untouched rows with what stands behind them; only one of them can lack its line end, wherever it is now."""
    line_end = b"\r\n" if rows.encoding.crlf else b"\n"
    unended = None if rows.encoding.last_newline else len(rows) - 1
    yield rows.bytes_at(0, rows.index.extent(0)[0])
    for number, entry in enumerate(entries):
        last = number == len(entries) - 1
        base = _base(entry)
        if not rows.encoding.last_newline and last != (base == unended):
            yield entry.raw if last else entry.raw + line_end
        elif base is None:
            yield entry.raw + line_end
        else:
            yield rows.bytes_at(*rows.index.extent(base))


def _array(rows: Rows, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Elements and what stands between them: neighbours keep theirs, others get that of the first two."""
    first, end = rows.index.extent(0)[0], rows.index.extent(len(rows) - 1)[1]
    opening = rows.bytes_at(0, first)
    if len(rows) > 1:
        between = rows.bytes_at(rows.index.extent(0)[1], rows.index.extent(1)[0])
    else:
        between = b"," + (opening[opening.rindex(b"[") + 1 :] or b" ")
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
