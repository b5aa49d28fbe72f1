"""An engine that is no process: it offers the starter model and has no jobs. For tests that only look at screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.providers.engine_status import EngineStatus
from workbench.providers.local import LocalEngine

if TYPE_CHECKING:
    import httpx2

_STARTER = {
    "id": "starter",
    "object": "model",
    "created": 1_760_000_000,
    "owned_by": "ftwb",
    "ftwb": {
        "kind": "base",
        "base": None,
        "sha256": "0" * 64,
        "host": "llama.cpp",
        "precision": "q8_0",
        "methods": ["sft"],
    },
}
_ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/models": {"object": "list", "data": [_STARTER], "has_more": False},
    "/v1/fine_tuning/jobs": {"object": "list", "data": [], "has_more": False},
}


class FakeEngine(LocalEngine):
    """Answers lists of models and of jobs; everything else is a 404 in OpenAI's shape. Starts nothing."""

    def __init__(self, home: Path, cache: Path) -> None:
        super().__init__(home, cache, environ={})

    def key(self) -> str:
        """A key that opens nothing."""
        return "fake-key"

    def status(self, timeout_s: float = 2.0) -> EngineStatus:
        """Running, so that nobody starts another one."""
        return EngineStatus(status="running", pid=0, host="fake", version="0.0.0")

    async def ensure(self, *, take_over: bool = False) -> EngineStatus:
        """There already."""
        return self.status()

    def transport(self) -> Any:
        """Answers without a socket."""
        import httpx2

        return httpx2.MockTransport(_answer)


def _answer(request: httpx2.Request) -> httpx2.Response:
    import httpx2

    known = _ANSWERS.get(request.url.path)
    if known is not None and request.method == "GET":
        return httpx2.Response(200, json=known)
    error = {
        "message": "the fake engine has no such thing",
        "type": "invalid_request_error",
        "param": None,
        "code": "not_found",
    }
    return httpx2.Response(404, json={"error": error})
