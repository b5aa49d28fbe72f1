"""A folder of TOML documents that several processes, also on several hosts, read and change at once."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from workbench.errors import WorkbenchError
from workbench.workspace.document import D, UnparsableError, parse, render, understand
from workbench.workspace.errors import BrokenDocument, NewerDocument, WorkspaceLocked, unreadable, unwritable
from workbench.workspace.lock import Held, Lock, LockLostError
from workbench.workspace.migrate import current_version, found_version, migrate

T = TypeVar("T")

_RESERVED = (".bak", ".tmp")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Loaded(Generic[D]):
    """One document as it is on the disk."""

    document: D
    data: bytes | None
    """None when there is no file."""
    raw: Mapping[str, Any]
    """After migration."""
    migrated_from: int | None


class Store:
    """Reads and changes documents by their path below `root`, such as `projects/demo/project.toml`.

    Every document is a pydantic model with `schema_version: int`. A save is: lock, read again, apply, write a temporary
    file, fsync, rename; the copy before it stays as `<name>.bak`. Files are 0600, folders 0700.
    """

    def __init__(
        self,
        root: Path,
        *,
        lock_timeout_s: float = 5.0,
        lock: Lock | None = None,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self.root = root
        self._lock = lock or Lock(root, timeout_s=lock_timeout_s)
        self._write = write

    def path(self, relative: str) -> Path:
        """Where a document is; `ValueError` for a path that leads out of the workspace."""
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise ValueError(f"not a path below the workspace: {relative!r}")
        return self.root / parts

    def read(self, relative: str, kind: type[D]) -> D:
        """The document, or a fresh `kind()` when there is none.

        Raises `BrokenDocument` or `NewerDocument`; an older schema is migrated in memory. Nothing is ever written.
        """
        return self._load(self.path(relative), kind).document

    def update(self, relative: str, kind: type[D], change: Callable[[D], D]) -> D:
        """Change the document as it is now on the disk, and return what was saved.

        `change` gets the newest state and is called again if our lock was lost meanwhile. Raises what `read` raises,
        `WorkspaceLocked`, and a sentence for a read-only workspace or a full disk; the old file is then untouched.
        """
        path = self.path(relative)

        def save(held: Held) -> D:
            loaded = self._load(path, kind)
            known = None if loaded.data is None else loaded.document.model_copy(deep=True)
            changed = change(loaded.document)
            data = _rendered(path, changed, loaded.raw, known)
            if data != loaded.data:
                self._save(path, data, loaded, held)
            return changed

        self._make_folder(path.parent)
        return self._locked(save)

    def exists(self, relative: str) -> bool:
        """Whether there is such a document."""
        return self.path(relative).is_file()

    def delete(self, relative: str) -> None:
        """Remove a document and its backups; one that is not there is no error."""
        path = self.path(relative)
        if not path.parent.is_dir():
            return
        with self._lock.hold():
            try:
                for victim in (path, *path.parent.glob(f"{path.name}*.bak")):
                    victim.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(path, error) from error

    def restore(self, relative: str) -> None:
        """Put the last good copy back, and keep what was there as `<name>.broken.bak`."""
        path = self.path(relative)
        backup = _backup(path)

        def put_back(held: Held) -> None:
            good, broken = _read_bytes(backup), _read_bytes(path)
            if good is None:
                raise WorkbenchError(str(path), "has no last good copy", "repair it, or remove it to start afresh")
            if broken is not None:
                self._replace(path.with_name(f"{path.name}.broken.bak"), broken, held)
            self._replace(path, good, held)

        self._make_folder(path.parent)
        self._locked(put_back)

    def list(self, pattern: str) -> list[str]:
        """The documents that match a glob such as `projects/*/project.toml`, sorted, relative to the root."""
        found = (path for path in self.root.glob(pattern) if path.is_file() and not path.name.endswith(_RESERVED))
        return sorted(path.relative_to(self.root).as_posix() for path in found if not path.name.startswith(".lock"))

    def check_writable(self) -> None:
        """Raise the sentence that a save would raise now (for `doctor`)."""
        self._make_folder(self.root)
        with self._lock.hold():
            pass

    def _locked(self, step: Callable[[Held], T]) -> T:
        """Run `step` under the lock, again where the lock was lost before anything was saved."""
        for _ in range(_ATTEMPTS):
            with self._lock.hold() as held, contextlib.suppress(LockLostError):
                return step(held)
        raise WorkspaceLocked(str(self.root), "lost its lock again and again", "try again when the disk is less busy")

    def _load(self, path: Path, kind: type[D]) -> _Loaded[D]:
        data = _read_bytes(path)
        if data is None:
            return _Loaded(kind(), None, {}, None)
        backup = _backup(path) if _backup(path).is_file() else None
        if not data.strip() and backup is not None:
            raise BrokenDocument(path, None, "is empty, and it was not", backup)
        try:
            raw = parse(data)
            version = found_version(raw)
            if version > current_version(kind):
                raise NewerDocument(path, version, current_version(kind))
            current = migrate(raw, kind)
            document = understand(current, kind, data)
        except UnparsableError as error:
            raise BrokenDocument(path, error.line, error.why, backup) from error
        except ValueError as error:
            raise BrokenDocument(path, None, str(error), backup) from error
        return _Loaded(document, data, current, version if version < current_version(kind) else None)

    def _save(self, path: Path, data: bytes, loaded: _Loaded[D], held: Held) -> None:
        if loaded.migrated_from is not None and loaded.data is not None:
            self._replace(path.with_name(f"{path.name}.v{loaded.migrated_from}.bak"), loaded.data, held)
        if loaded.data is not None:
            self._replace(_backup(path), loaded.data, held)
        self._replace(path, data, held)

    def _replace(self, path: Path, data: bytes, held: Held) -> None:
        """Put `data` at `path` in one step that a crash, a full disk or another host cannot tear."""
        target = path.resolve() if path.is_symlink() else path  # a linked config.toml stays a link
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            for left_over in target.parent.glob(f".{target.name}.*.tmp"):  # of a save that was killed: we hold the lock
                left_over.unlink(missing_ok=True)
            self._write_draft(draft, data)
            held.check()
            draft.replace(target)
            _sync_folder(target.parent)
        except FileNotFoundError as error:
            raise LockLostError from error  # somebody who broke our lock has cleared our draft away
        except OSError as error:
            raise unwritable(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _write_draft(self, draft: Path, data: bytes) -> None:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while data:
                data = data[self._write(fd, data) :]
            os.fsync(fd)
        finally:
            os.close(fd)

    def _make_folder(self, folder: Path) -> None:
        """Create the folders from the root down, each for its owner alone (`mkdir(parents=True)` ignores the mode)."""
        missing = [step for step in (folder, *folder.parents) if not step.exists()]
        try:
            for step in reversed(missing):
                step.mkdir(mode=0o700, exist_ok=True)
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        except OSError as error:
            raise unwritable(folder, error) from error


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")


def _rendered(path: Path, document: D, raw: Mapping[str, Any], known: D | None) -> bytes:
    try:
        return render(document, raw, known)
    except UnicodeEncodeError as error:
        raise WorkbenchError(
            str(path),
            "cannot be saved, a text in it is not valid Unicode",
            "rename the file it names",
            code="not_unicode",
        ) from error


def _read_bytes(path: Path) -> bytes | None:
    for attempt in (1, 2):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ESTALE and attempt == 1:
                continue  # another NFS host replaced the file between lookup and read: the new one is there
            raise unreadable(path, error) from error
    return None


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some network file systems cannot fsync a folder
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
