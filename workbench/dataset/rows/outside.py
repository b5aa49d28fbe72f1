"""What something else did to a file while it was open here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.dataset.rows.open import Rows
from workbench.dataset.rows.signature import Signature

Kind = Literal["gone", "touched", "appended", "rewritten"]

_WORDS: dict[Kind, tuple[str, str]] = {
    "gone": ("is not there any more", "save to another file, or save over it anyway to have it again"),
    "touched": ("was written by something else and may be different inside", "look at it, or save over it anyway"),
    "appended": (
        "has grown: something else added rows to it",
        "open it again: the new rows then stand at the end and your edits are kept",
    ),
    "rewritten": ("was changed by something else", "look at it first, save to another file, or save over it anyway"),
}


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """A file that is not as it was when it was opened or saved here."""

    kind: Kind
    lost: bool
    """The old rows are gone: the file was rewritten in place, so what is not decoded yet cannot be read any more."""

    @property
    def why(self) -> str:
        """What happened, to go behind the file's name."""
        return _WORDS[self.kind][0]

    @property
    def hint(self) -> str:
        """The way out."""
        if self.lost:
            return "open it again: your unsaved edits are kept aside and come back if the file is put back as it was"
        return _WORDS[self.kind][1]


def look(real: Path, rows: Rows, signature: Signature) -> OutsideChange | None:
    """Compare a file with its signature: three system calls as long as nothing happened."""
    try:
        status = real.stat()
        if signature.unchanged(status):
            return None
        fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return OutsideChange("gone", lost=False)
    try:
        in_place = os.path.samestat(os.fstat(fd), os.fstat(rows.fd))
        now = Signature.of(fd)
        if now.same_content(signature):
            return None
        if signature.begins(fd):
            return OutsideChange("appended", lost=False)
        if (now.size, now.digest) == (signature.size, signature.digest):
            return OutsideChange("touched", lost=False)
        return OutsideChange("rewritten", lost=in_place)
    finally:
        os.close(fd)
