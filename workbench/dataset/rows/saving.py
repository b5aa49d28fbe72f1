"""Putting a document's rows in place of its file, so that a kill at any moment leaves the old file or the new one.

The new file is written beside the old one and made durable. Then the journal says what is about to take the old one's
place and how many edits are in it, the new file is renamed over the old one, and the journal is emptied. Whoever opens
the file next tells by its signature on which side of the rename a kill came.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.rows.journal import Saving
from workbench.dataset.rows.layout import Span, index_after, layout
from workbench.dataset.rows.open import Rows, open_written
from workbench.dataset.rows.rewrite import Beside, refuse_without_room
from workbench.dataset.rows.save import explained
from workbench.dataset.rows.signature import Signature
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    from workbench.dataset.rows.document import Document

_LOOKS = 64  # rows of the new file that are compared with what they should be before it replaces the old one


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save wrote."""

    path: Path
    rows: int
    size: int
    """In bytes."""
    edits: int
    """Undo steps that are in it."""
    ids: NDArray[int64] | None
    """Saved over the source: for every row of the new file, which row it was before. None where nothing was edited
    (every row is the one it was), and for a save to another file."""
    before: Rows | None = None
    """Saved over the source: the file as it was, still open, for whoever knows something of its rows."""
    now: Rows | None = None
    """And as it is, which is what `ids` are about."""


def save(document: Document, target: Path | None, progress: Callable[[int, int], None] | None, *, force: bool) -> Saved:
    """Save over the source, or to `target`; see `Document.save`."""
    if not len(document):
        raise WorkbenchError(
            str(document.path), "has no records left", "undo, or delete the file instead", code="empty_file"
        )
    _refuse_what_changed(document, over=target is None, force=force)
    real = document.real if target is None else Path(os.path.realpath(target))
    if real.is_dir():
        raise WorkbenchError(str(target), "is a directory", "name a file", code="is_directory")
    if real.exists() and not os.access(real, os.W_OK):
        raise WorkbenchError(
            str(real), "is write-protected", f"save to another file, or run `chmod u+w {real}`", code="no_permission"
        )
    try:
        written = Beside(real)
    except OSError as error:
        raise explained(real, error) from error
    try:
        rows = _write(document, written, progress)
        if target is None:
            return _replace(document, written, rows, force=force)
        rows.close()
        _put_in_place(written)
        return Saved(target, len(document), written.size, document.unsaved, None)
    finally:
        written.close()


def _refuse_what_changed(document: Document, *, over: bool, force: bool) -> None:
    outside = document.changed_on_disk()
    if outside is None or (not over and not outside.lost):
        return
    if outside.lost or not force:
        raise WorkbenchError(str(document.path), outside.why, outside.hint, code="changed_on_disk")


def _write(document: Document, written: Beside, progress: Callable[[int, int], None] | None) -> Rows:
    """Write the new file and have it on the disk; its rows, which were compared with what they should be."""

    def parts() -> Iterator[Span | bytes]:
        return layout(document.rows, document.overlay, document.pieces)

    real = written.target
    index = index_after(document.rows, document.overlay, document.pieces)
    if index is not None:
        total = index.end
    else:
        total = sum(len(part) if isinstance(part, bytes) else part.last - part.first for part in parts())
    refuse_without_room(real, total)
    try:
        written.write(parts(), total, (lambda done: None) if progress is None else lambda done: progress(done, total))
        written.dress_like(real if real.exists() else document.rows.fd)
        os.fsync(written.fd)
        rows = open_written(document.rows, written.path, index)
    except OSError as error:
        raise explained(real, error) from error
    if written.size == total and _is_as_it_should_be(document, rows):
        return rows
    rows.close()
    raise WorkbenchError(
        str(real), "would not hold what it should", "nothing was replaced; please report this", code="save_failed"
    )


def _is_as_it_should_be(document: Document, rows: Rows) -> bool:
    """Look at rows all over the new file, among them the first and the last."""
    count = len(document)
    if len(rows) != count:
        return False
    places = {count * part // _LOOKS for part in range(_LOOKS)} | {count - 1}
    return all(rows.raw(place) == document.raw(document.id_at(place)) for place in places)


def _replace(document: Document, written: Beside, rows: Rows, *, force: bool) -> Saved:
    """Let the new file take the place of the source, and the document go on from it."""
    signature = Signature.of(written.fd)
    edits, ids = document.unsaved, document.ids() if document.touched else None
    # A journal that cannot be written is no reason not to save: it is the way out. Then whoever opens the file after a
    # kill finds edits that do not fit, and they are put aside.
    with contextlib.suppress(WorkbenchError):
        document.journal.begin_save(Saving(signature, edits))
    try:
        _refuse_what_changed(document, over=True, force=force)
        _put_in_place(written)
    except BaseException:
        rows.close()
        with contextlib.suppress(WorkbenchError):  # what it says does no harm: no file has that signature
            document.journal.give_up_save()
        raise
    document.journal.end_save(signature)
    before = document.rows
    document.become(rows, signature)
    return Saved(document.path, len(rows), written.size, edits, ids, before, rows)


def _put_in_place(written: Beside) -> None:
    try:
        written.put_in_place()
    except OSError as error:
        raise explained(written.target, error) from error
