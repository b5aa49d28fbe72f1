"""The transformers host: for models that llama.cpp's converter does not take, and machines without xllamacpp.

`FTWB_HOST_KEY=… python -m workbench.engine.hosts.transformers_host --model DIR [--adapter DIR] --socket PATH`

`POST /v1/chat/completions` (SSE or whole), `GET /health`, on a private Unix socket. Requests that arrive within a short
window of each other are answered as one batch.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import queue
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from workbench.dataset.template import TemplateError, render
from workbench.engine.api.presence import unless_gone
from workbench.engine.hosts.decode import FixedDecoder, GrowingDecoder, fits_fixed, fixed_shape
from workbench.engine.hosts.generate import Generator, Row
from workbench.engine.hosts.life import settle
from workbench.engine.models.folder import ModelFolder, read_folder
from workbench.engine.prepare import load_tokenizer

WINDOW_S = 0.015
"""How long the first request of a batch waits for others: less than the time of one token."""

BATCH = 8
GPU_BATCH = 32
"""The same on a GPU, whose step takes hardly longer for many rows (starter on an H200: 3.5 ms for 1, 4.0 for 32)."""
DEFAULT_MAX_TOKENS = 1024
"""Where a request names no length and the context would allow more."""


class BadRequest(Exception):
    """What the client asked for cannot be done; becomes a 400."""

    def __init__(self, message: str, param: str | None, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": 400}}


@dataclass(frozen=True, slots=True)
class Service:
    """One loaded model."""

    model: ModelFolder
    tokenizer: Any
    context: int
    rows: queue.Queue[Row]

    def row(self, body: dict[str, Any], deliver: Any) -> Row:
        """The request as a row of a batch. Raises BadRequest."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise BadRequest("'messages' must be a list of messages", "messages")
        try:
            prompt = render(
                messages,
                chat_template=self.model.chat_template,
                bos_token=self.model.bos_token,
                eos_token=self.model.eos_token,
                tools=body.get("tools"),
                add_generation_prompt=True,
            )
        except TemplateError as error:
            raise BadRequest(error.message, "messages") from error
        ids = list(self.tokenizer.encode(prompt.text, add_special_tokens=False).ids)
        room = self.context - len(ids)
        if room < 1:
            raise BadRequest(
                f"the request is {len(ids)} tokens long, and the context holds {self.context}",
                "messages",
                "exceed_context_size_error",
            )
        wanted = _number(body, "max_completion_tokens", _number(body, "max_tokens", DEFAULT_MAX_TOKENS, 1), 1)
        stop = body.get("stop") or []
        seed = body.get("seed")
        return Row(
            prompt_ids=ids,
            max_tokens=min(int(wanted), room),
            temperature=_number(body, "temperature", 1.0, 0),
            top_p=_number(body, "top_p", 1.0, 0),
            seed=int(seed) if isinstance(seed, int) else None,
            stop=tuple([stop] if isinstance(stop, str) else stop),
            deliver=deliver,
        )


def _number(body: dict[str, Any], name: str, default: float, least: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
        raise BadRequest(f"'{name}' must be a number, {least} or more", name)
    return float(value)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is answered as one batch."""

    rows: int
    tokens: int
    """Positions of the cache, over all rows."""

    def holds(self, batch: list[Row]) -> bool:
        """Whether these rows are one batch; a row alone always is."""
        width = max(len(row.prompt_ids) for row in batch)
        size, length = fixed_shape(len(batch), width + max(row.max_tokens for row in batch))
        return len(batch) == 1 or (len(batch) <= self.rows and size * length <= self.tokens)


def work(generator: Generator, rows: queue.Queue[Row], limits: Limits) -> None:
    """Answer for ever: the first waiting request, and what comes within the window after it, as one batch."""
    waiting: Row | None = None
    while True:
        batch, waiting = [waiting or rows.get()], None
        deadline = time.monotonic() + WINDOW_S
        while waiting is None and len(batch) < limits.rows:
            try:
                row = rows.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if limits.holds([*batch, row]):
                batch.append(row)
            else:
                waiting = row
        try:
            generator.generate(batch)
        except (RuntimeError, MemoryError) as error:
            print(f"generation failed: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the host's log
            for row in batch:
                if not row.done:
                    row.deliver("", "error")


def application(service: Service, key: str) -> Starlette:
    """The HTTP side."""

    def allowed(request: Request) -> bool:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {key}".encode())

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def chat(request: Request) -> Response:
        if not allowed(request):
            error = {"message": "Invalid API Key", "type": "authentication_error", "param": None, "code": 401}
            return JSONResponse({"error": error}, status_code=401)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()

        def deliver(text: str, reason: str | None) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, (text, reason))

        try:
            body = json.loads(await request.body())
            row = service.row(body, deliver)
        except ValueError:
            return JSONResponse(BadRequest("the body is not JSON", None).body, status_code=400)
        except BadRequest as error:
            return JSONResponse(error.body, status_code=400)
        service.rows.put(row)
        reply = _Reply(row, pieces)
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            # also for a caller who left before the first event: the generator is then never started
            leaving = BackgroundTask(row.cancel)
            return StreamingResponse(reply.events(usage), media_type="text/event-stream", background=leaving)
        try:
            return await unless_gone(request, reply.whole())
        except ClientDisconnect:
            return Response(status_code=400)
        finally:
            row.cancel()

    return Starlette(routes=[Route("/health", health), Route("/v1/chat/completions", chat, methods=["POST"])])


class _Reply:
    """A row's pieces in OpenAI's shapes."""

    def __init__(self, row: Row, pieces: asyncio.Queue[tuple[str, str | None]]) -> None:
        self._row = row
        self._pieces = pieces
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": "local"}

    def _usage(self) -> dict[str, int]:
        prompt, completion = len(self._row.prompt_ids), len(self._row.output_ids)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    async def whole(self) -> Response:
        text, reason = "", None
        while reason is None:
            piece, reason = await self._pieces.get()
            text += piece
        if reason == "error":
            return JSONResponse({"error": {"message": "generation failed", "type": "server_error", "code": 500}}, 500)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        return JSONResponse({**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage()})

    async def events(self, usage: bool) -> AsyncIterator[str]:
        def event(choices: list[dict[str, Any]], **extra: Any) -> str:
            chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices, **extra}
            return f"data: {json.dumps(chunk)}\n\n"

        try:
            yield event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
            reason = None
            while reason is None:
                piece, reason = await self._pieces.get()
                if reason == "error":
                    yield 'data: {"error": {"message": "generation failed", "type": "server_error", "code": 500}}\n\n'
                    return
                if piece:
                    yield event([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
            yield event([{"index": 0, "delta": {}, "finish_reason": reason}])
            if usage:
                yield event([], usage=self._usage())
            yield "data: [DONE]\n\n"
        finally:
            self._row.cancel()


def load(model: ModelFolder, adapter: Path | None) -> Generator:
    """The model in memory: on a GPU in bfloat16 with its steps as a graph, else in fp32 on the processor."""
    import torch
    from transformers import AutoModelForCausalLM

    cuda = torch.cuda.is_available()
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        model.path,
        dtype=torch.bfloat16 if cuda and torch.cuda.is_bf16_supported() else torch.float32,
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
    )
    if adapter is not None:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, str(adapter), local_files_only=True).merge_and_unload()
    if cuda:
        loaded = loaded.to("cuda")
    tokenizer = load_tokenizer(model.path)
    ends = loaded.generation_config.eos_token_id
    end_ids = set(ends if isinstance(ends, list) else [] if ends is None else [ends])
    if model.eos_token is not None and (token := tokenizer.token_to_id(model.eos_token)) is not None:
        end_ids.add(token)
    decoder = FixedDecoder(loaded.eval()) if cuda and fits_fixed(loaded) else GrowingDecoder(loaded.eval())
    return Generator(decoder, tokenizer, frozenset(end_ids), min(end_ids, default=0), loaded.device)


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="transformers_host")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--cache-tokens", type=int, default=65_536, help="positions of the cache, over a whole batch")
    given = parser.parse_args(arguments)
    key = settle(given.socket)
    import uvicorn

    model = read_folder(given.model, str(given.model))
    generator = load(model, given.adapter)
    rows: queue.Queue[Row] = queue.Queue()
    service = Service(model, load_tokenizer(model.path), min(given.context, model.max_length), rows)
    limits = Limits(GPU_BATCH if generator.on_gpu else BATCH, given.cache_tokens)
    threading.Thread(target=work, args=(generator, rows, limits), daemon=True).start()
    uvicorn.run(application(service, key), uds=str(given.socket), log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
