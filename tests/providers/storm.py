"""Bad weather between a client and a `FakeProvider`: a real proxy on loopback that does what networks do."""

from __future__ import annotations

import asyncio
import enum
import json
import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar

from workbench.testing.fake_provider import FakeProvider


class Fault(enum.Enum):
    """What happens to one request."""

    RESET = "the connection is reset before the request arrives"
    LOST = "the request is carried out, its answer never comes"
    TRUNCATED = "half of the body comes, then the end"
    HALF_CLOSED = "the answer is whole, but the connection that should stay is closed"
    LIMIT_SECONDS = "429, Retry-After: 7"
    LIMIT_DATE = "429, Retry-After as a date"
    LIMIT_ZERO = "429, Retry-After: 0"
    BROKEN = "500"
    GATEWAY = "a proxy's web page with 502"
    MALFORMED = "half of the JSON, as if it were all"
    PORTAL = "a hotel's page with 200"
    NULL = "null with 200"
    STALE = "what was answered to this path before, whatever the query"
    DOUBLED = "a page whose items come twice"
    SHUFFLED = "a page in no order"
    FOREIGN = "another shape: numbers where words should be"


Weather = Callable[[str, str], Fault | None]


class Storm:
    """`with Storm(provider) as storm:` serves at `base_url`; `weather(method, path)` says what each request meets."""

    def __init__(self, provider: FakeProvider, weather: Weather = lambda _method, _path: None) -> None:
        self.provider = provider
        self.weather = weather
        self.seen: list[tuple[str, str]] = []
        self.port = 0
        self._answers: dict[str, bytes] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._open: set[socket.socket] = set()

    @property
    def environ(self) -> dict[str, str]:
        """The provider's, through the storm."""
        return self.provider.environ | {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.port}/v1"}

    @property
    def up(self) -> bool:
        """Whether somebody listens; without, connections are refused and open ones are cut."""
        return self._server is not None

    @up.setter
    def up(self, wanted: bool) -> None:
        if wanted and self._server is None:
            handler = type("Handler", (_Handler,), {"storm": self})
            self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
            self._server.daemon_threads = True
            self.port = self._server.server_address[1]
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
            self._thread.start()
        elif not wanted and self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            for connection in list(self._open):
                _reset(connection)

    def __enter__(self) -> Storm:
        self.up = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.up = False


class _Handler(BaseHTTPRequestHandler):
    storm: ClassVar[Storm]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.storm._open.add(self.connection)

    def finish(self) -> None:
        self.storm._open.discard(self.connection)
        with suppress(OSError, ValueError):  # it was reset
            super().finish()

    def log_message(self, *_: Any) -> None: ...

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        path = self.path.partition("?")[0]
        self.storm.seen.append((self.command, path))
        fault = self.storm.weather(self.command, path)
        if fault is Fault.RESET:
            return self._reset()
        if (early := _instead(fault)) is not None:
            return self._answer(*early)
        status, kind, data = self._upstream(body)
        self.storm._answers, before = {**self.storm._answers, path: data}, self.storm._answers.get(path, data)
        match fault:
            case Fault.LOST:
                return self._reset()
            case Fault.TRUNCATED:
                return self._answer(status, data, {"content-type": kind}, cut=len(data) // 2)
            case Fault.HALF_CLOSED:
                self._answer(status, data, {"content-type": kind})
                self.close_connection = True
                return None
            case Fault.MALFORMED:
                data = data[: len(data) // 2]
            case Fault.STALE if self.command == "GET":
                data = before
            case Fault.DOUBLED | Fault.SHUFFLED | Fault.FOREIGN:
                data = _changed(data, fault)
            case Fault.PORTAL:
                kind, data = "text/html", b"<html>Welcome! Please log in.</html>"
            case Fault.NULL:
                data = b"null"
        return self._answer(status, data, {"content-type": kind})

    do_POST = do_GET  # noqa: N815 - the standard library's name

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _upstream(self, body: bytes) -> tuple[int, str, bytes]:
        host = self.storm.provider.endpoint.removeprefix("http://")
        upstream = HTTPConnection(host, timeout=20)
        kept = {"authorization", "content-type", "accept"}
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        return answer.status, answer.headers.get("content-type", ""), data

    def _answer(self, status: int, data: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:cut])
        self.wfile.flush()
        if cut is not None:
            self.connection.shutdown(socket.SHUT_WR)
            self.close_connection = True

    def _reset(self) -> None:
        _reset(self.connection)
        self.close_connection = True


def _reset(connection: socket.socket) -> None:
    """RST in place of FIN."""
    with suppress(OSError):  # the other side was faster
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def _instead(fault: Fault | None) -> tuple[int, bytes, dict[str, str]] | None:
    """Answers that keep the request from the provider."""
    limit = b'{"error": {"message": "slow down", "type": "requests", "param": null, "code": "rate_limit_exceeded"}}'
    as_json = {"content-type": "application/json"}
    match fault:
        case Fault.LIMIT_SECONDS:
            return 429, limit, as_json | {"retry-after": "7"}
        case Fault.LIMIT_DATE:
            server = 1_790_000_000
            dates = {"date": formatdate(server, usegmt=True), "retry-after": formatdate(server + 9, usegmt=True)}
            return 429, limit, as_json | dates
        case Fault.LIMIT_ZERO:
            return 429, limit, as_json | {"retry-after": "0"}
        case Fault.BROKEN:
            return 500, b'{"error": {"message": "The server had an error", "code": null}}', as_json
        case Fault.GATEWAY:
            return 502, b"<html><h1>502 Bad Gateway</h1></html>", {"content-type": "text/html"}
    return None


def _changed(data: bytes, fault: Fault) -> bytes:
    try:
        answer = json.loads(data)
    except ValueError:
        return data
    if fault is Fault.FOREIGN and isinstance(answer, dict) and "id" in answer:
        return json.dumps(answer | {"model": 7, "metadata": ["x"], "fine_tuned_model": {"a": 1}}).encode()
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        return data
    if fault is Fault.DOUBLED:
        answer["data"] = [item for item in answer["data"] for _ in range(2)]
    elif fault is Fault.SHUFFLED:
        random.Random(len(answer["data"])).shuffle(answer["data"])
    return json.dumps(answer).encode()


class Weathering:
    """Faults for the requests in their order, then fine weather; None among them lets one pass."""

    def __init__(self, faults: list[Fault | None]) -> None:
        self._left = list(faults)

    def __call__(self, method: str, path: str) -> Fault | None:
        return self._left.pop(0) if self._left else None


class StormClock:
    """Time in which nobody waits: sleeping moves it on, and the world with it. The wall clock may jump."""

    def __init__(self, *, most: int = 400) -> None:
        self.elapsed = 0.0
        self.jumped = 0.0
        self.waits: list[float] = []
        self._most = most
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def wall(self) -> float:
        """What a person's clock shows."""
        return 1_790_000_000.0 + self.elapsed + self.jumped

    def at(self, second: float, do: Callable[[], object]) -> None:
        """Plan something."""
        self._plans = sorted([*self._plans, (second, do)], key=lambda plan: plan[0])

    def jump(self, seconds: float) -> None:
        """Somebody, or a time server, sets the clock."""
        self.jumped += seconds

    async def sleep(self, seconds: float) -> None:
        """As `asyncio.sleep`."""
        self.waits.append(seconds)
        assert len(self.waits) < self._most, "the follower does not end"
        self.elapsed += seconds
        while self._plans and self._plans[0][0] <= self.elapsed:
            self._plans.pop(0)[1]()
        await asyncio.sleep(0)
