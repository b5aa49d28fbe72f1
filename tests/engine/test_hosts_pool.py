"""Real hosts with tiny models: llama.cpp's server on GGUFs written by the fixture, and the pool around it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.engine.tiny import build_tiny_gguf, build_tiny_model
from tests.processes import children
from workbench.engine.gpu import Gpu
from workbench.engine.hosts.errors import HostFailed, NoRoom
from workbench.engine.hosts.plan import make_plan
from workbench.engine.hosts.pool import Endpoint, HostPool, ServedModel
from workbench.engine.hosts.process import socket_path
from workbench.engine.models.folder import read_folder
from workbench.engine.models.served import served_gguf

PROMPTS = ["What is the capital of France?", "billing", "The parcel never arrived", "salt and flour"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def models(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    """Three models whose GGUFs are where the pool looks for them."""
    found = []
    for seed in range(3):
        folder = build_tiny_model(tmp_path_factory.mktemp(f"m{seed}"), seed=seed)
        model = read_folder(folder, f"tiny-{seed}")
        build_tiny_gguf(folder, served_gguf(cache, model.sha256))
        found.append(ServedModel(model.id, model, None, model.sha256))
    return found


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder with a short path: socket names end at 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class FakeClock:
    """A clock that stands still until a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running(pool: HostPool) -> AsyncIterator[HostPool]:
    try:
        yield pool
    finally:
        await pool.close()


def client(endpoint: Endpoint, key: str | None = None) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(uds=str(endpoint.uds)),
        base_url="http://host",
        headers={"Authorization": f"Bearer {endpoint.api_key if key is None else key}"},
        timeout=60,
    )


async def ask(endpoint: Endpoint, prompt: str, **more: Any) -> str:
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 12, "temperature": 0, **more}
    async with client(endpoint) as http:
        answer = await http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


async def test_models_never_mix_their_answers(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    """Asked one by one, then all at once: each model gives its own answers, each in a process of its own."""
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        alone = {}
        for served in models[:2]:
            endpoint = await pool.endpoint(served)
            alone[served.id] = [await ask(endpoint, prompt) for prompt in PROMPTS]
        assert alone["tiny-0"] != alone["tiny-1"]
        first, second = [await pool.endpoint(served) for served in models[:2]]
        assert first.uds != second.uds
        assert first.api_key != second.api_key
        mixed = await asyncio.gather(*(ask(e, prompt) for prompt in PROMPTS for e in (first, second)))
        assert list(mixed[0::2]) == alone["tiny-0"]
        assert list(mixed[1::2]) == alone["tiny-1"]
        assert sorted(pool.loaded()) == ["tiny-0", "tiny-1"]
        assert (first.host, first.precision) == ("llama.cpp", "Q8_0")


async def test_a_host_is_private(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    """No key, no answer; no TCP port; socket for this user only; the key in no command line."""
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        endpoint = await pool.endpoint(models[0])
        for key in ("none", endpoint.api_key[:-1]):
            async with client(endpoint, key) as http:
                answer = await http.post("/v1/chat/completions", json={"messages": []})
            assert answer.status_code == 401
        async with client(endpoint, models[0].sha256) as http:
            assert (await http.get("/slots")).status_code != 200
        assert endpoint.uds.stat().st_mode & 0o077 == 0
        hosts = children(recursive=True)
        assert hosts
        for child in hosts:
            assert not child.net_connections("inet")
            assert endpoint.api_key not in " ".join(child.cmdline())


async def test_two_that_ask_at_once_get_one_host(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        first, second = await asyncio.gather(pool.endpoint(models[0]), pool.endpoint(models[0]))
        assert first == second
        assert pool.loaded() == ["tiny-0"]


async def test_a_crashed_host_is_started_again(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        before = await pool.endpoint(models[0])
        answer = await ask(before, PROMPTS[0])
        (child,) = children()
        child.kill()
        while pool.loaded():  # noqa: ASYNC110 - the pool notices by the event loop, which tells nobody else
            await asyncio.sleep(0.01)
        after = await pool.endpoint(models[0])
        assert after.api_key != before.api_key
        assert await ask(after, PROMPTS[0]) == answer


async def test_idle_hosts_are_unloaded_and_leased_ones_are_not(
    models: list[ServedModel], runtime: Path, cache: Path
) -> None:
    clock = FakeClock()
    async with running(HostPool(runtime, cache, budget_bytes=2**32, idle_s=60, clock=clock)) as pool:
        await pool.endpoint(models[0])
        async with pool.lease(models[1]) as endpoint:
            clock.now += 61
            await pool.sweep()
            assert pool.loaded() == ["tiny-1"]
            assert await ask(endpoint, PROMPTS[0])
        await pool.sweep()
        assert pool.loaded() == ["tiny-1"]
        clock.now += 61
        await pool.sweep()
        assert pool.loaded() == []
        assert not endpoint.uds.exists()


async def test_the_longest_unused_makes_room(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    """A budget for two: the third unloads the one that was not used longest."""
    clock = FakeClock()
    async with running(HostPool(runtime, cache, budget_bytes=600_000_000, clock=clock)) as pool:
        for index in (0, 1, 0):
            clock.now += 1
            await pool.endpoint(models[index])
        clock.now += 1
        await pool.endpoint(models[2])
        assert sorted(pool.loaded()) == ["tiny-0", "tiny-2"]


async def test_answering_hosts_are_not_thrown_out(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=300_000_000)) as pool:
        async with pool.lease(models[0]):
            with pytest.raises(NoRoom, match="all models that are loaded are answering"):
                await pool.endpoint(models[1])
        await pool.endpoint(models[1])
        assert pool.loaded() == ["tiny-1"]


async def test_a_model_that_does_not_fit_is_a_sentence(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=10**8)) as pool:
        with pytest.raises(NoRoom, match=r"needs about 0\.3 GB to answer; 0\.1 GB are set aside"):
            await pool.endpoint(models[0])


async def test_the_budget_is_asked_for_each_time(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    """A training that took the memory at the engine's start ends some time."""
    free = 10**8
    async with running(HostPool(runtime, cache, budget_bytes=lambda held: free + held)) as pool:
        with pytest.raises(NoRoom, match="wait until a training has ended"):
            await pool.endpoint(models[0])
        free = 3 * 10**8
        await pool.endpoint(models[0])
        await pool.endpoint(models[1])
        assert sorted(pool.loaded()) == ["tiny-0", "tiny-1"]


async def test_a_deleted_models_copy_for_hosting_goes_too(
    models: list[ServedModel], runtime: Path, cache: Path
) -> None:
    model = models[0]
    gguf = served_gguf(cache, model.sha256)
    kept = gguf.read_bytes()
    try:
        async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
            await pool.endpoint(model)
            await pool.forget(model.sha256)
            assert (pool.loaded(), gguf.exists()) == ([], False)
    finally:
        gguf.parent.mkdir(exist_ok=True)
        gguf.write_bytes(kept)


async def test_a_host_that_cannot_start_says_why(tmp_path: Path, runtime: Path) -> None:
    model = read_folder(build_tiny_model(tmp_path / "m"), "broken")
    file = served_gguf(tmp_path, model.sha256)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"GGUF, but not really")
    async with running(HostPool(runtime, tmp_path, budget_bytes=2**32)) as pool:
        with pytest.raises(HostFailed, match="the host of broken: ended at its start"):
            await pool.endpoint(ServedModel("broken", model, None, model.sha256))
        assert pool.loaded() == []


def test_a_socket_path_that_is_too_long_is_named() -> None:
    with pytest.raises(HostFailed, match="is too long for a socket") as caught:
        socket_path(Path("/tmp") / ("x" * 100), "abc")
    assert caught.value.code == "socket_path_too_long"


async def test_streaming_gives_pieces_and_usage(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        endpoint = await pool.endpoint(models[0])
        whole = await ask(endpoint, PROMPTS[0])
        body = {"messages": [{"role": "user", "content": PROMPTS[0]}], "max_tokens": 12, "temperature": 0}
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        async with client(endpoint) as http:
            text = (await http.post("/v1/chat/completions", json=body)).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    pieces = [event["choices"][0]["delta"].get("content") for event in events if event["choices"]]
    assert "".join(piece for piece in pieces if piece) == whole
    assert events[-1]["usage"]["completion_tokens"] == 12


def test_hosts_end_with_the_engine(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    """kill -9 the engine: nothing of it goes on holding memory."""
    model = models[0]
    code = f"""
import asyncio, os, signal
from pathlib import Path
from workbench.engine.hosts.pool import HostPool, ServedModel
from workbench.engine.models.folder import read_folder
async def main():
    pool = HostPool(Path({str(runtime)!r}), Path({str(cache)!r}), budget_bytes=2**32)
    base = read_folder(Path({str(model.base.path)!r}), "tiny")
    await pool.endpoint(ServedModel("tiny", base, None, {model.sha256!r}))
    print([host.pid for host in pool._hosts.values()][0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pid = int(ended.stdout)
    if psutil.pid_exists(pid):
        host = psutil.Process(pid)
        _, alive = psutil.wait_procs([host], timeout=20)
        assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


async def test_a_host_gives_way_to_training(models: list[ServedModel], runtime: Path, cache: Path) -> None:
    async with running(HostPool(runtime, cache, budget_bytes=2**32)) as pool:
        await pool.endpoint(models[0])
        (child,) = children()
        assert child.nice() == min(19, os.nice(0) + 5)


async def test_on_a_gpu_the_plan_is_of_its_memory(cache: Path, models: list[ServedModel]) -> None:
    roomy = await make_plan(models[0], cache, gpu(80 * 10**9))
    assert (roomy.host, roomy.precision) == ("transformers", "bfloat16")
    assert int(roomy.arguments[roomy.arguments.index("--cache-tokens") + 1]) == 65_536
    tight = await make_plan(models[0], cache, gpu(10**8))
    assert int(tight.arguments[tight.arguments.index("--cache-tokens") + 1]) < 16_384
    assert tight.gpu_memory < roomy.gpu_memory
    old = await make_plan(models[0], cache, dataclasses.replace(gpu(80 * 10**9), bf16=False))
    assert old.precision == "float32"
    assert (await make_plan(models[0], cache, None)).gpu_memory == 0


async def test_a_full_gpu_says_so(cache: Path, models: list[ServedModel], runtime: Path) -> None:
    async def find() -> Gpu | None:
        return gpu(10**8)

    async with running(HostPool(runtime, cache, budget_bytes=2**36, find_gpu=find)) as pool:
        with pytest.raises(NoRoom, match="on the GPU"):
            await pool.endpoint(models[0])


def gpu(free: int) -> Gpu:
    return Gpu("a GPU", free=free, total=80 * 10**9, bf16=True, flops=1e14)
