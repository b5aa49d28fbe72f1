"""One host process, from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.engine.hosts.errors import HostFailed
from workbench.engine.hosts.life import KEY_VARIABLE, MAX_SOCKET_PATH
from workbench.engine.launchers.environment import child_environment

START_TIMEOUT_S = 180.0
"""A large model read from a slow disk; a host that dies is noticed at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is to be served."""

    host: str
    """llama.cpp or transformers."""
    precision: str
    """Of the weights: Q8_0, float32, bfloat16."""
    module: str
    """Run with `python -m`; gets `--socket PATH` in addition to `arguments`."""
    arguments: tuple[str, ...]
    memory: int
    """Bytes that it is expected to take of the machine's memory."""
    gpu_memory: int = 0
    """Bytes that it is expected to take of the GPU's."""


@dataclass
class HostProcess:
    """A running host and what the pool knows of it."""

    model_id: str
    plan: Plan
    socket: Path
    log: Path
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    environ: dict[str, str] = field(default_factory=dict)
    """Variables of its environment beside the engine's."""
    used_at: float = field(default_factory=time.monotonic)
    busy: int = 0
    """Requests that hold it through HostPool.lease."""
    _process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    async def start(self) -> None:
        """Start it and wait until it answers. Raises HostFailed with the last line of its log."""
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.plan.module, *self.plan.arguments, "--socket", str(self.socket),
                env={**child_environment(), **self.environ, KEY_VARIABLE: self.api_key},
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        try:
            while not await self._healthy():
                if not self.alive:
                    raise HostFailed(
                        f"the host of {self.model_id}", f"ended at its start ({self.last_words()})", self._hint
                    )
                if time.monotonic() > deadline:
                    raise HostFailed(f"the host of {self.model_id}", "did not answer in time", self._hint)
                await asyncio.sleep(0.05)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it; it has nothing to save."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self.socket.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1].strip()[:200] if lines else "it said nothing"

    @property
    def _hint(self) -> str:
        return f"its log is {self.log}"

    async def _healthy(self) -> bool:
        """Whether GET /health answers 200."""
        import httpx2

        if not self.socket.exists():
            return False
        transport = httpx2.AsyncHTTPTransport(uds=str(self.socket), verify=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://host", timeout=5.0) as client:
            try:
                answer = await client.get("/health", headers={"Authorization": f"Bearer {self.api_key}"})
            except httpx2.TransportError:  # not listening yet
                return False
        return bool(answer.status_code == 200)


def socket_path(runtime_dir: Path, key: str) -> Path:
    """A socket path of its own for each model. Raises HostFailed where the folder's path is too long."""
    path = runtime_dir / f"h{hashlib.sha256(key.encode()).hexdigest()[:8]}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise HostFailed(
            str(path),
            f"is too long for a socket ({len(os.fsencode(path))} bytes, {MAX_SOCKET_PATH} at most)",
            "use a shorter runtime folder (XDG_RUNTIME_DIR)",
            code="socket_path_too_long",
        )
    return path


def kv_cache_bytes(config: dict[str, Any], tokens: int, bytes_each: int) -> int:
    """Memory of the attention cache: keys and values of every layer and key-value head."""
    layers = int(config.get("num_hidden_layers") or config.get("n_layer") or 32)
    heads = int(config.get("num_attention_heads") or config.get("n_head") or 32)
    hidden = int(config.get("hidden_size") or config.get("n_embd") or 4096)
    width = int(config.get("head_dim") or hidden // heads)
    return 2 * layers * int(config.get("num_key_value_heads") or heads) * width * tokens * bytes_each
