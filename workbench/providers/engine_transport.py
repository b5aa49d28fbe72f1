"""The way to the engine's socket for the SDK: it finds the engine again after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from workbench.providers.local import LocalEngine


class EngineTransport(httpx2.AsyncBaseTransport):
    """Connects where `engine/lock` says, and starts the engine again when it is gone.

    An engine that died is started for any request. One that was stopped, or went idle, is started only when something
    is to be done (POST, DELETE), so that a screen that just watches does not undo `ftwb engine stop`. Only a connection
    that could not be made is tried again: nothing is ever sent twice.
    """

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._socket: str | None = None
        self._inner: httpx2.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; `WorkbenchError` when the engine cannot be started."""
        try:
            return await (await self._to(self._engine.socket())).handle_async_request(request)
        except httpx2.ConnectError:
            if request.method == "GET" and self._engine.status_of_lock().status == "stopped":
                raise
        status = await self._engine.ensure()
        return await (await self._to(status.socket)).handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._inner is not None:
            await self._inner.aclose()

    async def _to(self, socket: str | None) -> httpx2.AsyncHTTPTransport:
        if socket is None:
            raise httpx2.ConnectError("no engine holds this workspace")
        if self._inner is None or socket != self._socket:
            await self.aclose()
            self._socket, self._inner = socket, httpx2.AsyncHTTPTransport(uds=socket, verify=False)
        return self._inner
