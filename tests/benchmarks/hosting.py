"""Tokens a second of the starter model in llama.cpp and in transformers; run by hand:

FTWB_CACHE=… python tests/benchmarks/hosting.py [--tokens 64] [--parallel 4]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

import httpx2

from workbench.engine.hosts.plan import TORCH_OVERHEAD
from workbench.engine.hosts.pool import HostPool, ServedModel
from workbench.engine.hosts.process import HostProcess, Plan, socket_path
from workbench.engine.models.store import ModelStore


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


async def measure(name: str, socket: Path, key: str, tokens: int, parallel: int) -> None:
    await ask(socket, key, 4, 0)
    for count in (1, parallel):
        start = time.perf_counter()
        made = sum(await asyncio.gather(*(ask(socket, key, tokens, number) for number in range(count))))
        print(f"{name}: {count} at once: {made / (time.perf_counter() - start):.1f} tokens/s")


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--parallel", type=int, default=4)
    given = parser.parse_args()
    cache = Path(os.environ["FTWB_CACHE"])
    model = ModelStore(cache).resolve("starter")
    runtime = Path(tempfile.mkdtemp(prefix="hb", dir="/tmp"))
    pool = HostPool(runtime, cache, budget_bytes=8 * 2**30)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        start = time.perf_counter()
        endpoint = await pool.endpoint(ServedModel("starter", model, None, model.sha256))
        print(f"llama.cpp {endpoint.precision}: up after {time.perf_counter() - start:.1f} s")
        await measure("llama.cpp", endpoint.uds, endpoint.api_key, given.tokens, given.parallel)
        await pool.close()
        plan = Plan(
            "transformers",
            "float32",
            "workbench.engine.hosts.transformers_host",
            ("--model", str(model.path), "--context", "4096"),
            TORCH_OVERHEAD,
        )
        socket = socket_path(runtime, "transformers")
        host = HostProcess("starter", plan, socket, socket.with_suffix(".log"))
        start = time.perf_counter()
        await host.start()
        print(f"transformers {plan.precision}: up after {time.perf_counter() - start:.1f} s")
        await measure("transformers", socket, host.api_key, given.tokens, given.parallel)
        await host.stop()
    finally:
        await pool.close()
        shutil.rmtree(runtime, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
