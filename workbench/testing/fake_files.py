"""The files of a `FakeProvider`: uploaded, listed, read, deleted."""

from __future__ import annotations

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
        found["status"] = "processed"
        return JSONResponse(found)

    async def content(self, request: Request) -> Response:
        """GET /files/{id}/content."""
        from starlette.responses import Response

        return Response(self.contents[request.path_params["id"]], media_type="application/octet-stream")
