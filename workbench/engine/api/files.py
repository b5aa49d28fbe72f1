"""/v1/files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePath

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from workbench.engine.api.context import engine_of
from workbench.engine.api.errors import ApiError, invalid, not_found
from workbench.engine.api.pages import page
from workbench.engine.files import FileRecord

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
"""OpenAI's; this engine has a use for one."""
CHUNK = 1 << 20
SHORTEST_EXPIRY_S, LONGEST_EXPIRY_S = 3600, 2592000


async def create(request: Request) -> JSONResponse:
    """Store an upload. Its content is checked when a job wants to train on it."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("Files come as multipart/form-data.", "file", "invalid_content_type")
    async with request.form(max_files=1, max_fields=8) as form:
        upload, purpose = form.get("file"), form.get("purpose")
        if purpose is None:
            raise invalid("Missing required parameter: 'purpose'.", "purpose", "missing_required_parameter")
        if purpose not in PURPOSES:
            raise invalid(f"Invalid value for 'purpose': expected one of {', '.join(PURPOSES)}.", "purpose")
        if purpose != "fine-tune":
            raise invalid(f"Invalid value for 'purpose': this engine keeps fine-tune files, not {purpose}.", "purpose")
        if upload is None:
            raise invalid("Missing required parameter: 'file'.", "file", "missing_required_parameter")
        if not isinstance(upload, UploadFile):
            raise invalid("Invalid type for 'file': expected a file.", "file", "invalid_type")
        record = await engine_of(request).files.receive(
            _chunks(upload),
            filename=PurePath(upload.filename or "file").name[:255],
            purpose="fine-tune",
            expires_after=_expiry(form),
        )
    return JSONResponse(record.to_wire())


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


def _expiry(form: FormData) -> int | None:
    """Seconds of `expires_after`, None without it. Raises ApiError 400."""
    anchor, seconds = form.get("expires_after[anchor]"), form.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise invalid("Invalid value for 'expires_after.anchor': expected created_at.", "expires_after.anchor")
    text = str(seconds)
    if not text.isascii() or not text.isdigit() or not SHORTEST_EXPIRY_S <= int(text[:12]) <= LONGEST_EXPIRY_S:
        raise invalid(
            f"Invalid value for 'expires_after.seconds': expected {SHORTEST_EXPIRY_S} to {LONGEST_EXPIRY_S}.",
            "expires_after.seconds",
        )
    return int(text)


def _file(request: Request) -> FileRecord:
    file_id = request.path_params["file_id"]
    file = engine_of(request).files.get(file_id)
    if file is None:
        raise not_found("file", file_id, "file_id")
    return file


async def list_all(request: Request) -> JSONResponse:
    """Newest first unless `order=asc`; `purpose` filters."""
    order, purpose = request.query_params.get("order", "desc"), request.query_params.get("purpose")
    if order not in ("asc", "desc"):
        raise invalid("Invalid value for 'order': expected asc or desc.", "order")
    files = [file for file in engine_of(request).files.all() if purpose in (None, file.purpose)]
    if order == "desc":
        files.reverse()
    return page(request, files, lambda file: file.id, FileRecord.to_wire, default_limit=10_000)


async def retrieve(request: Request) -> JSONResponse:
    """One file's description."""
    return JSONResponse(_file(request).to_wire())


async def content(request: Request) -> FileResponse:
    """One file's bytes."""
    file = _file(request)
    return FileResponse(engine_of(request).files.path(file.id), media_type="application/octet-stream")


async def delete(request: Request) -> JSONResponse:
    """Forget a file; jobs keep their copy."""
    file = _file(request)
    engine_of(request).files.delete(file.id)
    return JSONResponse({"id": file.id, "object": "file", "deleted": True})


async def uploads(request: Request) -> JSONResponse:
    """The API for parts of huge files: not here."""
    raise ApiError(404, "This engine has no uploads in parts; send the file to /v1/files.", code="unknown_url")


routes = [
    Route("/v1/files", create, methods=["POST"]),
    Route("/v1/files", list_all, methods=["GET"]),
    Route("/v1/files/{file_id}", retrieve, methods=["GET"]),
    Route("/v1/files/{file_id}", delete, methods=["DELETE"]),
    Route("/v1/files/{file_id}/content", content, methods=["GET"]),
    Route("/v1/uploads", uploads, methods=["POST"]),
]
