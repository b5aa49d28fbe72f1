"""The counterparts that one scenario is played against: two ways to the engine, two recordings, two other servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai

from tests.engine.engine_process import EngineProcess
from workbench.providers.client import connect
from workbench.providers.local import LocalEngine
from workbench.providers.profiles import Profile, built_in
from workbench.testing.fake_provider import FakeProvider
from workbench.testing.replay_clock import ReplayClock

MODEL = "gpt-4.1-mini-2025-04-14"
TCP_KEY = "a-key-of-the-person"
FAKEAI_STARTS_S = 90.0
"""It imports for five seconds on an idle machine."""

Beat = Callable[[float], Any]


async def real_time(seconds: float) -> None:
    """Somebody else's clock: look again soon."""
    await asyncio.sleep(min(seconds, 0.25))


@dataclass(frozen=True)
class Counterpart:
    """Something that the scenario is played against."""

    name: str
    profile: Profile
    model: str
    """What is trained."""
    environ: Mapping[str, str] = field(default_factory=dict)
    engine: LocalEngine | None = None
    state: Path | None = None
    """Of a recording."""
    beat: Beat = real_time
    """Lets its time go on; called where somebody waits."""
    held: Mapping[str, Any] = field(default_factory=dict)
    """Settings of a job that goes on until it is told otherwise."""
    strict: bool = False
    """Its answers are exactly of the shapes that the SDK knows."""
    published: bool = False
    """They fit the schemas that OpenAI publishes, too."""
    events: bool = True
    steps: int | None = None
    """Steps that its events report; None where it reports none."""
    checkpoints: int = 2
    results: bool = True
    """A job names a result file."""
    metadata: bool = True
    finds_files: bool = True
    """It knows a file again that was sent to it."""
    deploys: bool = False
    """A tuned model answers once it is deployed."""
    embeds: str | None = None
    """Its embedding model."""
    prepare: Callable[[], None] = lambda: None
    """What a test has to do to its job before it ends."""

    @contextlib.asynccontextmanager
    async def client(
        self, *, strict: bool | None = None, profile: Profile | None = None
    ) -> AsyncIterator[openai.AsyncOpenAI]:
        """The SDK, strict where the counterpart allows it."""
        made = await connect(
            profile or self.profile,
            engine=self.engine,
            environ=self.environ,
            strict=self.strict if strict is None else strict,
            replay_state=self.state,
        )
        async with made as client:
            yield client


def engine_on_its_socket(process: EngineProcess) -> Counterpart:
    """The local profile, as the app uses it."""
    engine = LocalEngine(process.home, process.cache, environ=process.environ)
    return Counterpart(
        "engine", built_in()["local"], "starter", engine=engine, held=_HELD, strict=True, published=True, steps=10
    )


def engine_over_tcp(process: EngineProcess) -> Counterpart:
    """What `ftwb serve` opens, as somebody else's profile of a compatible provider."""
    with process.http() as http:
        asked = {"host": "127.0.0.1", "port": 0, "api_key": TCP_KEY}
        port = http.post("/ftwb/v1/listen", json=asked).json()["port"]
    able = {"pause": True, "metadata": True, "find_by_metadata": True, "ftwb": True, "embeddings": False}
    profile = Profile(
        name="server",
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key_env="SERVER_KEY",
        settings={"capabilities": able},
    )
    return Counterpart(
        "engine-tcp", profile, "starter", environ={"SERVER_KEY": TCP_KEY}, held=_HELD, strict=True, published=True,
        steps=10,
    )  # fmt: skip


_HELD = {"steps": 100_000, "hold_at": 3, "checkpoint_every": 100_000}


@contextlib.contextmanager
def replayed(name: str, state: Path) -> Iterator[Counterpart]:
    """A recording by a clock of its own."""
    with ReplayClock() as clock:

        async def beat(_: float) -> None:
            clock.now += 1
            await asyncio.sleep(0)

        azure = name == "azure"
        yield Counterpart(
            f"replayed-{name}",
            Profile(name="demo", kind="azure" if azure else "openai", replay=name),
            MODEL,
            state=state,
            beat=beat,
            steps=90 if azure else 60,
            deploys=azure,
            embeds="embeddings" if azure else "text-embedding-3-small",
        )


@contextlib.contextmanager
def strict_sdk() -> Iterator[Counterpart]:
    """Our own provider of tests, each of whose answers the SDK checks field by field."""
    with FakeProvider(total_steps=5) as provider:

        async def beat(_: float) -> None:
            provider.advance()
            await asyncio.sleep(0)

        def prepare() -> None:
            lines = [f"{step},{2 / step:.4f},,," for step in range(1, 6)]
            provider.add_result(
                "\n".join(["step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy", *lines])
            )

        yield Counterpart(
            "strict-sdk", built_in()["openai"], MODEL, environ=provider.environ, beat=beat, strict=True, published=True,
            steps=5, checkpoints=5, embeds="text-embedding-3-small", prepare=prepare,
        )  # fmt: skip


class FakeAi:
    """The server `fakeai`, which others wrote and which is only nearly compatible, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "fakeai.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "fakeai", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        environ = {**os.environ, "FAKEAI_REQUIRE_API_KEY": "false"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + FAKEAI_STARTS_S
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"http://127.0.0.1:{self.port}/v1/models", timeout=5).is_success:
                    return
            text = self._log.read_text("utf-8", "replace")[-2000:]
            assert self._process.poll() is None, f"it ended; is the extra `test` installed?\n{text}"
            assert time.monotonic() < deadline, f"no answer after {FAKEAI_STARTS_S:.0f} s\n{text}"
            time.sleep(0.05)

    def counterpart(self) -> Counterpart:
        """As a profile that somebody adds with its address alone."""
        profile = Profile(name="fakeai", base_url=f"http://127.0.0.1:{self.port}/v1", api_key_env="FAKEAI_KEY")
        return Counterpart(
            "fakeai",
            profile,
            "openai/gpt-oss-20b",
            environ={"FAKEAI_KEY": "sk-any-key-will-do"},
            events=False,
            checkpoints=4,
            results=False,
            metadata=False,
            finds_files=False,
            embeds="text-embedding-3-small",
        )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
