"""Tokens a second of the starter model in every host that this machine can run; run by hand:

FTWB_CACHE=… python tests/benchmarks/hosting.py [--tokens 64] [--parallel 1 4 16] [--model FOLDER] [--only-gpu]

llama.cpp and transformers on the processor, and transformers on the GPU where there is one; ratios to the first.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2

from workbench.engine.gpu import Gpu, find_gpu
from workbench.engine.hosts import plan as plans
from workbench.engine.hosts.pool import ServedModel
from workbench.engine.hosts.process import HostProcess, Plan, socket_path
from workbench.engine.models.folder import read_folder
from workbench.engine.models.store import ModelStore


@dataclass(frozen=True)
class Asked:
    """What is measured of each host."""

    tokens: int
    parallel: list[int]


async def ask(socket: Path, key: str, tokens: int, number: int) -> int:
    """The number of tokens that came back."""
    body = {
        "messages": [{"role": "user", "content": f"Write story number {number} about a dog and a lighthouse."}],
        "max_tokens": tokens,
        "temperature": 0,
    }
    async with httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(uds=str(socket)),
        base_url="http://host",
        headers={"Authorization": f"Bearer {key}"},
        timeout=600,
    ) as http:
        answer = await http.post("/v1/chat/completions", json=body)
    return int(answer.json()["usage"]["completion_tokens"])


async def measure(name: str, plan: Plan, runtime: Path, asked: Asked, first: dict[int, float]) -> None:
    """Start the host, ask it, end it; each speed is of a second round: in the first a GPU captures its graph."""
    socket = socket_path(runtime, name)
    host = HostProcess("model", plan, socket, socket.with_suffix(".log"), environ=environment(plan))
    start = time.perf_counter()
    await host.start()
    print(f"{name} {plan.precision}: up after {time.perf_counter() - start:.1f} s", flush=True)
    try:
        for count in asked.parallel:
            for last in (False, True):
                start = time.perf_counter()
                made = sum(
                    await asyncio.gather(*(ask(socket, host.api_key, asked.tokens, number) for number in range(count)))
                )
                speed = made / (time.perf_counter() - start)
                if last:
                    ratio = speed / first.setdefault(count, speed)
                    print(f"{name}: {count} at once: {speed:.1f} tokens/s ({ratio:.2f}×)", flush=True)
    finally:
        await host.stop()


def environment(plan: Plan) -> dict[str, str]:
    """A host on the processor must not see the GPU."""
    return {} if plan.gpu_memory else {"CUDA_VISIBLE_DEVICES": ""}


async def hosts(served: ServedModel, cache: Path, gpu: Gpu | None, only_gpu: bool) -> list[tuple[str, Plan]]:
    """The plans to compare."""
    found = []
    if not only_gpu:
        llama = await plans.make_plan(served, cache, None)
        found.append((llama.host, llama))
        arguments = ("--model", str(served.base.path), "--context", "4096")
        module = "workbench.engine.hosts.transformers_host"
        found.append(("transformers", Plan("transformers", "float32", module, arguments, plans.TORCH_OVERHEAD)))
    if gpu is not None:
        found.append((f"{gpu.name}", await plans.make_plan(served, cache, gpu)))
    return found


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--parallel", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--only-gpu", action="store_true")
    given = parser.parse_args()
    cache = Path(os.environ["FTWB_CACHE"])
    model = read_folder(given.model, "model") if given.model else ModelStore(cache).resolve("starter")
    served = ServedModel("model", model, None, model.sha256)
    runtime = Path(tempfile.mkdtemp(prefix="hb", dir="/tmp"))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    first: dict[int, float] = {}
    try:
        for name, plan in await hosts(served, cache, await find_gpu(), given.only_gpu):
            await measure(name, plan, runtime, Asked(given.tokens, given.parallel), first)
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
