"""A provider of OpenAI's fine-tuning API, over real HTTP, that does what a test tells it.

Imitates the shapes recorded from the live services (`flavour` "openai" or "azure"), a job's life that goes on only when
`advance()` is called, and the troubles of networks. It trains nothing, and its token counts are numbers of words.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from workbench.testing.fake_completions import FakeCompletions
from workbench.testing.fake_files import FakeFiles, FakeUploads
from workbench.testing.fake_jobs import TERMINAL, FakeClock, FakeJobs, Flavour

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["FakeProvider", "Received"]


@dataclass(slots=True)
class _Fault:
    """One trouble that is waiting for its requests."""

    path: str
    method: str
    times: int
    status: int | None
    """None: the connection breaks instead of an answer."""
    body: Any
    headers: dict[str, str]
    carried_out: bool
    """The request does its work before the trouble comes."""
    after: int = 0
    """So many requests pass first."""
    stalls: bool = False
    """No answer comes, and the connection stays."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any


class FakeProvider:
    """`with FakeProvider() as provider:` serves on loopback, or on a Unix socket where `uds` is given.

    Needs `starlette`, `uvicorn` and `python-multipart` (the `local` extra).
    """

    def __init__(
        self,
        *,
        uds: Path | None = None,
        api_key: str | None = "sk-fake-key-0123456789",
        flavour: Flavour = "openai",
        total_steps: int = 3,
        models: Sequence[str] = ("gpt-4.1-mini-2025-04-14",),
        page_size: int = 100,
    ) -> None:
        self.api_key = api_key
        self.flavour: Flavour = flavour
        self.page_size = page_size
        self.requests: list[Received] = []
        self.replies: list[str] | Callable[[Mapping[str, Any]], str] = []
        """Answers of the chat, in order, or a function of the request's body; else it repeats what it was told."""
        self.embedding: Callable[[str], list[float]] = _bag_of_words
        """The vector of a text."""
        self.reply_pieces = 3
        """In how many chunks a reply is streamed."""
        self._uds = uds
        self._clock = FakeClock()
        self._work = FakeJobs(flavour, total_steps, self._clock, self.add_model)
        self._files = FakeFiles(flavour, self._clock)
        self.parts = FakeUploads(self._files, self._clock)
        """Uploads in parts."""
        self.completions = FakeCompletions(self._clock, self._page)
        self._models: dict[str, dict[str, Any]] = {}
        self._faults: list[_Fault] = []
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        for name in models:
            self.add_model(name)

    # What a test asks and tells

    @property
    def base_url(self) -> str:
        """The API's address (`http://ftwb.local/v1` on a Unix socket)."""
        prefix = "/openai/v1" if self.flavour == "azure" else "/v1"
        return f"{self.endpoint}{prefix}"

    @property
    def endpoint(self) -> str:
        """Scheme, host and port."""
        if self._uds is not None or self._socket is None:
            return "http://ftwb.local"
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment with which the built-in profile of this flavour comes here."""
        key = self.api_key or "none"
        if self.flavour == "azure":
            return {"AZURE_OPENAI_ENDPOINT": self.endpoint, "AZURE_OPENAI_API_KEY": key}
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": key}

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, oldest first, as they would be sent."""
        return list(self._work.jobs.values())

    @property
    def uploads(self) -> dict[str, bytes]:
        """The content of every uploaded file by its id."""
        return dict(self._files.contents)

    def add_result(self, csv: str, job_id: str | None = None) -> str:
        """Give a job (the newest) a result file: base64 as OpenAI sends it, plain as Azure does; return its id."""
        content = csv.encode() if self.flavour == "azure" else base64.b64encode(csv.encode())
        made = self._files.add("step_metrics.csv", content, "fine-tune-results")
        self._work.job(job_id)["result_files"] = [made["id"]]
        return str(made["id"])

    def add_model(self, name: str, **more: Any) -> None:
        """Offer a model; `more` goes into its object (`shutdown_date`, `ftwb`, …)."""
        self._models[name] = {"id": name, "object": "model", "created": self._clock.tick(), "owned_by": "fake", **more}

    def fail(
        self,
        path: str,
        *,
        method: str = "",
        status: int = 500,
        times: int = 1,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        carried_out: bool = False,
    ) -> None:
        """Answer the next `times` requests whose path ends in `path` with an error. `body`: JSON, or text as it is."""
        if body is None:
            body = {"error": {"message": "scripted failure", "type": "server_error", "param": None, "code": None}}
        self._faults.append(_Fault(path, method, times, status, body, dict(headers or {}), carried_out))

    def drop(self, path: str, *, method: str = "", times: int = 1, carried_out: bool = True) -> None:
        """Break the connection of such requests after they were carried out (or before)."""
        self._faults.append(_Fault(path, method, times, None, None, {}, carried_out))

    def stall(self, path: str, *, method: str = "", after: int = 0) -> None:
        """Let `after` such requests pass, and give the next one no answer for as long as its connection lives."""
        self._faults.append(_Fault(path, method, 1, None, None, {}, carried_out=False, after=after, stalls=True))

    def advance(self, job_id: str | None = None, times: int = 1) -> str:
        """Let a job (the newest) take its next step in life; return its status."""
        job = self._work.job(job_id)
        for _ in range(times):
            self._work.step(job)
        return str(job["status"])

    def finish(self, job_id: str | None = None) -> str:
        """Advance until the job has ended."""
        while (status := self.advance(job_id)) not in TERMINAL:
            pass
        return status

    def end_with(self, status: str, job_id: str | None = None, error: Mapping[str, Any] | None = None) -> None:
        """Put a job into any status."""
        job = self._work.job(job_id)
        if error is not None:
            job["error"] = dict(error)
        self._work.put(job, status)

    def emit(self, message: str, data: Mapping[str, Any] | None = None, job_id: str | None = None) -> None:
        """Add an event to a job."""
        self._work.emit(self._work.job(job_id), message, data)

    # Serving

    def __enter__(self) -> FakeProvider:
        import uvicorn

        config = uvicorn.Config(self.app(), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        if self._uds is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.bind(str(self._uds))
        else:
            self._socket = socket.socket()
            self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(100)
        self._thread = threading.Thread(target=self._run, daemon=True, name="FakeProvider")
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(10)
        if self._socket is not None:
            self._socket.close()
        if self._uds is not None:
            self._uds.unlink(missing_ok=True)

    def app(self, *more: BaseRoute) -> Any:
        """The ASGI application, for those who serve it themselves; `more` routes come first."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        def route(path: str, handler: Callable[[Request], Awaitable[Response]], *methods: str) -> list[Route]:
            wrapped = self._wrapped(handler)
            return [Route(f"{prefix}{path}", wrapped, methods=list(methods)) for prefix in ("/v1", "/openai/v1")]

        routes = [
            *route("/files", self._files.create, "POST"),
            *route("/files", self._list_files, "GET"),
            *route("/files/{id}", self._files.one, "GET", "DELETE"),
            *route("/files/{id}/content", self._files.content, "GET"),
            *route("/uploads", self.parts.create, "POST"),
            *route("/uploads/{id}/parts", self.parts.add, "POST"),
            *route("/uploads/{id}/complete", self.parts.complete, "POST"),
            *route("/fine_tuning/jobs", self._create_job, "POST"),
            *route("/fine_tuning/jobs", self._list_jobs, "GET"),
            *route("/fine_tuning/jobs/{id}", self._retrieve_job, "GET"),
            *route("/fine_tuning/jobs/{id}/events", self._list_events, "GET"),
            *route("/fine_tuning/jobs/{id}/checkpoints", self._list_checkpoints, "GET"),
            *route("/fine_tuning/jobs/{id}/{action:str}", self._act, "POST"),
            *route("/models", self._list_models, "GET"),
            *route("/models/{id:path}", self._model, "GET", "DELETE"),
            *route("/chat/completions", self._chat, "POST"),
            *route("/chat/completions", self.completions.listed, "GET"),
            *route("/chat/completions/{id}/messages", self.completions.messages, "GET"),
            *route("/embeddings", self._embed, "POST"),
        ]
        return Starlette(routes=[*more, *routes])

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _wrapped(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        from starlette.responses import JSONResponse, PlainTextResponse

        async def handle(request: Request) -> Response:
            body = await request.body()
            is_json = "json" in request.headers.get("content-type", "")
            self.requests.append(
                Received(
                    request.method,
                    request.url.path,
                    dict(request.query_params),
                    dict(request.headers),
                    json.loads(body) if is_json and body else None,
                )
            )
            fault = self._fault(request)
            if fault is None or fault.carried_out:
                answer = await self._answer(request, handler)
                if fault is None:
                    return answer
            if fault.stalls:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
            if fault.status is None:
                return _broken()
            if isinstance(fault.body, str):
                return PlainTextResponse(fault.body, status_code=fault.status, headers=fault.headers)
            return JSONResponse(fault.body, status_code=fault.status, headers=fault.headers)

        return handle

    async def _answer(self, request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return _refused(401, "Incorrect API key provided.", "invalid_request_error", None, "invalid_api_key")
        try:
            return await handler(request)
        except KeyError as error:
            return _refused(404, f"No such object: {error}", "invalid_request_error", "id", "resource_not_found")

    def _fault(self, request: Request) -> _Fault | None:
        for fault in self._faults:
            if request.url.path.endswith(fault.path) and fault.method in {"", request.method}:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    async def _list_files(self, request: Request) -> Response:
        purpose = request.query_params.get("purpose")
        files = [one for one in reversed(self._files.files.values()) if purpose in (None, one["purpose"])]
        return self._page(request, files)

    # Jobs

    async def _create_job(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        body = await request.json()
        for name in ("model", "training_file"):
            if name not in body:
                return _refused(400, f"Missing required parameter: '{name}'.", "invalid_request_error", name, "missing")
        if body["training_file"] not in self._files.files:
            return _refused(400, "invalid training_file", "invalid_request_error", "training_file", "file_not_found")
        return JSONResponse(self._work.create(body))

    async def _list_jobs(self, request: Request) -> Response:
        jobs = [job for job in reversed(self._work.jobs.values()) if _has_metadata(job, request.query_params)]
        return self._page(request, jobs)

    async def _retrieve_job(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(self._work.jobs[request.path_params["id"]])

    async def _list_events(self, request: Request) -> Response:
        return self._page(request, list(reversed(self._work.events[request.path_params["id"]])))

    async def _list_checkpoints(self, request: Request) -> Response:
        return self._page(request, list(reversed(self._work.checkpoints[request.path_params["id"]])))

    async def _act(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        job_id = request.path_params["id"]
        if why_not := self._work.act(job_id, request.path_params["action"]):
            return _refused(400, why_not, "invalid_request_error", None, "invalid_status")
        return JSONResponse(self._work.jobs[job_id])

    # Models and chat

    async def _list_models(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse({"object": "list", "data": list(self._models.values())})

    async def _model(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        name = request.path_params["id"]
        if request.method == "GET":
            return JSONResponse(self._models[name])
        del self._models[name]
        return JSONResponse({"id": name, "object": "model", "deleted": True})

    async def _chat(self, request: Request) -> Response:
        from starlette.responses import JSONResponse, StreamingResponse

        body = await request.json()
        if body.get("model") not in self._models:
            unknown = f"The model `{body.get('model')}` does not exist"
            return _refused(404, unknown, "invalid_request_error", "model", "model_not_found")
        if callable(self.replies):
            text = self.replies(body)
        else:
            text = self.replies.pop(0) if self.replies else str(body["messages"][-1]["content"])
        prompt = sum(len(str(message.get("content")).split()) for message in body["messages"])
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": len(text.split()),
            "total_tokens": prompt + len(text.split()),
        }
        head = {
            "id": self._clock.name("chatcmpl"),
            "created": self._clock.tick(),
            "model": body["model"],
            "system_fingerprint": "fp_fake",
        }
        if body.get("stream"):
            want_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            pieces = _pieces(text, self.reply_pieces)
            return StreamingResponse(
                _stream(head, pieces, usage if want_usage else None), media_type="text/event-stream"
            )
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def _embed(self, request: Request) -> Response:
        """Bags of words, each word in one of 64 places: texts that share words are near each other."""
        from starlette.responses import JSONResponse

        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": self.embedding(text)}
            for index, text in enumerate(texts)
        ]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "model": body["model"], "data": data, "usage": usage})

    def _page(self, request: Request, items: list[dict[str, Any]]) -> Response:
        from starlette.responses import JSONResponse

        after, limit = request.query_params.get("after"), int(request.query_params.get("limit", "20"))
        start = next((index + 1 for index, item in enumerate(items) if item["id"] == after), 0)
        page = items[start : start + min(limit, self.page_size)]
        more = start + len(page) < len(items)
        return JSONResponse({"object": "list", "data": page, "has_more": more})


def _bag_of_words(text: str) -> list[float]:
    vector = [0.0] * 64
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % 64] += 1.0
    return vector


def _has_metadata(job: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    wanted = {key[9:-1]: value for key, value in query.items() if key.startswith("metadata[")}
    return all((job.get("metadata") or {}).get(key) == value for key, value in wanted.items())


def _refused(status: int, message: str, kind: str, param: str | None, code: str | None) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status_code=status)


def _broken() -> Response:
    """An answer that announces more than comes: uvicorn then closes the connection."""
    from starlette.responses import Response

    class Broken(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})

    return Broken()


def _pieces(text: str, count: int) -> list[str]:
    size = max(1, -(-len(text) // max(1, count)))
    return [text[start : start + size] for start in range(0, len(text), size)]


async def _stream(
    head: Mapping[str, Any], pieces: Sequence[str], usage: Mapping[str, Any] | None
) -> AsyncIterator[bytes]:
    def line(choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    yield line([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    for piece in pieces:
        yield line([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
    yield line([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    if usage is not None:
        yield line([], usage=usage)
    yield b"data: [DONE]\n\n"
