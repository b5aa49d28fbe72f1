"""Uploaded files and result files."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.engine.durable import read_json, sync_folder, write_json
from workbench.engine.ids import new_id


class FileRecord(BaseModel):
    """The document beside a file's bytes; a file exists once this does."""

    model_config = ConfigDict(extra="allow")

    schema_version: int = 1
    id: str
    filename: str
    purpose: str
    bytes: int
    sha256: str
    created: float
    expires: float | None = None

    def to_wire(self) -> dict[str, Any]:
        """As OpenAI shapes it."""
        wire: dict[str, Any] = {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": int(self.created),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "ftwb": {"sha256": self.sha256},
        }
        if self.expires is not None:
            wire["expires_at"] = int(self.expires)
        return wire


class FileStore:
    """engine/files: `ID` holds the bytes, `ID.json` the record. Bytes never change once they are there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._records: dict[str, FileRecord] = {}
        for path in folder.glob("file-*.json"):
            try:
                record = FileRecord.model_validate(read_json(path))
            except ValidationError:
                continue  # not a record of ours; left alone
            self._records[record.id] = record

    def all(self) -> list[FileRecord]:
        """The files, oldest first; expired ones are deleted now."""
        for record in list(self._records.values()):
            if record.expires is not None and record.expires <= time.time():
                self.delete(record.id)
        return sorted(self._records.values(), key=lambda record: (record.created, record.id))

    def get(self, file_id: str) -> FileRecord | None:
        """One file's record, None if there is none of that id (any more)."""
        record = self._records.get(file_id)
        if record is not None and record.expires is not None and record.expires <= time.time():
            self.delete(file_id)
            return None
        return record

    def path(self, file_id: str) -> Path:
        """Where a file's bytes are. Ask `get` first."""
        return self.folder / self._records[file_id].id

    async def receive(
        self, chunks: AsyncIterator[bytes], *, filename: str, purpose: str, expires_after: int | None = None
    ) -> FileRecord:
        """Store a stream of bytes. Raises OSError (a full disk), nothing then being left."""
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
            now = max(time.time(), max((record.created for record in self._records.values()), default=0.0) + 1e-4)
            record = FileRecord(
                id=new_id("file"),
                filename=filename,
                purpose=purpose,
                bytes=size,
                sha256=digest.hexdigest(),
                created=now,
                expires=now + expires_after if expires_after is not None else None,
            )
            self._keep(fresh, record)
        finally:
            fresh.unlink(missing_ok=True)  # noqa: ASYNC240  a name, no wait
        return record

    def add(self, content: bytes, *, file_id: str, filename: str, purpose: str) -> FileRecord:
        """Store bytes under a given id; one that exists already is returned as it is."""
        if file_id in self._records:
            return self._records[file_id]
        fresh = self.folder / f".new-{file_id}"
        try:
            fresh.write_bytes(content)
            record = FileRecord(
                id=file_id,
                filename=filename,
                purpose=purpose,
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                created=time.time(),
            )
            self._keep(fresh, record)
        finally:
            fresh.unlink(missing_ok=True)
        return record

    def _keep(self, content: Path, record: FileRecord) -> None:
        content.rename(self.folder / record.id)
        sync_folder(self.folder)
        write_json(self.folder / f"{record.id}.json", record.model_dump(mode="json"))
        self._records[record.id] = record

    def delete(self, file_id: str) -> None:
        """Forget a file. Jobs keep their own copy of what they train on."""
        (self.folder / f"{file_id}.json").unlink(missing_ok=True)
        (self.folder / file_id).unlink(missing_ok=True)
        self._records.pop(file_id, None)

    def sweep(self) -> None:
        """Remove what an upload that was cut off by a kill left behind."""
        for path in self.folder.glob(".new-*"):
            path.unlink(missing_ok=True)
        for path in self.folder.glob("file-*"):
            if path.suffix == "" and not path.with_name(f"{path.name}.json").exists():
                path.unlink(missing_ok=True)
