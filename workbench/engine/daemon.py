"""The engine's process: one a workspace, from its lock to its last word."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench import __version__
from workbench.engine import PROTOCOL
from workbench.engine.api.app import Gate, build_app
from workbench.engine.durable import write_atomic
from workbench.engine.files import FileStore
from workbench.engine.finish import tokens_per_second
from workbench.engine.jobs import WITH_TRAINER, JobFolder, JobStore, Status
from workbench.engine.listeners import Listener
from workbench.engine.lock import HEARTBEAT_S, EngineLock
from workbench.engine.parts import Parts
from workbench.engine.progress import Progress
from workbench.engine.queue import Queue, QueueOptions
from workbench.engine.registry import Registry
from workbench.engine.sockets import (
    SocketTrouble,
    bind_tcp,
    bind_unix,
    check_private,
    is_loopback,
    runtime_dir,
    socket_path,
)
from workbench.engine.validation import validate
from workbench.errors import WorkbenchError

log = logging.getLogger(__name__)

DRAIN_S = 45.0
"""How long a stop waits for trainers that write a last checkpoint; they go on writing without us."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine is started with."""

    home: Path
    """The workspace; the engine's folder is `engine` in it."""
    cache: Path
    trainer_python: str = sys.executable
    idle_s: float = 1800.0
    """Without jobs and requests for so long, it exits; 0: never."""
    training_at_once: int = 1
    take_over: bool = False
    heartbeat_s: float = HEARTBEAT_S
    queue_tick_s: float = 0.25
    resume_delay_s: float = 2.0

    @property
    def folder(self) -> Path:
        """Where everything of the engine is."""
        return self.home / "engine"


@dataclass(slots=True)
class _Tcp:
    """A TCP listener and what a second request for it is compared with."""

    host: str
    port: int
    key: str
    listener: Listener


class Engine:
    """All that runs in the engine's event loop."""

    def __init__(self, config: EngineConfig, parts: Parts, *, socket: Path, key: str, lock: EngineLock) -> None:
        self.config = config
        self.parts = parts
        self.socket = socket
        self.started_at = time.time()
        self.jobs = JobStore(config.folder / "jobs")
        self.files = FileStore(config.folder / "files")
        self.files.sweep()
        self.registry = Registry(self.jobs, parts.models)
        self.queue = Queue(
            self.jobs,
            self.files,
            parts.launcher,
            self._validate,
            parts.trainer_folder,
            QueueOptions(
                default_python=config.trainer_python,
                training_at_once=config.training_at_once,
                tick_s=config.queue_tick_s,
                resume_delay_s=config.resume_delay_s,
            ),
            self._learn_speed,
        )
        self._key = key
        self._lock = lock
        self._app = build_app(self)
        self._tcp: list[_Tcp] = []
        self._unix: Listener | None = None
        self._stop = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        self._inside = 0
        self._last_active = time.monotonic()
        self._lost = False

    async def run(self) -> None:
        """Serve until told to stop. Trainers run on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # a closed terminal is no reason to stop
        for name, why in self.jobs.broken.items():
            log.error("job %s cannot be read and is left alone: %s", name, why)
        await self._listen_unix()
        log.info("engine %s answers at %s", __version__, self.socket)
        tasks = [asyncio.create_task(work()) for work in (self._stop.wait, self.queue.run, self._watch, self._sweep)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.exception() is not None:
                log.error("the engine stops: it made a mistake", exc_info=task.exception())
        self.queue.draining = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._close()

    async def _close(self) -> None:
        listeners = [tcp.listener for tcp in self._tcp] + ([self._unix] if self._unix else [])
        await asyncio.gather(*(listener.stop() for listener in listeners), return_exceptions=True)
        await self.parts.hosts.close()
        if not self._lost:
            self.socket.unlink(missing_ok=True)
            self._lock.release()
        log.info("engine stopped")

    async def _validate(self, job: JobFolder) -> None:
        await validate(job, self.parts, self.config.trainer_python)

    def _learn_speed(self, job: JobFolder, progress: Progress) -> None:
        """What the newest launch of a finished job says about this machine's speed."""
        speed = tokens_per_second(job, progress)
        if speed is not None and self.parts.record_speed is not None:
            with contextlib.suppress(WorkbenchError):  # the base is gone by now: nothing to remember it for
                self.parts.record_speed(self.parts.models.resolve(job.record.model), speed)

    async def _listen_unix(self) -> None:
        old, self._unix = self._unix, None
        self._unix = await Listener.start(Gate(self._app, self, self._key, private=True), bind_unix(self.socket))
        self._inode = self.socket.stat().st_ino
        if old is not None:
            await old.stop()

    async def _watch(self) -> None:
        """Heartbeat, the socket's presence, and an end when nobody needs the engine. Returns to stop it."""
        while True:
            await asyncio.sleep(self.config.heartbeat_s)
            try:
                self._lost = not self._lock.beat()
                if self._lost:
                    log.error("another engine took this workspace over: this one stops, its trainers run on")
                    return
                if not self._socket_there():
                    log.warning("the socket was gone: bound again")
                    await self._listen_unix()
            except (OSError, SocketTrouble) as error:  # a full disk, a folder that is away: try again next time
                log.error("heartbeat: %s", error)
            if self._idle():
                log.info("nothing to do for %.0f minutes: the engine exits", self.config.idle_s / 60)
                return

    def _socket_there(self) -> bool:
        try:
            return self.socket.stat().st_ino == self._inode
        except OSError:
            runtime_dir()  # the folder itself may be gone, or be somebody else's by now
            return False

    async def _sweep(self) -> None:
        """Let hosts go that nobody asked for a while."""
        while True:
            await asyncio.sleep(15.0)
            await self.parts.hosts.sweep()

    def _idle(self) -> bool:
        if self.config.idle_s <= 0 or self._inside or self._tcp:
            return False
        if any(not job.record.terminal and job.record.status is not Status.PAUSED for job in self.jobs):
            self._last_active = time.monotonic()
        return time.monotonic() - self._last_active > self.config.idle_s

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """While a request is answered."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._last_active = time.monotonic()

    def listening(self) -> list[dict[str, object]]:
        """The TCP addresses it answers at."""
        return [{"host": tcp.host, "port": tcp.port} for tcp in self._tcp]

    async def listen(
        self, host: str, port: int, key: str, *, certfile: Path | None, keyfile: Path | None, insecure_http: bool
    ) -> tuple[str, int]:
        """Answer on TCP too; the address, once it does. Raises SocketTrouble."""
        if not is_loopback(host) and certfile is None and not insecure_http:
            raise SocketTrouble(
                f"{host}:{port}",
                "would carry key and prompts in the clear to other machines",
                "give --certfile and --keyfile, or say --insecure-http",
                code="insecure_http",
            )
        for tcp in self._tcp:
            if (tcp.host, tcp.port) == (host, port) and hmac.compare_digest(tcp.key.encode(), key.encode()):
                return tcp.host, tcp.port
        sock = bind_tcp(host, port)
        bound = int(sock.getsockname()[1])
        gate = Gate(self._app, self, key, private=False)
        listener = await Listener.start(gate, sock, certfile=certfile, keyfile=keyfile)
        self._tcp.append(_Tcp(host, bound, key, listener))
        log.info("listening on %s:%d", host, bound)
        return host, bound

    def shut_down(self, jobs: Literal["keep", "pause", "cancel"]) -> None:
        """Stop soon: at once, or when the unfinished jobs are paused or cancelled."""
        unfinished = [job for job in self.jobs if not job.record.terminal and job.record.status is not Status.PAUSED]
        if jobs != "keep":
            for job in unfinished:
                self.queue.ask(job, jobs)
        self.queue.draining = True
        self._draining = asyncio.create_task(self._drain([] if jobs == "keep" else unfinished))

    async def _drain(self, jobs: list[JobFolder]) -> None:
        deadline = time.monotonic() + DRAIN_S
        for job in jobs:
            await self.queue.settled(job, max(0.0, deadline - time.monotonic()), Status.PAUSED)
        if any(job.record.status in WITH_TRAINER for job in jobs):
            log.warning("stopping although trainers still write their checkpoints")
        self._stop.set()


def run(config: EngineConfig, make_parts: Callable[[EngineConfig, Path], Parts]) -> int:
    """Run an engine in this process; the exit status. A reason not to start goes to stderr as one sentence."""
    os.umask(0o077)
    try:
        config.folder.mkdir(parents=True, exist_ok=True)
        _log_to(config.folder / "engine.log")
        folder = runtime_dir()
        socket = socket_path(config.home, folder)
        lock = EngineLock(config.folder)
        lock.acquire(socket=str(socket), version=__version__, protocol=PROTOCOL, take_over=config.take_over)
    except WorkbenchError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or config.folder}: {error.strerror}; choose another --workspace")
    try:
        key = _key(config.folder / "key")
        hosts = socket.with_suffix("")  # a folder of this workspace's own
        hosts.mkdir(mode=0o700, exist_ok=True)
        check_private(hosts)
        parts = make_parts(config, hosts)
    except WorkbenchError as error:
        lock.release()
        return _refuse(str(error))
    except OSError as error:
        lock.release()
        return _refuse(f"{error.filename or config.folder}: {error.strerror}; choose another --workspace")

    async def main() -> None:
        await Engine(config, parts, socket=socket, key=key, lock=lock).run()

    try:
        asyncio.run(main())
    except WorkbenchError as error:
        lock.release()
        return _refuse(str(error))
    except OSError as error:
        lock.release()
        return _refuse(f"{error.filename or config.folder}: {error.strerror}; choose another --workspace")
    return 0


def _refuse(sentence: str) -> int:
    print(f"ftwb engine: {sentence}", file=sys.stderr)  # noqa: T201  the client shows it
    return 1


def _log_to(path: Path) -> None:
    """Our messages to engine.log; never bodies, prompts or keys."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name, level in (("workbench", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _key(path: Path) -> str:
    """The key of the Unix socket, made at first start, readable by this user only."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        key = ""
    if not key:
        key = f"ftwb-{secrets.token_urlsafe(32)}"
        write_atomic(path, key.encode() + b"\n", mode=0o600)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key
