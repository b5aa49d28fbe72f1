"""What we have sent to a provider already, or are about to: remembered by content, so that nothing is sent twice."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import WorkbenchError


class Parts(BaseModel):
    """An upload in parts that is under way."""

    model_config = ConfigDict(frozen=True)

    id: str
    size: int
    """Bytes of one part; the last may be shorter."""
    done: tuple[str, ...] = ()
    """The parts that have arrived, in the order of the file."""
    expires_at: int = 0
    """Unix seconds."""


class Sent(BaseModel):
    """One content that was sent, or whose sending has begun."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    name: str
    """As the provider has it; it holds a piece of the hash, so that the file is found again by its name."""
    bytes: int
    file_id: str | None = None
    """None while it is not known to have arrived."""
    parts: Parts | None = None


class SentFiles:
    """The memory of one profile: a folder with one small document a content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, sha256: str) -> Sent | None:
        """What is known of a content; None also where the document cannot be read: then it is simply sent."""
        try:
            return Sent.model_validate_json(self._path(sha256).read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(self, sent: Sent) -> None:
        """Remember it, whole or not at all. Raises `WorkbenchError` where the disk does not take it."""
        name = ""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".sent-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(sent.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path(sent.sha256))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkbenchError(
                str(self._folder), f"cannot be written ({why})", "free some space", code="disk"
            ) from error
        finally:
            if name:
                Path(name).unlink(missing_ok=True)

    def forget(self, sha256: str) -> None:
        """It is not there any more."""
        self._path(sha256).unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.json"
