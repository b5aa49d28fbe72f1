"""What a saved file consists of: spans of the base file and of the overlay, and the few bytes between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.dataset.rows.open import Rows
from workbench.dataset.rows.overlay import Overlay
from workbench.dataset.rows.pieces import Pieces


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `first` up to `last` of an open file."""

    fd: int
    first: int
    last: int


def line_end(rows: Rows) -> bytes:
    """What stands behind a new row."""
    if rows.encoding.array:
        return b""
    return b"\r\n" if rows.encoding.crlf else b"\n"


def content(rows: Rows, chunk: bytes) -> bytes:
    """A row out of its bytes in the file or the overlay."""
    return rows.index.content(chunk)


def layout(rows: Rows, overlay: Overlay, pieces: Pieces) -> Iterator[Span | bytes]:
    """The new file from its first byte to its last; untouched stretches are one span each."""
    return _array(rows, overlay, pieces) if rows.encoding.array else _lines(rows, overlay, pieces)


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
            yield content(rows, rows.bytes_at(*rows.index.extent(last)) if last >= 0 else overlay.read(-1 - last))
            if last != final:
                yield line_end(rows)


def _array(rows: Rows, overlay: Overlay, pieces: Pieces) -> Iterator[Span | bytes]:
    """Elements and what stands between them: neighbours keep theirs, others get that of the first two."""
    first, last = rows.index.extent(0)[0], rows.index.extent(len(rows) - 1)[1]
    opening = rows.bytes_at(0, first)
    if len(rows) > 1:
        between = rows.bytes_at(rows.index.extent(0)[1], rows.index.extent(1)[0])
    else:
        between = b"," + (opening[opening.rindex(b"[") + 1 :] or b" ")
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
