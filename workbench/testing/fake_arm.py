"""Azure's resource manager over real HTTP, with recorded shapes, for the deployments of one resource."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

RESOURCE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/acct"  # noqa: E501
_FORMATS = ("OpenAI", "Mistral AI", "Meta", "Alibaba", "Microsoft")
_SKUS = ("Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier")


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str
    json: Any


class FakeArm:
    """`with FakeArm() as arm:` serves on loopback; `arm.url` is what stands for https://management.azure.com.

    A deployment is `Accepted`, then `Creating` for `creating` polls, then `Succeeded` (or `comes_up_as`).
    """

    def __init__(self, *, resource: str = RESOURCE, page_size: int = 50) -> None:
        self.token, self.resource, self.page_size = "arm-token-0123456789", resource, page_size
        self.creating, self.comes_up_as = 1, "Succeeded"
        self.deployments: dict[str, dict[str, Any]] = {}
        self.requests: list[ArmRequest] = []
        self.created_at = "2026-11-20T08:00:00.1234567Z"
        self._faults: list[tuple[str, int, Any, dict[str, str], bool]] = []
        self._waits: dict[str, int] = {}
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, name: str, model: str, sku: str = "Standard", *, created_at: str | None = None) -> None:
        """A deployment that is there."""
        self.deployments[name] = self._made(name, {"sku": {"name": sku, "capacity": 10},
            "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}}}, "Succeeded")  # fmt: skip
        if created_at:
            self.deployments[name]["systemData"]["createdAt"] = created_at

    def fail(
        self, method: str, status: int, code: str, message: str = "no", *, carried_out: bool = False, **headers: str
    ) -> None:
        """Answer the next request of this method with an error; empty `code`: without a body."""
        body = {"error": {"code": code, "message": message}} if code else None
        self._faults.append((method, status, body, headers, carried_out))

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers for one request."""
        fault = next((one for one in self._faults if one[0] == method), None)
        if fault is not None:
            self._faults.remove(fault)
            if fault[4]:
                self._serve(method, path, body)
            return fault[1], fault[2], fault[3]
        return (*self._serve(method, path, body), {})

    def _serve(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        base = f"{self.resource}/deployments"
        if not path.startswith(base):
            return 404, _error("ResourceNotFound", f"The Resource '{path}' was not found.")
        name = unquote(path[len(base) + 1 :])
        if not name:
            return 200, None
        if method == "PUT":
            return self._put(name, body)
        if name not in self.deployments:
            if method == "DELETE":
                return 204, None
            return 404, _error("DeploymentNotFound", f"The API deployment '{name}' does not exist.")
        if method == "DELETE":
            del self.deployments[name]
            return 200, None
        return 200, self._polled(name)

    def _put(self, name: str, body: Any) -> tuple[int, Any]:
        model = body["properties"]["model"]
        if model["format"] not in _FORMATS:
            return 500, None  # what the service really does with a format that it does not know
        if body["sku"]["name"] not in _SKUS:
            return 400, _error(
                "InvalidResourceProperties", f"The specified SKU '{body['sku']['name']}' is not supported."
            )
        self.deployments[name] = self._made(name, body, "Accepted")
        self._waits[name] = self.creating
        return 201, self.deployments[name]

    def _polled(self, name: str) -> Any:
        one = self.deployments[name]
        if name in self._waits:
            self._waits[name] -= 1
            over = self._waits[name] < 0
            one["properties"]["provisioningState"] = self.comes_up_as if over else "Creating"
            if over:
                del self._waits[name]
        return one

    def listed(self, skip: int) -> Any:
        """One page of the list."""
        rows = list(self.deployments.values())
        page: dict[str, Any] = {"value": rows[skip : skip + self.page_size]}
        if skip + self.page_size < len(rows):
            address = f"{self.url}{self.resource}/deployments?api-version=2024-10-01&$skip={skip + self.page_size}"
            page["nextLink"] = address
        return page

    def _made(self, name: str, body: Any, state: str) -> dict[str, Any]:
        return {
            "id": f"{self.resource}/deployments/{name}",
            "name": name,
            "type": "Microsoft.CognitiveServices/accounts/deployments",
            "sku": dict(body["sku"]),
            "properties": {**body["properties"], "provisioningState": state, "versionUpgradeOption": "NoAutoUpgrade"},
            "systemData": {"createdBy": "someone@example.com", "createdAt": self.created_at},
            "etag": '"0"',
        }

    def __enter__(self) -> FakeArm:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="FakeArm").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _handler(arm: FakeArm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            place = urlsplit(self.path)
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            query = {key: values[-1] for key, values in parse_qs(place.query).items()}
            told = self.headers.get("authorization") or ""
            arm.requests.append(ArmRequest(self.command, place.path, query, told, body))
            headers: dict[str, str] = {}
            if told != f"Bearer {arm.token}":
                status, found = 401, _error("InvalidAuthenticationToken", f"The access token is invalid: {told}")
            elif "api-version" not in query:
                status, found = (
                    400,
                    _error("MissingApiVersionParameter", "The api-version query parameter is required."),
                )
            else:
                status, found, headers = arm.answer(self.command, place.path, body)
                if status == 200 and self.command == "GET" and found is None:
                    found = arm.listed(int(query.get("$skip", "0")))
            content = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_DELETE = _any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
