"""Lists with a cursor, as OpenAI pages them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse

from workbench.engine.api.bodies import integer_query
from workbench.engine.api.errors import invalid

T = TypeVar("T")


def page(
    request: Request,
    items: Sequence[T],
    identify: Callable[[T], str],
    to_wire: Callable[[T], dict[str, Any]],
    *,
    default_limit: int,
) -> JSONResponse:
    """One page of `items`: those behind the one that `after` names. Raises ApiError 400."""
    limit = integer_query(request, "limit", default_limit)
    after = request.query_params.get("after")
    start = 0
    if after:
        start = next((index + 1 for index, item in enumerate(items) if identify(item) == after), -1)
        if start < 0:
            raise invalid(f"Invalid value for 'after': there is no {after!r} in this list.", "after")
    shown = items[start : start + limit]
    body: dict[str, Any] = {
        "object": "list",
        "data": [to_wire(item) for item in shown],
        "has_more": start + limit < len(items),
    }
    body["first_id"] = identify(shown[0]) if shown else ""
    body["last_id"] = identify(shown[-1]) if shown else ""
    return JSONResponse(body)
