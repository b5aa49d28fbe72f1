"""What a saved file consists of: spans of the base file and of the overlay, and the few bytes between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rows.open import Rows
from workbench.dataset.rows.overlay import Overlay
from workbench.dataset.rows.pieces import Pieces

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray


class Span(NamedTuple):
    """Bytes `first` up to `last` of an open file; a tuple, as a save has many thousands."""

    fd: int
    first: int
    last: int


def line_end(rows: Rows) -> bytes:
    """What stands behind a new row."""
    if rows.encoding.array:
        return b""
    return b"\r\n" if rows.encoding.crlf else b"\n"


def layout(rows: Rows, overlay: Overlay, pieces: Pieces) -> Iterator[Span | bytes]:
    """The new file from its first byte to its last; untouched stretches are one span each."""
    return _array(rows, overlay, pieces) if rows.encoding.array else _lines(rows, overlay, pieces)


def starts_after(rows: Rows, overlay: Overlay, pieces: Pieces) -> NDArray[int64] | None:
    """First bytes of the rows in the new file, and its size behind them, without reading it.

    None for an array and for a file with blank lines: they are looked through once they are written.
    """
    import numpy as np

    if rows.encoding.array or rows.encoding.blank_lines or not isinstance(rows.index, LineIndex):
        return None
    ids = pieces.ids()
    base, own = ids >= 0, ids < 0
    bounds = np.append(rows.index.starts(), rows.index.end)
    lengths = np.empty(len(ids) + 1, np.int64)
    lengths[0] = bounds[0]
    lengths[1:][base] = np.diff(bounds)[ids[base]]
    lengths[1:][own] = overlay.lengths()[-1 - ids[own]]
    if not rows.encoding.last_newline:
        last = len(rows) - 1
        if ids[-1] != last:
            lengths[-1] = len(_content(rows, overlay, int(ids[-1])))
            lengths[1:][ids == last] = len(_content(rows, overlay, last)) + len(line_end(rows))
    return np.cumsum(lengths)


def _content(rows: Rows, overlay: Overlay, row: int) -> bytes:
    return rows.raw(row) if row >= 0 else rows.index.content(overlay.read(-1 - row))


def _lines(rows: Rows, overlay: Overlay, pieces: Pieces) -> Iterator[Span | bytes]:
    """Rows with their line ends, and the blank lines behind them.

    Only one row of the base file can lack its line end; wherever it stands, the new file has a last line end if the old
    one had it.
    """
    unended = len(rows) - 1 if not rows.encoding.last_newline else None
    final = pieces.id_at(len(pieces) - 1)
    yield Span(rows.fd, 0, rows.index.extent(0)[0])
    for run in pieces.runs():
        last = run[-1]
        special = not rows.encoding.last_newline and ((last == final) != (last == unended))
        whole = run[:-1] if special else run
        if whole:
            yield from _run(rows, overlay, whole)
        if special:
            yield _content(rows, overlay, last) + (b"" if last == final else line_end(rows))


def array_frame(rows: Rows) -> tuple[bytes, bytes]:
    """What stands before the first element of an array file, and between two elements: as between its first two."""
    opening = rows.bytes_at(0, rows.index.extent(0)[0])
    if len(rows) > 1:
        return opening, rows.bytes_at(rows.index.extent(0)[1], rows.index.extent(1)[0])
    return opening, b"," + (opening[opening.rindex(b"[") + 1 :] or b" ")


def _array(rows: Rows, overlay: Overlay, pieces: Pieces) -> Iterator[Span | bytes]:
    """Elements and what stands between them: neighbours keep theirs, others get that of the first two."""
    last = rows.index.extent(len(rows) - 1)[1]
    opening, between = array_frame(rows)
    yield opening
    for number, run in enumerate(pieces.runs()):
        if number:
            yield between
        if run[0] >= 0:
            yield from _run(rows, overlay, run)
            continue
        for place, row in enumerate(run):
            if place:
                yield between
            yield Span(overlay.fd, *overlay.extent(-1 - row))
    yield Span(rows.fd, last, rows.size)


def _run(rows: Rows, overlay: Overlay, run: range) -> Iterator[Span]:
    """The spans of consecutive rows of one file: one, as a rule."""
    if run[0] >= 0:
        yield Span(rows.fd, rows.index.extent(run[0])[0], rows.index.extent(run[-1])[1])
        return
    first, last = overlay.extent(-1 - run[0])
    for row in run[1:]:
        begin, end = overlay.extent(-1 - row)
        if begin != last:
            yield Span(overlay.fd, first, last)
            first = begin
        last = end
    yield Span(overlay.fd, first, last)
