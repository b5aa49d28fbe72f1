"""Opening a file for editing: who holds it, what of it was not saved, and whether that still belongs to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.dataset.rows.holder import Held, Hold
from workbench.dataset.rows.journal import DamagedJournal, Stored, beside, read_journal, remove
from workbench.dataset.rows.open import Rows
from workbench.dataset.rows.rewrite import sweep
from workbench.dataset.rows.signature import Signature
from workbench.errors import WorkbenchError

# File systems that several hosts may share: SQLite's WAL and the kernel's locks cannot be relied on there.
_SHARED = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "fuse.",
    "ncpfs",
    "ocfs2",
)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What is known about the unsaved edits of a file when it is opened."""

    journal: Path
    overlay: Path
    signature: Signature
    hold: Hold | None
    stored: Stored | None
    """The edits to go on with."""
    shared_disk: bool
    read_only: str | None
    """One sentence why the file cannot be edited here."""
    notice: str | None
    """One sentence about edits that were found, for the person to read once."""


def resume(rows: Rows, real: Path, folder: Path) -> Resumed:
    """Take the right to edit a file, and read what was not saved; edits that no longer fit are kept aside.

    Never raises for a journal that is in the way: the rows can be read in any case.
    """
    stem = hashlib.sha256(os.fsencode(real)).hexdigest()[:32]
    journal, overlay = folder / f"{stem}.db", folder / f"{stem}.rows"
    signature = Signature.of(rows.fd)
    shared = False

    def found(
        hold: Hold | None, stored: Stored | None = None, read_only: str | None = None, notice: str | None = None
    ) -> Resumed:
        return Resumed(journal, overlay, signature, hold, stored, shared, read_only, notice)

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shared = on_shared_disk(folder)
        hold = Hold.take(folder / f"{stem}.lock", real, shared_disk=shared)
    except Held as held:
        return found(None, read_only=f"{held.message}: you see it as it was last saved, read-only; {held.hint}")
    except OSError as error:
        why = error.strerror or str(error)
        return found(
            None, read_only=f"{folder}: unsaved edits cannot be kept there ({why}), so {real.name} is read-only"
        )
    try:
        sweep(real)
        stored, notice = _fitting(journal, overlay, rows, signature)
        return found(hold, stored, notice=notice)
    except DamagedJournal as error:
        return found(hold, notice=_damaged(error.message, journal, overlay))
    except WorkbenchError as error:
        hold.release()
        return found(None, read_only=str(error))
    except BaseException:
        hold.release()
        raise


def without_edits(resumed: Resumed) -> Resumed:
    """The same file, its edits put aside because they name rows that it does not have."""
    notice = _damaged(f"{resumed.journal}: is damaged", resumed.journal, resumed.overlay)
    return replace(resumed, stored=None, notice=notice)


def _damaged(message: str, journal: Path, overlay: Path) -> str:
    aside = put_aside(journal, overlay)
    return f"{message}: it is kept as {aside}, and the file is shown as it is on disk"


def _fitting(journal: Path, overlay: Path, rows: Rows, signature: Signature) -> tuple[Stored | None, str | None]:
    """The edits that belong to this state of the file, and what to tell about them."""
    stored = read_journal(journal)
    if stored is None:
        remove(journal)
        overlay.unlink(missing_ok=True)
        return _from_aside(journal, overlay, signature)
    if stored.saving is not None and stored.saving.signature.same_content(signature):
        remove(journal)  # killed between putting the new file in place and emptying the journal
        overlay.unlink(missing_ok=True)
        return None, None
    if not stored.edits:
        return _from_aside(journal, overlay, signature)
    count = f"{stored.head:,} unsaved edit{'s' if stored.head != 1 else ''}"
    if stored.signature.same_content(signature):
        return stored, f"{count} from last time: they are shown, and can be undone" if stored.head else None
    if stored.signature.begins(rows.fd) and rows.bytes_at(stored.signature.size - 1, stored.signature.size) == b"\n":
        return stored, f"the file has grown since it was edited: its new rows stand at the end, behind {count}"
    aside = put_aside(journal, overlay)
    return None, (
        f"the file was changed by something else since it was edited: {count} are kept as {aside}; "
        "they come back when the file is as it was"
    )


def _from_aside(journal: Path, overlay: Path, signature: Signature) -> tuple[Stored | None, str | None]:
    """Edits that were put aside and belong to the file again, because it was put back as it was."""
    for aside in sorted(journal.parent.glob(f"{journal.stem}.aside-*.db"), reverse=True):
        with contextlib.suppress(WorkbenchError):  # one that is damaged stays where it is
            stored = read_journal(aside)
            if stored is not None and stored.edits and stored.signature.same_content(signature):
                remove(journal)
                aside.rename(journal)
                rows = aside.with_suffix(".rows")
                if rows.exists():
                    rows.replace(overlay)
                return stored, f"the file is again as it was: its {stored.head:,} unsaved edits are back"
    return None, None


def put_aside(journal: Path, overlay: Path) -> Path:
    """Give a journal another name under which nothing will overwrite it."""
    number = 1
    while (aside := journal.with_name(f"{journal.stem}.aside-{number:04}.db")).exists():
        number += 1
    for file in beside(journal):  # first: SQLite looks for them beside the database
        if file.exists():
            file.rename(file.with_name(file.name.replace(journal.name, aside.name)))
    journal.rename(aside)
    if overlay.exists():
        overlay.rename(aside.with_suffix(".rows"))
    return aside


def on_shared_disk(folder: Path) -> bool:
    """Whether a folder may be in use on several hosts."""
    import psutil

    place = os.fspath(folder.resolve())
    best, kind = "", ""
    for disk in psutil.disk_partitions(all=True):
        inside = place == disk.mountpoint or place.startswith(disk.mountpoint.rstrip("/") + "/")
        if inside and len(disk.mountpoint) >= len(best):
            best, kind = disk.mountpoint, disk.fstype
    return kind.startswith(_SHARED)
