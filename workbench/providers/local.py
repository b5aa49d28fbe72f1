"""The client side of our own engine: find it, start it, talk to it, stop it. It is a process, never an import."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench import __version__
from workbench.providers.engine_errors import EngineError, progress_line, refusal
from workbench.providers.engine_status import EngineStatus, LockRecord, read_lock, tail

if TYPE_CHECKING:
    import httpx2

    from workbench.providers.engine_transport import EngineTransport

__all__ = ["PROTOCOL", "EngineError", "LocalEngine", "missing_packages"]

PROTOCOL = 1
"""The version of `/ftwb/v1/` that we speak."""
LOG_LIMIT = 1_000_000
"""Bytes after which the engine's log is put aside at the next start."""
_SERVER_PACKAGES = ("starlette", "uvicorn")
_FOREIGN_KEYS = ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_API_KEY")


def missing_packages() -> str | None:
    """The clause when the `local` extra is not installed."""
    if all(importlib.util.find_spec(name) for name in _SERVER_PACKAGES):
        return None
    return "needs the `local` extra: pip install 'ftwb[local]'"


class LocalEngine:
    """The engine of one workspace.

    `home` is the workspace, its engine lives in `home/engine`. `trainer_python` is the
    interpreter that trains, where that is not ours. `command` replaces how the engine is started (tests); `--home` and
    `--cache` are appended to it. The object holds no connection and may be used from any event loop.
    """

    def __init__(
        self,
        home: Path,
        cache: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        python: str = sys.executable,
        trainer_python: str | None = None,
        command: Sequence[str] | None = None,
        start_timeout_s: float = 60.0,
        answer_timeout_s: float = 2.0,
    ) -> None:
        self.folder = home / "engine"
        self.log = self.folder / "engine.log"
        self._arguments = ["--home", str(home), "--cache", str(cache)]
        if trainer_python:
            self._arguments += ["--trainer-python", trainer_python]
        self._command = list(command or (python, "-m", "workbench.engine"))
        self._own_python = command is None and python == sys.executable
        self._environ = environ
        self._start_timeout_s = start_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def key(self) -> str:
        """The bearer key that the engine wrote at its first start."""
        try:
            return (self.folder / "key").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise EngineError(
                "the engine", "its key file cannot be read", f"look at {self.folder / 'key'}", code="engine_key"
            ) from None

    def socket(self) -> str | None:
        """Where the lock says that the engine listens; None when nobody holds the workspace."""
        record = read_lock(self.folder / "lock")
        return record.socket if record else None

    def status_of_lock(self) -> EngineStatus:
        """The status by the lock alone: an engine whose process lives is `silent` until it is asked."""
        if self._process is not None:
            self._process.poll()  # a child of ours that ended would stay a zombie
        record = read_lock(self.folder / "lock")
        return record.status() if record else EngineStatus(status="stopped")

    def status(self) -> EngineStatus:
        """The status, asking a living engine. Never starts one, never raises. Blocks for at most `answer_timeout_s`."""
        import httpx2

        status = self.status_of_lock()
        if status.status != "silent" or not status.socket:
            return status
        with contextlib.suppress(httpx2.HTTPError, EngineError, ValueError, TypeError):
            transport = httpx2.HTTPTransport(uds=status.socket, verify=False)
            headers = {"Authorization": f"Bearer {self.key()}"}
            with httpx2.Client(
                transport=transport, base_url="http://ftwb.local", timeout=self._answer_timeout_s
            ) as client:
                answer = client.get("/ftwb/v1/status", headers=headers)
                answer.raise_for_status()
                return EngineStatus.model_validate(status.model_dump() | answer.json() | {"status": "running"})
        return status

    async def ensure(self, *, take_over: bool = False) -> EngineStatus:
        """A running engine of this version, started or restarted if need be; several callers start one.

        `take_over`: also where another host's engine is silent, because a person said so. Raises `EngineError`.
        """
        status = await asyncio.to_thread(self.status)
        if self._fits(status):
            return status
        if status.status == "other-host" and not take_over:
            raise self._elsewhere(status)
        self._check_installed()
        self._make_folder()
        deadline = time.monotonic() + self._start_timeout_s
        async with self._starting(deadline):
            status = await asyncio.to_thread(self.status)
            if status.status == "silent":
                status = await self._answer(deadline, None)
            if self._fits(status):
                return status
            if status.status == "running":  # of another version: trainers run on, the new engine adopts them
                await self._shut_down("keep", deadline)
            return await self._start(deadline, take_over=take_over)

    async def stop(self, jobs: Literal["keep", "pause", "cancel"] = "keep") -> None:
        """Stop the engine and wait until it is gone; none running is no error."""
        status = await asyncio.to_thread(self.status)
        if status.status == "other-host":
            raise self._elsewhere(status)
        if status.status == "silent":
            raise EngineError(
                "the engine",
                f"does not answer (pid {status.pid})",
                f"look at {self.log}; `kill {status.pid}` stops it",
                code="engine_silent",
            )
        if status.status == "running":
            await self._shut_down(jobs, time.monotonic() + self._start_timeout_s)

    def transport(self) -> EngineTransport:
        """The transport for a client of the engine; it follows the engine through restarts."""
        from workbench.providers.engine_transport import EngineTransport

        return EngineTransport(self)

    def http_client(self, timeout_s: float | None = 60.0) -> httpx2.AsyncClient:
        """An HTTP client of the engine, with its key; `http://ftwb.local` is its address."""
        import httpx2

        return httpx2.AsyncClient(
            transport=self.transport(),
            base_url="http://ftwb.local",
            headers={"Authorization": f"Bearer {self.key()}"},
            timeout=httpx2.Timeout(timeout_s, connect=10.0),
        )

    async def call(self, method: str, path: str, json: Any = None, *, params: Mapping[str, str] | None = None) -> Any:
        """Call `/ftwb/v1/PATH` of an engine that is started if need be: JSON as objects, text as `str`."""
        await self.ensure()
        async with self._asking(path) as client:
            return await self._call(client, method, path, json, params)

    async def stream_call(self, method: str, path: str, json: Any = None) -> AsyncIterator[dict[str, Any]]:
        """The lines of an NDJSON answer as they come; one with an error ends it with an `EngineError`."""
        await self.ensure()
        async with (
            self._asking(path, timeout_s=None) as client,
            client.stream(method, _path(path), json=json) as answer,
        ):
            if answer.status_code >= 400:
                await answer.aread()
                raise refusal(answer.status_code, answer.content, path)
            async for line in answer.aiter_lines():
                if line.strip():
                    yield progress_line(line, path)

    async def _call(
        self, client: httpx2.AsyncClient, method: str, path: str, body: Any, params: Mapping[str, str] | None = None
    ) -> Any:
        answer = await client.request(method, _path(path), json=body, params=params)
        if answer.status_code >= 400:
            raise refusal(answer.status_code, answer.content, path)
        if "json" in answer.headers.get("content-type", ""):
            return answer.json()
        return answer.text

    @contextlib.asynccontextmanager
    async def _asking(self, path: str, timeout_s: float | None = 600.0) -> AsyncIterator[httpx2.AsyncClient]:
        """A client whose transport troubles come out as sentences."""
        import httpx2

        try:
            async with self.http_client(timeout_s) as client:
                yield client
        except httpx2.TimeoutException:
            raise EngineError("the engine", f"gave no answer to {path} in time", f"look at {self.log}") from None
        except httpx2.HTTPError as error:
            raise EngineError(
                "the engine", f"broke off during {path} ({error})", f"look at {self.log}", code="connection_broke"
            ) from None

    def _fits(self, status: EngineStatus) -> bool:
        return status.status == "running" and status.version == __version__ and status.protocol == PROTOCOL

    def _elsewhere(self, status: EngineStatus) -> EngineError:
        silent = status.heartbeat_age_s or 0.0
        heard = f", last heard of {silent / 60:.0f} minutes ago" if silent > 120 else ""
        return EngineError(
            "the engine",
            f"of this workspace runs on host {status.host} (pid {status.pid}{heard})",
            "work there, stop it there with `ftwb engine stop`, or choose another --workspace"
            + ("; if that host is gone, `ftwb engine start --take-over`" if heard else ""),
            code="engine_elsewhere",
        )

    def _check_installed(self) -> None:
        if self._own_python and missing_packages():
            raise EngineError("the engine", "is not installed", "pip install 'ftwb[local]'", code="local_extra_missing")

    def _make_folder(self) -> None:
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._not_writable("made", error) from None

    def _not_writable(self, how: str, error: OSError) -> EngineError:
        why = (error.strerror or str(error)).lower()
        return EngineError(str(self.folder), f"cannot be {how} ({why})", "choose another --workspace", code="read_only")

    @contextlib.asynccontextmanager
    async def _starting(self, deadline: float) -> AsyncIterator[None]:
        """One starter at a time; where the file system has no locks, the engine's own lock decides."""
        try:
            handle = os.open(self.folder / ".starting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._not_writable("written", error) from None
        try:
            while not _locked(handle):
                if time.monotonic() > deadline:
                    raise EngineError("the engine", "is being started by another process", "try again")
                await asyncio.sleep(random.uniform(0.02, 0.08))  # noqa: S311 (only spreads the waiters)
            yield
        finally:
            os.close(handle)

    async def _start(self, deadline: float, *, take_over: bool) -> EngineStatus:
        self._process = await asyncio.to_thread(self._spawn, ["--take-over"] if take_over else [])
        return await self._answer(deadline, self._process)

    def _spawn(self, more: list[str]) -> subprocess.Popen[bytes]:
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_LIMIT:
                self.log.replace(self.log.with_name("engine.log.1"))
        environ = {name: value for name, value in self._environ.items() if name not in _FOREIGN_KEYS}
        try:
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._not_writable("written", error) from None
        try:
            return subprocess.Popen(
                [*self._command, *self._arguments, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # closing the terminal must not reach it
                cwd=self.folder,  # `-m` would look for packages wherever the person happens to be
                env={**environ, "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            raise EngineError("the engine", f"cannot be started ({error.strerror})", "check trainer_python") from None
        finally:
            os.close(log)

    async def _answer(self, deadline: float, process: subprocess.Popen[bytes] | None) -> EngineStatus:
        """Wait for the handshake; the log's last lines say why there is none."""
        while True:
            status = await asyncio.to_thread(self.status)
            if status.status == "running":
                return status
            ended = process is not None and process.poll() is not None
            if process is None and status.status != "silent":
                return status  # it went away while we waited
            if ended or time.monotonic() > deadline:
                why = f"ended with status {process.returncode}" if ended and process else "does not answer"
                said = tail(self.log)
                raise EngineError(
                    "the engine",
                    f"{why} at its start" + (f" ({said})" if said else ""),
                    f"{self.log} says more",
                    code="engine_start",
                )
            await asyncio.sleep(0.05)

    async def _shut_down(self, jobs: str, deadline: float) -> None:
        record = read_lock(self.folder / "lock")
        async with self._asking("shutdown", timeout_s=60.0) as client:
            await self._call(client, "POST", "shutdown", {"jobs": jobs})
        while record is not None and self._still(record):
            if time.monotonic() > deadline:
                raise EngineError(
                    "the engine", f"does not stop (pid {record.pid})", f"look at {self.log}", code="engine_silent"
                )
            await asyncio.sleep(0.05)

    def _still(self, record: LockRecord) -> bool:
        if self._process is not None:
            self._process.poll()
        return record.alive


def _path(path: str) -> str:
    return path if path.startswith("/") else f"/ftwb/v1/{path}"


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks here
    return True
