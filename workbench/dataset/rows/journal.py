"""Unsaved edits on disk: one small SQLite database a file, written by a thread of its own."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from workbench.dataset.rows.changes import Edit, Kind
from workbench.dataset.rows.overlay import Added, unkept
from workbench.dataset.rows.packing import pack, unpack
from workbench.dataset.rows.save import sync_folder
from workbench.dataset.rows.signature import Signature
from workbench.errors import WorkbenchError

GROUP_S = 0.25
"""Longest time an edit waits for others before they are put on the disk together."""

_PATIENCE_S = 5.0  # somebody may be looking into a journal with a tool of theirs
_SCHEMA = 1
_IN_THE_WAY = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL,
}  # fmt: skip
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
    seq INTEGER PRIMARY KEY, kind TEXT, title TEXT, step TEXT, positions BLOB, old BLOB, new BLOB, at INTEGER,
    first INTEGER, place INTEGER, lengths BLOB
);
CREATE TABLE IF NOT EXISTS checkpoint (seq INTEGER PRIMARY KEY, known INTEGER, rows BLOB);
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The order of rows after an edit, so that the edits before it need not be made again."""

    seq: int
    known: int
    """Rows of the base file that it knows; more of them stand behind it."""
    rows: bytes
    """Packed."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a save was about to put in the file's place."""

    signature: Signature
    head: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What a journal holds."""

    signature: Signature
    head: int
    edits: list[Edit]
    """Those that are in force (`head` of them), then those that can be made again."""
    checkpoint: Checkpoint | None
    saving: Saving | None


class DamagedJournal(WorkbenchError):
    """A journal that cannot be understood."""

    code = "damaged_journal"


Write = Callable[[sqlite3.Connection], None]


class Journal:
    """Takes edits at once, and has them on the disk within a quarter of a second, or when `flush` returns.

    What could not be written is kept and tried again with the next edit or `flush`; `problem` says so meanwhile.
    """

    def __init__(self, path: Path, signature: Signature, *, shared_disk: bool, sync: Callable[[], None]) -> None:
        self.path = path
        self.problem: WorkbenchError | None = None
        self._signature = signature
        self._mode = "DELETE" if shared_disk else "WAL"
        self._sync = sync
        self._database: sqlite3.Connection | None = None
        self._writing = threading.RLock()
        self._waiting: list[Write] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    # Writing --------------------------------------------------------------------------------------------------------

    def record(self, seq: int, edit: Edit) -> None:
        """Edit number `seq` (from 1) was made; those that had been undone are given up."""
        self._later(lambda database: _insert(database, seq, edit))

    def move_head(self, head: int) -> None:
        """This many edits are in force."""
        self._later(lambda database: _set(database, "head", head))

    def checkpoint(self, taken: Callable[[], Checkpoint]) -> None:
        """Keep the order of rows as it is now; `taken` is asked in the journal's thread."""

        def write(database: sqlite3.Connection) -> None:
            kept = taken()
            database.execute("DELETE FROM checkpoint")
            database.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (kept.seq, kept.known, kept.rows))

        self._later(write)

    def flush(self) -> None:
        """Return when all edits so far are on the disk; raises WorkbenchError if they cannot be written."""
        with self._writing:
            with self._changed:
                waiting = list(self._waiting)
            if not waiting:
                return
            try:
                self._sync()
                with self._transaction() as database:
                    for write in waiting:
                        write(database)
            except (OSError, sqlite3.Error) as error:
                self.problem = unkept(self.path, error)
                raise self.problem from error
            self.problem = None
            with self._changed:
                del self._waiting[: len(waiting)]

    def begin_save(self, saving: Saving) -> None:
        """Put on the disk what is about to take the file's place, if the journal holds anything that depends on it."""
        self.flush()
        if self.exists:
            self._now(lambda database: _set(database, "saving", {**saving.signature.dump(), "head": saving.head}))

    def give_up_save(self) -> None:
        """The file was not replaced."""
        if self.exists:
            self._now(lambda database: _set(database, "saving", None))

    def end_save(self, signature: Signature) -> None:
        """The file was replaced: the edits are in it.

        Where that cannot be written now it is before the next edit is; until then `begin_save` has said enough.
        """
        self._signature = signature
        if self.exists:
            try:
                self._now(self._empty)
            except WorkbenchError as error:
                self.problem = error
                with self._changed:
                    self._waiting.append(self._empty)

    def adopt(self, signature: Signature) -> None:
        """The edits go on from this state of the file."""
        self._signature = signature
        if self.exists:

            def write(database: sqlite3.Connection) -> None:
                _set(database, "signature", signature.dump())
                _set(database, "saving", None)

            self._now(write)

    def close(self, *, keep: bool) -> None:
        """Write what waits and stop; without `keep` the journal's file goes too. Raises as `flush` does."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        try:
            self.flush()
        finally:
            with self._writing:
                if self._database is not None:
                    self._database.close()
                    self._database = None
        if not keep:
            remove(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is anything on the disk."""
        return self._database is not None or self.path.exists()

    def _later(self, write: Write) -> None:
        with self._changed:
            self._waiting.append(write)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ftwb journal", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or (self._waiting and self.problem is None))
                self._changed.wait_for(lambda: self._closed, GROUP_S)
                if self._closed:
                    return
            with contextlib.suppress(WorkbenchError):  # it is in `problem`, which the next edit raises
                self.flush()

    def _now(self, write: Write) -> None:
        with self._writing:
            try:
                with self._transaction() as database:
                    write(database)
            except (OSError, sqlite3.Error) as error:
                raise unkept(self.path, error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._database is None:
            self._database = self._open()
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled it back already
                self._database.execute("ROLLBACK")
            raise

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self.path.chmod(0o600)
            # One process has it (see `holder`): no shared memory file, which shared disks could not map.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute(f"PRAGMA journal_mode = {self._mode}")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(_TABLES)
            if not database.execute("SELECT 1 FROM meta WHERE key = 'schema'").fetchone():
                database.execute("BEGIN IMMEDIATE")
                self._empty(database)
                database.execute("COMMIT")
                sync_folder(self.path.parent)
        except BaseException:
            database.close()
            raise
        return database

    def _empty(self, database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM edit")
        database.execute("DELETE FROM checkpoint")
        values = {"schema": _SCHEMA, "signature": self._signature.dump(), "head": 0, "saving": None}
        for key, value in values.items():
            _set(database, key, value)


def _set(database: sqlite3.Connection, key: str, value: object) -> None:
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))


def _insert(database: sqlite3.Connection, seq: int, edit: Edit) -> None:
    database.execute("DELETE FROM edit WHERE seq >= ?", (seq,))
    database.execute("DELETE FROM checkpoint WHERE seq >= ?", (seq,))
    added = (None, None, None) if edit.added is None else (edit.added.first, edit.added.at, pack(edit.added.lengths))
    step = None if edit.step is None else json.dumps(edit.step)
    values = (seq, edit.kind, edit.title, step, edit.positions, edit.old, edit.new, edit.at, *added)
    database.execute("INSERT INTO edit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    _set(database, "head", seq)


# Reading -------------------------------------------------------------------------------------------------------------


def read_journal(path: Path) -> Stored | None:
    """What a journal holds, or None if there is none; raises DamagedJournal, or WorkbenchError for a newer ftwb's."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, _PATIENCE_S, isolation_level=None)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            return _read(database, path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in _IN_THE_WAY:
            raise WorkbenchError(
                str(path), f"unsaved edits cannot be read now ({error})", "try again", code="journal_unreadable"
            ) from error
        raise _damaged(path, error) from error
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DamagedJournal:
    return DamagedJournal(str(path), f"is damaged ({error})", "it is kept; the dataset's file is untouched")


def _read(database: sqlite3.Connection, path: Path) -> Stored | None:
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return None  # killed before its first edit
    meta: dict[str, Any] = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM meta")}
    if not meta:
        return None
    if meta["schema"] > _SCHEMA:
        raise WorkbenchError(
            str(path), "holds unsaved edits of a newer ftwb", "upgrade ftwb to see them", code="newer_journal"
        )
    edits = [_edit(row) for row in database.execute("SELECT * FROM edit ORDER BY seq")]
    if not 0 <= meta["head"] <= len(edits):
        raise ValueError("it has fewer edits than it says")
    kept = database.execute("SELECT seq, known, rows FROM checkpoint ORDER BY seq DESC").fetchone()
    saving = None
    if meta["saving"] is not None:
        head = meta["saving"].pop("head")
        saving = Saving(Signature.read(meta["saving"]), head)
    signature = Signature.read(meta["signature"])
    return Stored(signature, meta["head"], edits, Checkpoint(*kept) if kept else None, saving)


def _edit(row: tuple[Any, ...]) -> Edit:
    _, kind, title, step, positions, old, new, at, first, place, lengths = row
    added = None if first is None else Added(first, place, unpack(lengths))
    return Edit(cast(Kind, kind), title, None if step is None else json.loads(step), positions, old, new, at, added)


def remove(path: Path) -> None:
    """Delete a journal and what SQLite keeps beside it."""
    for file in (path, *beside(path)):
        file.unlink(missing_ok=True)


def beside(path: Path) -> list[Path]:
    """SQLite's own files of a database."""
    return [path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal")]
