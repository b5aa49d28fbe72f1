"""Errors in OpenAI's shape: {"error": {message, type, param, code}}."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from workbench.engine.durable import is_disk_full
from workbench.errors import WorkbenchError

log = logging.getLogger(__name__)

STATUS_OF = {
    "model_not_found": 404,
    "model_not_deletable": 400,
    "port_taken": 409,
    "disk_full": 507,
    "host_failed": 503,
    "host_busy": 503,
}
"""The HTTP status of our own error codes; all others are 400."""


class ApiError(Exception):
    """An answer other than success."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.hint = hint
        """The way out, apart from the message; only on our own paths."""

    def body(self) -> dict[str, object]:
        """The JSON body."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error if self.hint is None else {**error, "hint": self.hint}}

    def response(self) -> JSONResponse:
        """The whole answer."""
        return JSONResponse(self.body(), status_code=self.status)


def invalid(message: str, param: str, code: str = "invalid_value") -> ApiError:
    """A 400 that names the parameter."""
    return ApiError(400, message, code=code, param=param)


def not_found(kind: str, wanted: str, param: str) -> ApiError:
    """A 404 for an object that is not here."""
    return ApiError(404, f"No such {kind}: {wanted!r}.", code=f"{kind.replace(' ', '_')}_not_found", param=param)


def from_workbench(error: WorkbenchError, param: str | None = None) -> ApiError:
    """One of our own errors on the wire: what, why and the way out in one sentence."""
    return ApiError(STATUS_OF.get(error.code, 400), str(error), code=error.code, param=param)


async def on_api_error(request: Request, error: Exception) -> JSONResponse:
    """Handler for ApiError."""
    assert isinstance(error, ApiError)
    return error.response()


async def on_workbench_error(request: Request, error: Exception) -> JSONResponse:
    """Handler for our own errors."""
    assert isinstance(error, WorkbenchError)
    if request.url.path.startswith("/ftwb/"):
        return ApiError(STATUS_OF.get(error.code, 400), error.message, code=error.code, hint=error.hint).response()
    return from_workbench(error).response()


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Handler for starlette's: unknown paths, wrong methods, broken forms."""
    assert isinstance(error, HTTPException)
    place = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        answer = ApiError(404, f"Unknown request URL: {place}.", code="unknown_url")
    elif error.status_code == 405:
        answer = ApiError(405, f"This path does not take that method: {place}.", code="method_not_supported")
    else:
        answer = ApiError(error.status_code, str(error.detail), code="invalid_request")
    response = answer.response()
    response.headers.update(error.headers or {})
    return response


async def on_disconnect(request: Request, error: Exception) -> JSONResponse:
    """Handler for a caller who hung up: nobody reads this, and nothing went wrong here."""
    assert isinstance(error, ClientDisconnect)
    return ApiError(400, "The caller hung up.", code="disconnected").response()


async def on_os_error(request: Request, error: Exception) -> JSONResponse:
    """Handler for a disk that is full; any other trouble with files is the engine's own mistake."""
    if is_disk_full(error):
        return ApiError(507, "The disk is full: free some space and try again.", code="disk_full").response()
    return await on_mistake(request, error)


async def on_mistake(request: Request, error: Exception) -> JSONResponse:
    """Handler for everything else: the traceback goes to the log, never to the caller."""
    log.error("%s %s: the engine made a mistake", request.method, request.url.path, exc_info=error)
    return ApiError(500, "The engine made a mistake; its log says more.", code="engine_error").response()
