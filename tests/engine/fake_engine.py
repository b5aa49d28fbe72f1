"""The engine's process with fakes for models, hosts and trainers: `python fake_engine.py --home DIR --cache DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from workbench.catalog.figure import Figure
from workbench.engine.daemon import EngineConfig, run
from workbench.engine.launchers.process import ProcessLauncher
from workbench.engine.listeners import Listener
from workbench.engine.parts import Parts
from workbench.engine.sockets import bind_unix
from workbench.errors import WorkbenchError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class FakeFolder:
    id: str
    path: Path
    sha256: str
    size: int = 135_000_000
    chat_template: str | None = "{{ messages }}"
    bos_token: str | None = "<s>"
    eos_token: str | None = "</s>"
    max_length: int = 2048


class FakeModels:
    """`starter`, and `slow` that must be pulled first."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.known = {"starter": FakeFolder("starter", cache, "5" * 64)}

    def resolve(self, name: str) -> FakeFolder:
        if name not in self.known:
            raise WorkbenchError(f"model {name!r}", "is not on this machine", "pull it", code="model_not_found")
        return self.known[name]

    def list(self) -> list[FakeFolder]:
        return list(self.known.values())

    async def pull(self, name: str, progress: Any) -> FakeFolder:
        if name not in ("starter", "slow"):
            raise WorkbenchError(f"model {name!r}", "does not exist", "try starter", code="model_not_found")
        for done in (1, 2):
            progress({"phase": "download", "done": done, "total": 2, "unit": "bytes"})
            await asyncio.sleep(0)
        self.known[name] = FakeFolder(name, self.cache, "6" * 64)
        return self.known[name]


@dataclass(frozen=True)
class FakeEndpoint:
    uds: Path
    api_key: str = "host-key"
    host: str = "fake"
    precision: str = "q8_0"


class FakeHosts:
    """One host a model, in this process, over a real socket; it says which model it is."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self.endpoints: dict[str, tuple[FakeEndpoint, Listener]] = {}
        self.leased = 0

    @contextlib.asynccontextmanager
    async def lease(self, served: Any) -> AsyncIterator[FakeEndpoint]:
        if served.id not in self.endpoints:
            endpoint = FakeEndpoint(self.runtime / f"h{len(self.endpoints)}.sock")
            app = Starlette(routes=[Route("/v1/chat/completions", _answer, methods=["POST"])])
            app.state.served = served
            self.endpoints[served.id] = (endpoint, await Listener.start(app, bind_unix(endpoint.uds)))
        self.leased += 1
        try:
            yield self.endpoints[served.id][0]
        finally:
            self.leased -= 1

    async def close(self) -> None:
        for endpoint, listener in self.endpoints.values():
            await listener.stop()
            endpoint.uds.unlink(missing_ok=True)

    async def sweep(self) -> None:
        return

    async def forget(self, sha256: str) -> None:
        (self.runtime / "forgotten").open("a").write(f"{sha256}\n")

    def loaded(self) -> list[str]:
        return [*self.endpoints, *["leased"] * self.leased]


async def _answer(request: Request) -> Any:
    """llama.cpp's way of answering, with the habits that the engine must hide."""
    assert request.headers["authorization"] == "Bearer host-key"
    body = await request.json()
    served = request.app.state.served
    words = [f"I am {served.sha256[:4]}", " and", " you said ", body["messages"][-1]["content"] or ""]
    if body["messages"][-1]["content"] == "too long":
        error = {"code": 400, "message": "the request exceeds the context size", "type": "exceed_context_size_error"}
        return JSONResponse({"error": error}, status_code=400)
    if body["messages"][-1]["content"] == "hold":
        await asyncio.Event().wait()
    usage = {"prompt_tokens": 5, "completion_tokens": len(words), "total_tokens": 5 + len(words)}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({"id": "x", "model": "gpt-3.5-turbo", "choices": [choice], "usage": usage, "timings": {}})

    async def stream() -> Any:
        for word in words:
            chunk = {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}], "model": "x"}
            yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
            if body["messages"][-1]["content"] == "break off":
                return
        yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
        yield f"data: {json.dumps({'choices': [], 'usage': usage, 'timings': {}})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@dataclass(frozen=True)
class FakeMethod:
    name: str
    type: str
    settings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class FakeProbe:
    methods: list[FakeMethod]
    versions: dict[str, str]
    cuda: bool = False


SETTINGS = [
    *("steps", "hold_at", "die_at", "fail_at", "fail_with", "fail_code", "checkpoint_every", "step_s"),
    *("num_train_epochs", "learning_rate", "per_device_train_batch_size", "max_steps", "gradient_accumulation_steps"),
]


async def fake_probe(python: str) -> FakeProbe:
    if "missing" in python:
        raise WorkbenchError(python, "does not run", "check trainer_python", code="trainer_python")
    rows = [{"name": name, "type": "int", "default": 0, "help": ""} for name in SETTINGS]
    return FakeProbe([FakeMethod("sft", "supervised", rows)], {"trl": "0.0"})


def fake_check(probe: FakeProbe, method: str, settings: dict[str, Any]) -> None:
    for name in settings:
        if name not in SETTINGS:
            raise WorkbenchError(f"setting {name!r}", f"unknown to {method}", "see methods", code="unknown_setting")


async def fake_estimate(base: FakeFolder, **asked: Any) -> dict[str, Any]:
    figure = Figure.estimated(1e9, "bytes", "a fake")
    return {"memory": figure, "seconds": figure, "free": figure, "fits": True}


async def fake_merge(base: Path, adapter: Path, out: Path) -> None:
    (out / "model.safetensors").write_bytes(b"merged")


def fake_parts(config: EngineConfig, runtime: Path) -> Parts:
    return Parts(
        models=FakeModels(config.cache),
        hosts=FakeHosts(runtime),
        launcher=ProcessLauncher(),
        probe=fake_probe,
        check_settings=fake_check,
        trainer_folder=lambda method: HERE / "fake_trainer",
        prepare=(sys.executable, str(HERE / "fake_prepare.py")),
        estimate=fake_estimate,
        merge=fake_merge,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--idle-s", type=float, default=0)
    parser.add_argument("--take-over", action="store_true")
    asked = parser.parse_args()
    sys.exit(
        run(
            EngineConfig(
                home=asked.home,
                cache=asked.cache,
                idle_s=asked.idle_s,
                take_over=asked.take_over,
                heartbeat_s=0.2,
                queue_tick_s=0.02,
                resume_delay_s=0.01,
            ),
            fake_parts,
        )
    )
