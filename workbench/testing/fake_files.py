"""The files of a `FakeProvider`: uploaded whole or in parts, listed, read, deleted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.testing.fake_jobs import FakeClock, Flavour

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class FakeFiles:
    """Files in the shapes that the services send. Unknown ids are KeyErrors."""

    def __init__(self, flavour: Flavour, clock: FakeClock) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self._flavour: Flavour = flavour
        self._clock = clock

    def add(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        """A file that is there."""
        made: dict[str, Any] = {
            "id": self._clock.name("file"),
            "object": "file",
            "bytes": len(content),
            "created_at": self._clock.tick(),
            "filename": name,
            "purpose": purpose,
            "status": "pending" if self._flavour == "azure" else "processed",
        }
        self.files[made["id"]], self.contents[made["id"]] = made, content
        return made

    async def create(self, request: Request) -> Response:
        """POST /files."""
        from starlette.responses import JSONResponse

        form = await request.form()
        part: Any = form["file"]
        return JSONResponse(self.add(part.filename, await part.read(), str(form["purpose"])))

    async def one(self, request: Request) -> Response:
        """GET and DELETE /files/{id}."""
        from starlette.responses import JSONResponse

        file_id = request.path_params["id"]
        found = self.files[file_id]
        if request.method == "DELETE":
            del self.files[file_id], self.contents[file_id]
            return JSONResponse({"id": file_id, "object": "file", "deleted": True})
        if found["status"] == "pending":
            found["status"] = "processed"
        return JSONResponse(found)

    async def content(self, request: Request) -> Response:
        """GET /files/{id}/content."""
        from starlette.responses import Response

        return Response(self.contents[request.path_params["id"]], media_type="application/octet-stream")


@dataclass
class _Upload:
    name: str
    purpose: str
    size: int
    parts: dict[str, bytes] = field(default_factory=dict)
    ended: bool = False


class FakeUploads:
    """Uploads in parts, as OpenAI has them. Unknown ids are KeyErrors."""

    def __init__(self, files: FakeFiles, clock: FakeClock) -> None:
        self.uploads: dict[str, _Upload] = {}
        self.lifetime_s = 3600
        """How long an upload may take, by this machine's clock."""
        self._files = files
        self._clock = clock

    def expire(self) -> None:
        """Every upload that is under way ends."""
        for upload in self.uploads.values():
            upload.ended = True

    async def create(self, request: Request) -> Response:
        """POST /uploads."""
        from starlette.responses import JSONResponse

        body = await request.json()
        upload_id = self._clock.name("upload")
        self.uploads[upload_id] = _Upload(body["filename"], body["purpose"], body["bytes"])
        return JSONResponse(self._object(upload_id, "pending"))

    async def add(self, request: Request) -> Response:
        """POST /uploads/{id}/parts."""
        from starlette.responses import JSONResponse

        upload_id = request.path_params["id"]
        if self.uploads[upload_id].ended:
            return _refused("The upload has expired.")
        part: Any = (await request.form())["data"]
        part_id = self._clock.name("part")
        self.uploads[upload_id].parts[part_id] = await part.read()
        made = {"id": part_id, "object": "upload.part", "created_at": self._clock.tick(), "upload_id": upload_id}
        return JSONResponse(made)

    async def complete(self, request: Request) -> Response:
        """POST /uploads/{id}/complete: the parts that are named, in that order."""
        from starlette.responses import JSONResponse

        upload_id, body = request.path_params["id"], await request.json()
        upload = self.uploads[upload_id]
        if upload.ended:
            return _refused("The upload is already completed.")
        content = b"".join(upload.parts[part] for part in body["part_ids"])
        if len(content) != upload.size:
            return _refused(f"Expected {upload.size} bytes, got {len(content)}.")
        if body.get("md5") not in (None, hashlib.md5(content, usedforsecurity=False).hexdigest()):
            return _refused("The md5 checksum does not match.")
        upload.ended = True
        file = self._files.add(upload.name, content, upload.purpose)
        return JSONResponse({**self._object(upload_id, "completed"), "file": file})

    def _object(self, upload_id: str, status: str) -> dict[str, Any]:
        import time

        upload, now = self.uploads[upload_id], int(time.time())
        return {
            "id": upload_id,
            "object": "upload",
            "bytes": upload.size,
            "created_at": now,
            "expires_at": now + self.lifetime_s,
            "filename": upload.name,
            "purpose": upload.purpose,
            "status": status,
            "file": None,
        }


def _refused(message: str) -> Response:
    from starlette.responses import JSONResponse

    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=400)
