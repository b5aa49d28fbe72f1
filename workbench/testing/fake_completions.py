"""The stored completions of a `FakeProvider`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.testing.fake_jobs import FakeClock

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class FakeCompletions:
    """What was asked with `store`, in the shapes that OpenAI sends. Unknown ids are KeyErrors."""

    def __init__(self, clock: FakeClock, page: Callable[[Request, list[dict[str, Any]]], Response]) -> None:
        self._clock, self._page = clock, page
        self._stored: dict[str, dict[str, Any]] = {}
        self._messages: dict[str, list[dict[str, Any]]] = {}

    def add(self, model: str, question: str, answer: str) -> str:
        """A completion that was stored; return its id."""
        name = self._clock.name("chatcmpl")
        message = {"role": "assistant", "content": answer, "refusal": None, "tool_calls": None}
        self._stored[name] = {
            "id": name,
            "object": "chat.completion",
            "model": model,
            "created": self._clock.tick(),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "metadata": {},
        }
        asked = {"id": f"{name}-0", "role": "user", "content": question, "name": None, "content_parts": None}
        self._messages[name] = [asked]
        return name

    async def listed(self, request: Request) -> Response:
        """GET /chat/completions."""
        model = request.query_params.get("model")
        return self._page(request, [one for one in self._stored.values() if model in (None, one["model"])])

    async def messages(self, request: Request) -> Response:
        """GET /chat/completions/{id}/messages."""
        return self._page(request, self._messages[request.path_params["id"]])
