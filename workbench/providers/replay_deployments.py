"""Azure's resource manager out of a recording: deployments that come up in seconds and cost nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2

from workbench.providers.recordings import now, recording
from workbench.providers.replay_job import made_models, replayed_jobs
from workbench.providers.replay_state import ReplayState

_DEVELOPER_S = 24 * 3600
"""After so long Azure deletes a deployment of the developer tier."""


class ReplayedDeployments:
    """The deployments of a recording's resource, as they are at a moment."""

    def __init__(self, recording: Mapping[str, Any], state: ReplayState, now: Callable[[], float]) -> None:
        self._recording, self._state, self._now = recording, state, now

    def _known(self) -> list[str]:
        """What can be deployed: models that are offered, tuned ones, the newest last, and checkpoints by their id."""
        jobs = replayed_jobs(self._recording, self._state)[::-1]
        found = [str(model["id"]) for model in self._recording["models"]]
        found += [name for name, _ in made_models(jobs, self._now())]
        return found + [str(one["id"]) for job in jobs for one in job.checkpoints(self._now())]

    def _own_tuned(self) -> str:
        return str(replayed_jobs(self._recording, self._state)[-1].object(self._now())["fine_tuned_model"])

    def all(self) -> dict[str, dict[str, Any]]:
        """By name, in the shape of ARM."""
        own = self._recording.get("deployments", [])
        old = {
            one["name"]: {**one, "model": self._own_tuned() if one["model"] == "tuned" else one["model"]} for one in own
        }
        gone = self._state.of("deployments")
        there = {name: one for name, one in (old | gone).items() if not one.get("deleted")}
        return {name: self._shown(name, one) for name, one in there.items() if not self._expired(one)}

    def answering(self, name: str) -> tuple[str | None, bool]:
        """The model behind a deployment, None where there is none, and whether it answers: later than it came up."""
        one = self.all().get(name)
        if one is None:
            return None, False
        kept = self._state.of("deployments").get(name)
        ready = kept is None or self._position(kept) >= self._recording["provisioning"]["ready"]
        return str(one["properties"]["model"]["name"]), ready

    def put(self, name: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Begin to make one, or refuse as Azure does."""
        model, sku = body["properties"]["model"], body["sku"]
        if model["format"] != "OpenAI":
            return 500, None  # what the service really does with a format that is not the model's
        if model["name"] not in self._known():
            named = f"'Format: {model['format']}, Name: {model['name']}, Version: {model['version']}'"
            said = f"The model {named} of account deployment is not supported."
            return 400, _error("DeploymentModelNotSupported", said)
        quota = int(self._recording["provisioning"]["quota"])
        if int(sku["capacity"]) > quota:
            said = (
                f"This operation require {sku['capacity']} new capacity in quota Tokens Per Minute (thousands), which "
                f"is bigger than the current available capacity {quota}."
            )
            return 400, _error("InsufficientQuota", said)
        kept = {"model": model["name"], "sku": sku["name"], "capacity": sku["capacity"], "created_at": self._now()}
        self._state.keep("deployments", name, kept)
        return 201, self._shown(name, kept)

    def delete(self, name: str) -> tuple[int, Any]:
        """Azure says 204 where there was none."""
        if name not in self.all():
            return 204, None
        self._state.keep("deployments", name, {"deleted": True})
        return 200, None

    def _expired(self, one: Mapping[str, Any]) -> bool:
        return one["sku"] == "DeveloperTier" and self._now() - float(one["created_at"]) > _DEVELOPER_S

    def _position(self, one: Mapping[str, Any]) -> float:
        """Recorded seconds since it was asked for."""
        return (self._now() - float(one["created_at"])) * float(self._recording["speed"])

    def _shown(self, name: str, one: Mapping[str, Any]) -> dict[str, Any]:
        steps, at = self._recording["provisioning"]["states"], self._position(one)
        base = self._recording["resource_id"]
        made = datetime.fromtimestamp(one["created_at"], UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1Z"
        tuned = ".ft-" in one["model"] or one["model"].startswith("ftchkpt-")
        capacity = int(one["capacity"])
        return {
            "id": f"{base}/deployments/{name}",
            "type": "Microsoft.CognitiveServices/accounts/deployments",
            "name": name,
            "sku": {"name": one["sku"], "capacity": capacity},
            "properties": {
                "model": {"format": "OpenAI", "name": one["model"], "version": "1" if tuned else "2025-04-14"},
                "versionUpgradeOption": "NoAutoUpgrade",
                "currentCapacity": capacity,
                "capabilities": {"area": "EUR", "chatCompletion": "true", "maxContextToken": "65536"},
                "provisioningState": str([state for begin, state in steps if begin <= at][-1]),
                "rateLimits": [
                    {"key": "request", "renewalPeriod": 60, "count": capacity},
                    {"key": "token", "renewalPeriod": 60, "count": capacity * 1000},
                ],
            },
            "systemData": {
                "createdBy": "someone@example.com",
                "createdByType": "User",
                "createdAt": made,
                "lastModifiedAt": made,
            },
            "etag": f'"{hashlib.sha256(name.encode()).hexdigest()[:32]}"',
        }


class ReplayArmTransport(httpx2.AsyncBaseTransport):
    """Answers the resource manager's requests of one recording."""

    def __init__(self, name: str, state: Path | None = None) -> None:
        played = recording(name)
        self._base = f"{played['resource_id']}/deployments"
        self._deployments = ReplayedDeployments(played, ReplayState(state), now)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request."""
        await request.aread()
        status, body = self._answer(request)
        # Deployments that are under way say when to look again.
        headers = {"Retry-After": "5"} if status == 201 else {}
        if body is None:
            return httpx2.Response(status, headers=headers, request=request)
        return httpx2.Response(status, json=body, headers=headers, request=request)

    def _answer(self, request: httpx2.Request) -> tuple[int, Any]:
        path = request.url.path
        if "api-version" not in request.url.params:
            said = "The api-version query parameter (?api-version=) is required for all requests."
            return 400, _error("MissingApiVersionParameter", said)
        if not path.startswith(self._base):
            return 404, _error("ResourceNotFound", f"The Resource '{path}' was not found.")
        name = unquote(path[len(self._base) :].strip("/"))
        found = self._deployments.all()
        match request.method:
            case "GET" if not name:
                return 200, {"value": list(found.values())}
            case "GET" if name in found:
                return 200, found[name]
            case "PUT":
                return self._deployments.put(name, json.loads(request.content))
            case "DELETE":
                return self._deployments.delete(name)
        return 404, _error("DeploymentNotFound", f"The API deployment '{name}' does not exist.")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
