"""/v1/chat/completions: handed to the model's host, its answer put into OpenAI's shape."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import httpx2
from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from workbench.engine.api.bodies import Body, Metadata, fault, parse, read_json
from workbench.engine.api.context import engine_of, refuse_folders
from workbench.engine.api.errors import ApiError, from_workbench
from workbench.engine.api.presence import unless_gone
from workbench.engine.ids import new_id
from workbench.engine.registry import NoSuchModel

if TYPE_CHECKING:
    from workbench.engine.daemon import Engine
    from workbench.engine.parts import HostEndpoint, Served

log = logging.getLogger(__name__)

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
TIMEOUT = httpx2.Timeout(600.0, connect=30.0)
"""Seconds without a byte from the host; a first answer may wait for a long prompt on a slow machine."""


def _messages(value: object) -> object:
    """At least one message with a role of OpenAI's; content is text, or parts that are text."""
    if not isinstance(value, list):
        raise fault("invalid_type", "expected an array of messages")
    if not value:
        raise fault("invalid_value", "expected at least one message")
    for index, message in enumerate(value):
        if not isinstance(message, dict):
            raise fault("invalid_type", f"message {index} is not an object")
        if message.get("role") not in ROLES:
            raise fault(
                "invalid_value",
                f"message {index} has the role {message.get('role')!r}; expected one of {', '.join(ROLES)}",
            )
        _content(index, message)
    return value


def _content(index: int, message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, str) or (content is None and message["role"] == "assistant"):
        return
    if not isinstance(content, list) or not content:
        raise fault("invalid_type", f"message {index} has no text as its content")
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise fault("unsupported_value", f"message {index} has a part that is not text; models here read text only")


def _refused(what: str, *harmless: object) -> BeforeValidator:
    """A parameter of OpenAI's that hosts here cannot follow: only values that ask for nothing pass."""

    def check(value: object) -> object:
        if value is None or any(value == one and type(value) is type(one) for one in harmless):
            return None
        raise fault("unsupported_parameter", f"{what} is not supported here")

    return BeforeValidator(check)


def _stop(value: object) -> object:
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed) or not 1 <= len(listed) <= 4:
        raise fault("invalid_type", "expected a string, or one to four of them")
    return listed


def _text_format(value: object) -> object:
    if value is None or (isinstance(value, dict) and value.get("type") == "text"):
        return None
    raise fault("unsupported_parameter", "only the type text is supported here")


class StreamOptions(Body):
    """stream_options."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Chat(Body):
    """POST /v1/chat/completions."""

    model: str = Field(min_length=1)
    messages: Annotated[list[dict[str, Any]], BeforeValidator(_messages)]
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=-(2**63), le=2**63 - 1)
    stop: Annotated[list[str] | None, BeforeValidator(_stop)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    # Not followed by hosts, and harmless where they ask for nothing.
    n: Annotated[Any, _refused("more than one choice", 1)] = None
    logprobs: Annotated[Any, _refused("logprobs", False)] = None
    top_logprobs: Annotated[Any, _refused("top_logprobs", 0)] = None
    logit_bias: Annotated[Any, _refused("logit_bias", {})] = None
    tools: Annotated[Any, _refused("calling tools", [])] = None
    tool_choice: Annotated[Any, _refused("calling tools", "none", "auto")] = None
    parallel_tool_calls: Annotated[Any, _refused("calling tools", True, False)] = None
    functions: Annotated[Any, _refused("calling functions")] = None
    function_call: Annotated[Any, _refused("calling functions", "none", "auto")] = None
    response_format: Annotated[Any, BeforeValidator(_text_format)] = None
    modalities: Annotated[Any, _refused("any modality but text", ["text"])] = None
    audio: Annotated[Any, _refused("audio")] = None
    prediction: Annotated[Any, _refused("prediction")] = None
    web_search_options: Annotated[Any, _refused("searching the web")] = None
    reasoning_effort: Annotated[Any, _refused("reasoning effort", "none")] = None
    verbosity: Annotated[Any, _refused("verbosity", "medium")] = None
    moderation: Annotated[Any, _refused("moderation")] = None
    store: Annotated[Any, _refused("storing completions", False)] = None
    # About billing and caching at OpenAI: there is nothing to follow.
    metadata: Metadata = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    service_tier: str | None = None


_PASSED_ON = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "stop")


def _for_host(chat: Chat) -> dict[str, Any]:
    """The request as a host takes it."""
    messages = [
        {**message, "role": "system"} if message["role"] == "developer" else message for message in chat.messages
    ]
    body: dict[str, Any] = {"model": chat.model, "messages": messages, "stream": bool(chat.stream)}
    body |= {name: value for name in _PASSED_ON if (value := getattr(chat, name)) is not None}
    most = chat.max_completion_tokens or chat.max_tokens
    if most is not None:
        body["max_tokens"] = most
    if chat.stream:
        body["stream_options"] = {"include_usage": True}
    return body


async def complete(request: Request) -> Response:
    """Answer, at once or as a stream of server-sent events."""
    engine = engine_of(request)
    chat = parse(Chat, await read_json(request))
    if chat.stream_options is not None and not chat.stream:
        raise ApiError(400, "'stream_options' needs 'stream'.", code="invalid_value", param="stream_options")
    refuse_folders(request, chat.model)
    try:
        served = engine.registry.find(chat.model)
    except NoSuchModel as error:
        raise from_workbench(error, "model") from error
    return await unless_gone(request, _answer(engine, served, chat))


async def _answer(engine: Engine, served: Served, chat: Chat) -> Response:
    async with contextlib.AsyncExitStack() as held:
        endpoint = await held.enter_async_context(engine.parts.hosts.lease(served))
        client = await held.enter_async_context(_client(endpoint))
        answer = await _ask(client, served, chat)
        shape = _Shape(chat.model, served, endpoint)
        if chat.stream:
            usage = bool(chat.stream_options and chat.stream_options.include_usage)
            return _Stream(held.pop_all(), _events(answer, shape, usage=usage))
        try:
            return JSONResponse(shape.whole(json.loads(await answer.aread())))
        except (httpx2.HTTPError, ValueError) as error:
            raise _broke_off(served.id, error) from error
    raise AssertionError("not reached")


class _Stream(StreamingResponse):
    """Server-sent events that give the host back however they end: a caller who left before the first of them never
    even starts the generator, whose own `finally` would then not run."""

    def __init__(self, held: contextlib.AsyncExitStack, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        async with self._held:
            await super().__call__(scope, receive, send)


def _client(endpoint: HostEndpoint) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(uds=str(endpoint.uds), verify=False),  # reading certificates takes 20 ms
        base_url="http://host",
        headers={"Authorization": f"Bearer {endpoint.api_key}"},
        timeout=TIMEOUT,
    )


async def _ask(client: httpx2.AsyncClient, served: Served, chat: Chat) -> httpx2.Response:
    """The host's answer, its body not yet read. Raises ApiError for anything but 200."""
    try:
        request = client.build_request("POST", "/v1/chat/completions", json=_for_host(chat))
        answer = await client.send(request, stream=True)
        if answer.status_code != 200:
            raise _refusal(answer.status_code, await answer.aread())
        return answer
    except httpx2.HTTPError as error:
        raise _broke_off(served.id, error) from error


def _broke_off(model: str, error: Exception) -> ApiError:
    log.warning("host of %s: %s", model, type(error).__name__)
    return ApiError(503, "The model's host broke off; try again.", code="host_failed")


def _refusal(status: int, content: bytes) -> ApiError:
    """What a host says instead of an answer."""
    try:
        told = json.loads(content)
    except ValueError:
        told = {}
    error = told.get("error") if isinstance(told, dict) else None
    error = error if isinstance(error, dict) else {}
    message = str(error.get("message") or f"the model's host answered {status}")
    if error.get("type") == "exceed_context_size_error" or "context" in message.lower():
        return ApiError(400, message, code="context_length_exceeded", param="messages")
    if status == 400:
        return ApiError(400, message, code="invalid_value", param=error.get("param"))
    return ApiError(503, f"The model's host cannot answer: {message}", code="host_failed")


class _Shape:
    """Puts a host's words into OpenAI's shape, under the name that was asked for."""

    def __init__(self, name: str, served: Served, endpoint: HostEndpoint) -> None:
        self.name = name
        self._frame = {
            "id": new_id("chatcmpl"),
            "created": int(time.time()),
            "model": name,
            "system_fingerprint": f"ftwb:{endpoint.host}:{endpoint.precision}:{served.sha256[:12]}",
        }

    def whole(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A complete answer."""
        choices = [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": (choice.get("message") or {}).get("content") or "",
                    "refusal": None,
                },
                "logprobs": None,
                "finish_reason": _reason(choice.get("finish_reason")) or "stop",
            }
            for index, choice in enumerate(reply.get("choices") or [])
        ]
        return {
            **self._frame,
            "object": "chat.completion",
            "choices": choices,
            "usage": _usage(reply.get("usage") or {}),
        }

    def chunk(self, delta: dict[str, Any], finish_reason: str | None, *, usage: bool) -> dict[str, Any]:
        """A piece of a stream."""
        chunk: dict[str, Any] = {
            **self._frame,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        }
        return {**chunk, "usage": None} if usage else chunk

    def last(self, usage: dict[str, Any]) -> dict[str, Any]:
        """The chunk with the token counts."""
        return {**self._frame, "object": "chat.completion.chunk", "choices": [], "usage": _usage(usage)}


def _reason(reason: object) -> str | None:
    if reason is None:
        return None
    return "length" if reason == "length" else "stop"


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    prompt, completion = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def _events(answer: httpx2.Response, shape: _Shape, *, usage: bool) -> AsyncIterator[bytes]:
    """Server-sent events; a host that breaks off ends the stream with an error, which the SDK raises."""
    counts: dict[str, Any] = {}
    ended = False
    try:
        yield _event(shape.chunk({"role": "assistant", "content": ""}, None, usage=usage))
        async for told in _told(answer):
            counts = told.get("usage") or counts
            for choice in (told.get("choices") or [])[:1]:
                text = (choice.get("delta") or {}).get("content")
                if text:
                    yield _event(shape.chunk({"content": text}, None, usage=usage))
                reason = _reason(choice.get("finish_reason"))
                if reason is not None:
                    ended = True
                    yield _event(shape.chunk({}, reason, usage=usage))
        if not ended:
            raise ValueError("no end")
        if usage:
            yield _event(shape.last(counts))
        yield b"data: [DONE]\n\n"
    except (httpx2.HTTPError, ValueError) as error:
        yield _event(_broke_off(shape.name, error).body())


async def _lines(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Lines as server-sent events end them. httpx2's own `aiter_lines` also breaks at U+2028, U+0085 and others, which
    stand as they are inside JSON texts."""
    rest = b""
    async for piece in answer.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line
    yield rest


async def _told(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The objects of a host's server-sent events. Raises ValueError for an error among them."""
    async for line in _lines(answer):
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        told = json.loads(data)
        if "error" in told:
            raise ValueError("the host reported an error")
        yield told


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


routes = [Route("/v1/chat/completions", complete, methods=["POST"])]
