"""A process that behaves like the engine's outside: lock, key, socket, handshake, shutdown; told by FAKE_ENGINE_*."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from workbench.providers.engine_status import boot_id
from workbench.testing.fake_provider import FakeProvider


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--home", "--cache"):
        parser.add_argument(name, type=Path, required=True)
    home: Path = parser.parse_args().home
    folder = home / "engine"
    with (folder / "starts").open("a") as file:
        file.write(f"{os.getpid()} {sorted(name for name in os.environ if 'API_KEY' in name)}\n")
    if os.environ.get("FAKE_ENGINE_CRASH"):
        print("starting up\nModuleNotFoundError: No module named 'xllamacpp'")
        sys.exit(5)
    version = os.environ.get("FAKE_ENGINE_VERSION") or __import__("workbench").__version__
    if (folder / "starts").read_text().count("\n") > 1:
        version = __import__("workbench").__version__  # the one that is started after the upgrade
    asyncio.run(serve(folder, version))


async def serve(folder: Path, version: str) -> None:
    path = folder.parent.parent / "s"  # pytest's folders are short enough
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    provider = FakeProvider(api_key="engine-key")
    provider.add_model("starter")

    async def status(_: Request) -> Response:
        jobs = {"running": 0, "queued": 0}
        return JSONResponse(
            {"version": version, "protocol": 1, "pid": os.getpid(), "jobs": jobs, "models": ["starter"]}
        )

    async def shutdown(request: Request) -> Response:
        (folder / "stopped-with").write_text((await request.json())["jobs"])
        server.should_exit = True
        return JSONResponse({})

    async def pull(request: Request) -> Response:
        model = (await request.json())["model"]
        lines: list[Any] = [{"phase": "download", "done": n, "total": 2, "unit": "B"} for n in range(3)]
        wrong = {"message": f"model {model!r}: is not known", "code": "model_not_found", "hint": "try starter"}
        lines.append({"phase": "ready", "id": model} if model == "starter" else {"error": wrong})
        return StreamingResponse((json.dumps(line) + "\n" for line in lines), media_type="application/x-ndjson")

    async def log(_: Request) -> Response:
        return PlainTextResponse("step 1\n")

    async def methods(_: Request) -> Response:
        error = {
            "message": "trainer: cannot be asked",
            "type": "invalid_request_error",
            "code": "probe",
            "hint": "check it",
        }
        return JSONResponse({"error": error}, status_code=400)

    own = {"status": status, "pull": pull, "log": log, "methods": methods, "shutdown": shutdown}
    routes = [Route(f"/ftwb/v1/{name}", handler, methods=["GET", "POST"]) for name, handler in own.items()]
    server = uvicorn.Server(uvicorn.Config(provider.app(*routes), log_level="warning", lifespan="off"))
    (folder / "key").write_text("engine-key\n")
    record = {
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "pid": os.getpid(),
        "start": psutil.Process().create_time(),
        "heartbeat": 0,
        "socket": str(path),
        "version": version,
        "protocol": 1,
    }
    (folder / "lock").write_text(json.dumps(record))
    listener.listen(10)
    await server.serve(sockets=[listener])
    (folder / "lock").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
