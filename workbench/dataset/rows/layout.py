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


_ASKED = 4096  # replaced rows that are read for the blank lines behind them: above, reading the file is as quick


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


def index_after(rows: Rows, overlay: Overlay, pieces: Pieces) -> LineIndex | None:
    """Where the rows of the new file will be, without reading it.

    None for an array, and where too much would have to be asked about blank lines: such a file is looked through once
    it is written.
    """
    import numpy as np

    if rows.encoding.array or not isinstance(rows.index, LineIndex):
        return None
    if rows.encoding.blank_lines and not rows.encoding.last_newline:  # the last may lose or gain blanks
        return None
    ids = pieces.ids()
    blanks = _blanks_after(rows.index, overlay, ids)
    if blanks is None:
        return None
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
    return LineIndex.known(np.cumsum(lengths, out=lengths), blanks)


def _blanks_after(index: LineIndex, overlay: Overlay, ids: NDArray[int64]) -> NDArray[int64] | None:
    """How many rows of the new file stand before each of its blank lines, which go with the row before them.

    A row that was replaced may have kept those of the one it stands for: it is looked at. None if there are too many.
    """
    import numpy as np

    blanks = index.blanks()
    if not len(blanks):
        return blanks
    first = blanks[blanks == 0]  # they stay at the front
    behind = np.bincount(blanks[len(first) :] - 1, minlength=len(index))
    origins = np.append(overlay.origins(), ids.dtype.type(-1))  # never empty, so that base rows may ask for any
    origin = np.where(ids < 0, origins[np.where(ids < 0, -1 - ids, -1)], ids)
    count = np.where(origin < 0, 0, behind[origin])
    asked = np.flatnonzero((ids < 0) & (count > 0))
    if len(asked) > _ASKED:
        return None
    for place in asked.tolist():
        count[place] = overlay.read(-1 - int(ids[place])).count(b"\n") - 1
    kept = np.flatnonzero(count)
    return np.append(first, np.repeat(kept + 1, count[kept]))


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
