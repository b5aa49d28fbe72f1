"""uvicorn on sockets of our own, several of them in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from workbench.engine.sockets import SocketTrouble

GRACE_S = 3
"""How long answers that are under way may take when the engine stops."""


class _Server(uvicorn.Server):
    """A server that leaves signals to the engine."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(slots=True)
class Listener:
    """One socket that answers."""

    server: uvicorn.Server
    sock: socket.socket
    task: asyncio.Task[None] = field(init=False)

    @classmethod
    async def start(
        cls, app: ASGIApp, sock: socket.socket, *, certfile: Path | None = None, keyfile: Path | None = None
    ) -> Listener:
        """Answer on a bound socket. Raises SocketTrouble for a certificate that cannot be used."""
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            sock.close()
            raise SocketTrouble(
                f"the certificate {certfile}",
                f"cannot be used ({error})",
                "give PEM files with --certfile and --keyfile",
            ) from error
        listener = cls(_Server(config), sock)
        listener.task = asyncio.create_task(listener.server.serve(sockets=[sock]))
        while not listener.server.started and not listener.task.done():  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0)
        if listener.task.done():
            listener.task.result()
        return listener

    async def stop(self) -> None:
        """Answer what is under way, then close."""
        self.server.should_exit = True
        await self.task
        self.sock.close()
