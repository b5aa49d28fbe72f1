"""A dataset that is being edited: the file as it is on disk, and what the person has changed since."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.dataset.rows import changes
from workbench.dataset.rows.changes import Change, Edit, Replaced, RowId, edit
from workbench.dataset.rows.decode import decode
from workbench.dataset.rows.journal import Checkpoint, Journal
from workbench.dataset.rows.layout import line_end
from workbench.dataset.rows.open import Rows, open_first
from workbench.dataset.rows.outside import OutsideChange, look
from workbench.dataset.rows.overlay import Added, Overlay
from workbench.dataset.rows.packing import pack, unpack
from workbench.dataset.rows.pieces import Pieces
from workbench.dataset.rows.present import Present, Progress
from workbench.dataset.rows.resume import Resumed, resume, without_edits
from workbench.dataset.rows.saving import Saved, save
from workbench.dataset.rows.signature import Signature
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

_FEW = 64  # rows of an edit that are looked for one by one
_BULK = 500  # how many small edits one bulk edit counts for when it is time for a checkpoint
_CHECKPOINT = 2000  # small edits that are made again quickly enough when the file is opened


def open_document(path: Path, journals: Path, *, progress: Progress | None = None) -> Document:
    """Open a file for editing; unsaved edits are kept in the folder `journals`.

    The first rows are there at once, and `index_rest` finds the others. Where there are unsaved edits from last time,
    all rows are found first, with `progress` (bytes indexed, bytes in all). Raises WorkbenchError as `open_rows` does.
    A file that is open elsewhere, or whose edits could not be kept, is opened too: `Document.read_only` says why.
    """
    rows = open_first(path)
    resumed = None
    try:
        real = Path(os.path.realpath(path))
        resumed = resume(rows, real, journals)
        if resumed.stored is not None:
            rows.index_rest(progress)
            try:
                return Document(rows, real, resumed)
            except (IndexError, ValueError):  # edits of places that the file does not have
                resumed = without_edits(resumed)
        return Document(rows, real, resumed)
    except BaseException:
        rows.close()
        if resumed is not None and resumed.hold is not None:
            resumed.hold.release()
        raise


class Document(Present):
    """The rows of a file in their present order, with undo; the file itself is untouched until `save`.

    Reading may be done from several threads at any time, also while an edit is made. Edits come one at a time: one that
    is made while a bulk edit or a save is under way is refused with code `busy`. Every edit is one undo step.
    """

    def __init__(self, rows: Rows, real: Path, resumed: Resumed) -> None:
        super().__init__(rows, Overlay(resumed.overlay))
        self.real = real
        """Where the file really is, with links followed."""
        self.read_only = resumed.read_only
        """One sentence why nothing can be edited or saved over the source; None as a rule."""
        self.notice = resumed.notice
        """One sentence about edits found when the file was opened, to be shown once."""
        self.generation = 0
        """Goes up with every save over the source: row ids of before mean nothing then."""
        self.signature = resumed.signature
        self.journal = Journal(
            resumed.journal, resumed.signature, shared_disk=resumed.shared_disk, sync=self.overlay.sync
        )
        self._hold = resumed.hold
        self._editing = threading.Lock()
        self._doing = ""
        self._edits: list[Edit] = []
        self._head = 0
        self._since_checkpoint = 0
        if resumed.stored is not None:
            try:
                self._restore(resumed)
            except BaseException:
                self.overlay.close()
                raise
        self._grow()
        # What is still waiting when the program ends without `close` is written.
        self._last = weakref.finalize(self, _flush_quietly, self.journal)

    # Editing --------------------------------------------------------------------------------------------------------

    def replace(self, new: Mapping[RowId, bytes], *, title: str, step: dict[str, Any] | None = None) -> Change:
        """Let rows hold other bytes; those that hold them already are left alone.

        Each value is asked for once and in the order of the rows, so `new` may make them as it is asked.
        """
        with self._exclusively(title):
            found = self._positions(list(new))
            positions, old = array("q"), array("q")

            def stored() -> Iterator[tuple[bytes, int]]:
                for position, row in found:
                    raw = new[row]
                    chunk = (
                        self.rows.bytes_at(*self.rows.index.extent(row)) if row >= 0 else self.overlay.read(-1 - row)
                    )
                    before = self.rows.index.content(chunk)
                    if raw == before:
                        continue
                    positions.append(position)
                    old.append(row)
                    origin = self.origin(row)
                    yield self._stored(raw, chunk[len(before) :]), -1 if origin is None else origin

            added = self.overlay.append(stored())
            if not len(old):
                return self._nothing(title, found[0][0] if found else 0)
            return self._make(edit("replace", title, step, positions=positions, old=old, new=added.ids, added=added))

    def insert(self, position: int, raws: Sequence[bytes], *, title: str, step: dict[str, Any] | None = None) -> Change:
        """Add rows before the one at `position` (at the end: `len(document)`)."""
        with self._exclusively(title):
            if not 0 <= position <= len(self):
                raise IndexError(position)
            added = self.overlay.append((self._stored(raw, b""), -1) for raw in raws)
            if not len(added.ids):
                return self._nothing(title, position)
            places = range(position, position + len(added.ids))
            return self._make(edit("insert", title, step, positions=places, new=added.ids, added=added))

    def delete(
        self, rows: Sequence[RowId] | NDArray[int64], *, title: str, step: dict[str, Any] | None = None
    ) -> Change:
        """Remove rows."""
        with self._exclusively(title):
            positions, old = self._lists(rows)
            if not len(positions):
                return self._nothing(title, 0)
            return self._make(edit("delete", title, step, positions=positions, old=old))

    def move(
        self, rows: Sequence[RowId] | NDArray[int64], position: int, *, title: str, step: dict[str, Any] | None = None
    ) -> Change:
        """Put rows, in the order in which they stand, before the row that stands at `position` now."""
        with self._exclusively(title):
            if not 0 <= position <= len(self):
                raise IndexError(position)
            positions, old = self._lists(rows)
            at = position - sum(1 for place in positions if place < position)
            if not len(positions) or list(positions) == list(range(at, at + len(positions))):
                return self._nothing(title, at)
            return self._make(edit("move", title, step, positions=positions, old=old, at=at))

    def reorder(
        self, ids: Sequence[RowId] | NDArray[int64], *, title: str, step: dict[str, Any] | None = None
    ) -> Change:
        """Put all rows in another order: sorting and shuffling. `ids` are all rows, each once."""
        import numpy as np

        with self._exclusively(title):
            self.index_rest()
            old, new = self.ids(), np.asarray(ids, np.int64)
            if len(old) != len(new) or not np.array_equal(np.sort(old), np.sort(new)):
                raise WorkbenchError(
                    str(self.path), "the new order does not name every row once", "look again", code="stale_row"
                )
            if np.array_equal(old, new):
                return self._nothing(title, 0)
            return self._make(edit("reorder", title, step, old=old, new=new))  # type: ignore[arg-type]

    def undo(self) -> Change | None:
        """Take the last edit back; None if there is none since the last save."""
        return self._step(-1)

    def redo(self) -> Change | None:
        """Make again the last edit that was undone; None if there is none."""
        return self._step(1)

    def _step(self, by: int) -> Change | None:
        with self._exclusively("undo" if by < 0 else "redo"), self._state:
            number = self._head - (by < 0)
            if not 0 <= number < len(self._edits):
                return None
            change = (changes.undo if by < 0 else changes.do)(self._edits[number], self.pieces)
            self._head += by
            self._seen.clear()
            self.journal.move_head(self._head)
            return change

    @property
    def undoable(self) -> str | None:
        """The title of the edit that `undo` would take back."""
        return self._edits[self._head - 1].title if self._head else None

    @property
    def redoable(self) -> str | None:
        """The title of the edit that `redo` would make again."""
        return self._edits[self._head].title if self._head < len(self._edits) else None

    @property
    def unsaved(self) -> int:
        """Undo steps since the last save."""
        return self._head

    @property
    def touched(self) -> bool:
        """Whether a save would write anything but the file as it is."""
        return self._head > 0

    def steps(self) -> list[dict[str, Any]]:
        """The recipe steps of the edits that are in force since the last save, in order."""
        with self._state:
            return [made.step for made in self._edits[: self._head] if made.step is not None]

    @contextlib.contextmanager
    def _exclusively(self, title: str, *, source: bool = True) -> Iterator[None]:
        """One edit or save at a time; `source`: it needs the right to edit."""
        if source and self.read_only is not None:
            raise WorkbenchError(str(self.path), "is read-only here", self.read_only, code="read_only")
        if not self._editing.acquire(blocking=False):
            raise WorkbenchError(str(self.path), f"is busy ({self._doing})", "wait until that is done", code="busy")
        try:
            self._doing = title
            if source and self.journal.problem is not None:
                self.journal.flush()  # tries again, and raises what is still in the way
            yield
        finally:
            self._editing.release()

    def _make(self, made: Edit) -> Change:
        with self._state:
            change = changes.do(made, self.pieces)
            del self._edits[self._head :]
            self._edits.append(made)
            self._head += 1
            self._seen.clear()
            self.journal.record(self._head, made)
            bulk = max(len(made.positions), len(made.old)) > 9 * _FEW
            self._since_checkpoint += _BULK if bulk else 1
            if self._since_checkpoint >= _CHECKPOINT:
                self._checkpoint()
            return change

    def _checkpoint(self) -> None:
        """Keep the order as it is now; it is packed in the journal's thread."""
        head, known, rows = self._head, self._known, self.pieces.snapshot()
        self.journal.checkpoint(lambda: Checkpoint(head, known, pack(rows.ids())))  # type: ignore[arg-type]
        self._since_checkpoint = 0

    def _nothing(self, title: str, position: int) -> Change:
        return Change(title, Replaced(), (), (), position)

    def _positions(self, rows: Sequence[RowId] | NDArray[int64]) -> list[tuple[int, RowId]]:
        positions, ids = self._lists(rows)
        return list(zip(positions, ids, strict=True))

    def _lists(self, rows: Sequence[RowId] | NDArray[int64]) -> tuple[Sequence[int], Sequence[RowId]]:
        """Where these rows stand, rising, and the rows in that order; raises if one does not stand anywhere."""
        if len(rows) <= _FEW:
            found = []
            for row in {int(row) for row in rows}:
                position = self.position_of(row)
                if position is None:
                    raise self._gone(row)
                found.append((position, row))
            found.sort()
            return [position for position, _ in found], [row for _, row in found]
        import numpy as np

        wanted = np.unique(np.asarray(rows, np.int64))
        with self._state:
            places = self.pieces.locate(wanted)
            ids = self.pieces.ids()[places]
        if len(places) != len(wanted):
            raise self._gone(int(np.setdiff1d(wanted, ids)[0]))
        positions, kept = array("q"), array("q")
        positions.frombytes(places.astype(np.int64).tobytes())
        kept.frombytes(ids.tobytes())
        return positions, kept

    def _stored(self, raw: bytes, end: bytes) -> bytes:
        """A row as it is kept in the overlay: with the line end of the row it replaces, or the file's."""
        if self.rows.encoding.array:
            decode(raw)  # a broken element would break those behind it
            return raw
        if b"\n" in raw:
            raise WorkbenchError("the record", "has a line break in it", "write it on one line", code="not_one_line")
        if not raw or raw.isspace():
            raise WorkbenchError("the record", "is blank", "delete the record instead", code="blank_row")
        if raw.endswith(b"\r"):
            return raw + b"\r\n"
        return raw + (end if end.endswith(b"\n") else line_end(self.rows))

    # Keeping --------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Return when all edits so far would survive a power cut; raises WorkbenchError if they cannot be kept."""
        self.journal.flush()

    def changed_on_disk(self) -> OutsideChange | None:
        """What something else did to the file since it was opened or saved; None if it is as it was."""
        return look(self.real, self.rows, self.signature)

    def save(self, target: Path | None = None, *, progress: Progress | None = None, force: bool = False) -> Saved:
        """Write the rows as they are now over the source, or to `target` (the document then stays as it is).

        Over the source, all edits are saved and cannot be undone any more; row ids start anew (`Saved.ids`). What else
        changed the file is overwritten with `force` only. `progress` gets bytes written and bytes in all. Raises
        WorkbenchError; the file and the edits are then as they were. What `progress` raises cancels the save.
        """
        over = target is None or Path(os.path.realpath(target)) == self.real
        with self._exclusively("saving", source=over):
            self.index_rest()
            return save(self, None if over else target, progress, force=force)

    def become(self, rows: Rows, signature: Signature) -> None:
        """Be the saved file: for `saving`, which has put it in place."""
        with self._state:
            self.rows.close_aside()  # others may still be reading
            self.rows = rows
            self.signature = signature
            self._edits, self._head, self._since_checkpoint = [], 0, 0
            self._known = len(rows)
            self.pieces = Pieces([range(len(rows))])
            self._seen.clear()
            self.overlay.clear()
            self.generation += 1

    def close(self) -> None:
        """Keep unsaved edits for next time and give the file back. Raises as `flush` does, but closes in any case."""
        self._last.detach()
        try:
            if self._head and self._since_checkpoint > _CHECKPOINT // 10 and self.journal.problem is None:
                with self._state:
                    self._checkpoint()
            self.journal.close(keep=bool(self._edits) or self._hold is None)
        finally:
            if not self._edits and self._hold is not None:
                self.overlay.path.unlink(missing_ok=True)
            self.overlay.close()
            self.rows.close()
            if self._hold is not None:
                self._hold.release()

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _restore(self, resumed: Resumed) -> None:
        """Make the edits of last time again, from the checkpoint on."""
        stored = resumed.stored
        assert stored is not None
        self.overlay.open()
        for made in stored.edits:
            if made.added is not None:
                self.overlay.restore(made.added, self._origins(made, made.added))
        self.overlay.check()
        kept = stored.checkpoint
        done = 0
        if kept is not None:
            import numpy as np

            self.pieces.arrange(np.frombuffer(unpack(kept.rows), np.int64))
            self._known, done = kept.known, kept.seq
        self._grow()
        for made in stored.edits[done : stored.head]:
            changes.do(made, self.pieces)
        for made in reversed(stored.edits[stored.head : done]):
            changes.undo(made, self.pieces)
        self._edits = stored.edits
        self._head = stored.head
        self._since_checkpoint = abs(stored.head - done)
        if stored.signature != self.signature or stored.saving is not None:
            self.journal.adopt(self.signature)

    def _origins(self, made: Edit, added: Added) -> Iterator[int]:
        if made.kind != "replace":
            yield from (-1 for _ in added.lengths)
            return
        for row in unpack(made.old):
            origin = self.origin(row)
            yield -1 if origin is None else origin


def _flush_quietly(journal: Journal) -> None:
    with contextlib.suppress(WorkbenchError):  # the program is ending; nobody is left to tell
        journal.flush()
