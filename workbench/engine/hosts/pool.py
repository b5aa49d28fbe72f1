"""The hosts that run: started when asked for, restarted when they die, ended when idle or when memory is short.

Each model has a process of its own, so that answers of two models cannot be mixed whatever a server caches.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.engine.gpu import Gpu, find_gpu
from workbench.engine.hosts.errors import NoRoom
from workbench.engine.hosts.plan import make_plan
from workbench.engine.hosts.process import HostProcess, Plan, socket_path
from workbench.engine.models.served import served_gguf

GPU_SHARE = 0.9
"""Of the GPU's free memory: estimates err, and a training beside the hosts must not be harmed."""


class Base(Protocol):
    """What the pool needs of a base model (engine.models.folder.ModelFolder)."""

    @property
    def path(self) -> Path: ...


class Servable(Protocol):
    """A model to serve: a base, or a base with an adapter; `sha256` is of the content of both."""

    @property
    def id(self) -> str: ...
    @property
    def base(self) -> Any: ...
    @property
    def adapter(self) -> Path | None: ...
    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The plain Servable."""

    id: str
    base: Base
    adapter: Path | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers: OpenAI's chat completions at `/v1/chat/completions` of a Unix socket."""

    uds: Path
    api_key: str
    host: str
    """llama.cpp or transformers."""
    precision: str


class HostPool:
    """All hosts of one engine.

    `budget_bytes` is what they may take together: a number, or a function of what they hold just now, asked each time.
    """

    def __init__(
        self,
        runtime_dir: Path,
        cache: Path,
        *,
        budget_bytes: int | Callable[[int], int],
        find_gpu: Callable[[], Awaitable[Gpu | None]] = find_gpu,
        idle_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime_dir = runtime_dir
        self._cache = cache
        self._budget = budget_bytes
        self._find_gpu = find_gpu
        self._idle_s = idle_s
        self._clock = clock
        self._hosts: dict[str, HostProcess] = {}
        self._starting: dict[str, asyncio.Lock] = {}
        self._room = asyncio.Lock()

    async def endpoint(self, served: Servable) -> Endpoint:
        """Where `served` answers; starts its host if needed. Raises HostFailed, NoRoom, PullFailed (no converter)."""
        host = await self._host(served)
        host.used_at = self._clock()
        return Endpoint(host.socket, host.api_key, host.plan.host, host.plan.precision)

    @asynccontextmanager
    async def lease(self, served: Servable) -> AsyncIterator[Endpoint]:
        """The endpoint for the length of one request: a leased host is neither idle nor unloaded for others."""
        endpoint = await self.endpoint(served)
        host = self._hosts[served.sha256]
        host.busy += 1
        try:
            yield endpoint
        finally:
            host.busy -= 1
            host.used_at = self._clock()

    def loaded(self) -> list[str]:
        """The ids of the models whose hosts run."""
        return [host.model_id for host in self._hosts.values() if host.alive]

    async def sweep(self) -> None:
        """End the hosts that nobody used for `idle_s` seconds, and forget those that died."""
        now = self._clock()
        for sha256, host in list(self._hosts.items()):
            if not host.alive or (not host.busy and now - host.used_at >= self._idle_s):
                await self._unload(sha256)

    async def forget(self, sha256: str) -> None:
        """End the host of a model that was deleted, and remove its GGUF: it holds the same weights."""
        await self._unload(sha256)
        await asyncio.to_thread(shutil.rmtree, served_gguf(self._cache, sha256).parent, ignore_errors=True)

    async def close(self) -> None:
        """End all hosts."""
        for sha256 in list(self._hosts):
            await self._unload(sha256)

    async def _host(self, served: Servable) -> HostProcess:
        """The running host of `served`; two that ask at once get the same one."""
        async with self._starting.setdefault(served.sha256, asyncio.Lock()):
            known = self._hosts.get(served.sha256)
            if known is not None and known.alive:
                return known
            gpu = await self._find_gpu()
            plan = await make_plan(served, self._cache, gpu)
            async with self._room:
                await self._make_room(served, plan, gpu)
                self._runtime_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                socket = socket_path(self._runtime_dir, served.sha256)
                host = HostProcess(served.id, plan, socket, socket.with_suffix(".log"))
                await host.start()
                host.used_at = self._clock()
                self._hosts[served.sha256] = host
            return host

    async def _make_room(self, served: Servable, plan: Plan, gpu: Gpu | None) -> None:
        """Unload the longest unused until `plan` fits the budgets. Raises NoRoom where it cannot."""
        self._hosts.pop(served.sha256, None)
        budget = self._budget(self._held()) if callable(self._budget) else self._budget
        # what the hosts hold of the GPU is not free, and would be if they were ended
        gpu_budget = 0 if gpu is None else int((gpu.free + self._held_gpu()) * GPU_SHARE)
        for needed, there, where in ((plan.memory, budget, ""), (plan.gpu_memory, gpu_budget, " on the GPU")):
            if needed > there:
                raise NoRoom(
                    f"model {served.id}",
                    f"needs about {needed / 1e9:.1f} GB{where} to answer; {there / 1e9:.1f} GB are set aside for that",
                    "wait until a training has ended, close other programs, or use a smaller model",
                )
        while self._held() + plan.memory > budget or self._held_gpu() + plan.gpu_memory > gpu_budget:
            free = [(host.used_at, sha256) for sha256, host in self._hosts.items() if not host.busy]
            if not free:
                raise NoRoom(
                    f"model {served.id}",
                    "has to wait: all models that are loaded are answering",
                    "try again in a moment",
                    code="host_busy",
                )
            await self._unload(min(free)[1])

    def _held(self) -> int:
        """Bytes that the hosts are expected to take."""
        return sum(host.plan.memory for host in self._hosts.values())

    def _held_gpu(self) -> int:
        """The same of the GPU."""
        return sum(host.plan.gpu_memory for host in self._hosts.values())

    async def _unload(self, sha256: str) -> None:
        host = self._hosts.pop(sha256, None)
        if host is not None:
            await host.stop()
