"""The ASGI application, and the gate in front of it."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.engine.api import chat, files, jobs, models, own
from workbench.engine.api.context import PRIVATE
from workbench.engine.api.errors import (
    ApiError,
    on_api_error,
    on_disconnect,
    on_http_error,
    on_mistake,
    on_os_error,
    on_workbench_error,
)
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.engine.daemon import Engine

OPEN_OVER_TCP = "/ftwb/v1/status"
"""The one path of our own that answers over TCP: the others act on this machine as its user."""


def build_app(engine: Engine) -> Starlette:
    """All paths of the engine."""
    app = Starlette(
        routes=[*files.routes, *jobs.routes, *models.routes, *chat.routes, *own.routes],
        exception_handlers={
            ApiError: on_api_error,
            ClientDisconnect: on_disconnect,
            WorkbenchError: on_workbench_error,
            HTTPException: on_http_error,
            OSError: on_os_error,
            Exception: on_mistake,
        },
    )
    app.router.redirect_slashes = False
    app.state.engine = engine
    return app


_STOPPING = ApiError(503, "The engine is stopping; ask again.", code="engine_stopping")


class Gate:
    """Lets in who has the key of this socket, counts who is inside, and keeps TCP callers off this machine."""

    def __init__(self, app: ASGIApp, engine: Engine, key: str, *, private: bool) -> None:
        self._app = app
        self._engine = engine
        self._key = key.encode()
        self._private = private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal.response()(scope, receive, send)
            return
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            with self._engine.busy():
                await self._app({**scope, PRIVATE: self._private}, receive, noting_send)
        except asyncio.CancelledError:  # the engine stops and has waited long enough
            if not started:
                await _STOPPING.response()(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return ApiError(
                401, "You didn't provide an API key: send 'Authorization: Bearer KEY'.", code="invalid_api_key"
            )
        if not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._key):
            return ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
        path: str = scope["path"]
        if not self._private and path.startswith("/ftwb/") and path != OPEN_OVER_TCP:
            return ApiError(403, f"{path} answers on the Unix socket only.", code="not_over_tcp")
        return None
