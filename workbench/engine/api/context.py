"""What a request knows of the engine and of the socket it came by."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from workbench.engine.api.errors import ApiError
from workbench.engine.models.store import is_path

if TYPE_CHECKING:
    from workbench.engine.daemon import Engine

PRIVATE = "ftwb.private"
"""Key in the ASGI scope: True where the request came by the user's own Unix socket."""


def engine_of(request: Request) -> Engine:
    """The engine that answers."""
    return cast("Engine", request.app.state.engine)


def refuse_folders(request: Request, name: str) -> None:
    """Raise ApiError 403 for a folder as a model's name over TCP: a key opens models, not this machine's disk."""
    if not is_private(request) and is_path(name):
        raise ApiError(
            403,
            "A folder of this machine is a model for its own user only, not over TCP.",
            code="not_over_tcp",
            param="model",
        )


def is_private(request: Request) -> bool:
    """Whether the caller is this machine's user, by the Unix socket."""
    return bool(request.scope.get(PRIVATE))
