"""What a request knows of the engine and of the socket it came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.requests import Request

if TYPE_CHECKING:
    from workbench.engine.daemon import Engine

PRIVATE = "ftwb.private"
"""Key in the ASGI scope: True where the request came by the user's own Unix socket."""


def engine_of(request: Request) -> Engine:
    """The engine that answers."""
    return cast("Engine", request.app.state.engine)


def is_private(request: Request) -> bool:
    """Whether the caller is this machine's user, by the Unix socket."""
    return bool(request.scope.get(PRIVATE))
