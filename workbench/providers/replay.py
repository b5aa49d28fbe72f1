"""A provider out of a recording: its answers in the shapes of the real ones, without network, key or bill."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from workbench.providers.recordings import now, recording
from workbench.providers.replay_answers import ReplayedAnswers
from workbench.providers.replay_deployments import ReplayedDeployments
from workbench.providers.replay_files import ReplayedFiles
from workbench.providers.replay_job import ReplayedJob, made_models, replayed_jobs
from workbench.providers.replay_state import ReplayState

_UNVERSIONED = {"", "v1", "preview"}
"""What `api-version` may be on Azure's v1 route."""


class ReplayTransport(httpx2.AsyncBaseTransport):
    """Answers the SDK's requests. What is created is remembered in `state`, so that it goes on in the next process."""

    def __init__(self, name: str, state: Path | None = None) -> None:
        self._recording, self._state, self._now = recording(name), ReplayState(state), now
        self._answers = ReplayedAnswers(self._recording, self._state, now)
        self._files = ReplayedFiles(self._recording, self._state, now)
        self._deployments = ReplayedDeployments(self._recording, self._state, now)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request."""
        await request.aread()
        parts = request.url.path.split("/v1/", 1)[-1].strip("/").split("/")
        if (fault := self._fault(request.method, "/".join(parts))) is not None:
            if fault.get("carried_out"):
                self._answer(request, parts)
            if fault.get("status") is None:
                raise httpx2.ReadError("the connection was closed", request=request)
            body = fault["body"] if isinstance(fault["body"], str) else json.dumps(fault["body"])
            return httpx2.Response(fault["status"], text=body, headers=fault.get("headers") or {}, request=request)
        status, answer = self._answer(request, parts)
        if isinstance(answer, bytes):
            return httpx2.Response(status, content=answer, request=request)
        if isinstance(answer, str):
            kind = {"content-type": "text/event-stream"}
            return httpx2.Response(status, content=answer.encode(), headers=kind, request=request)
        return httpx2.Response(status, json=answer, request=request)

    def _fault(self, method: str, path: str) -> Mapping[str, Any] | None:
        """The next trouble of the recording for such a request; each comes once."""
        for number, one in enumerate(self._recording.get("faults", [])):
            if (
                one["method"] == method
                and re.fullmatch(one["path"], path)
                and str(number) not in self._state.of("faults")
            ):
                self._state.keep("faults", str(number), True)
                found: Mapping[str, Any] = one
                return found
        return None

    def _answer(self, request: httpx2.Request, parts: list[str]) -> tuple[int, Any]:
        if self._azure and request.url.params.get("api-version", "") not in _UNVERSIONED:
            said = "api-version query parameter is not allowed when using /v1 path"
            return 400, {"error": {"code": "BadRequest", "message": said}}
        match request.method, parts:
            case "GET", ["models"]:
                return 200, {"object": "list", "data": self._models()}
            case "GET", ["models", *name]:
                return self._one(self._models(), "/".join(name), "model")
            case "POST", ["files"]:
                return 200, self._files.upload(request)
            case "GET", ["files"]:
                return 200, _page(request, self._files.all())
            case "GET", ["files", file_id]:
                return self._one(self._files.all(), file_id, "id")
            case "GET", ["files", file_id, "content"]:
                content = self._files.content(file_id)
                return (200, content) if content is not None else _error(404, f"No such File object: {file_id}", None)
            case "POST", ["uploads", *rest] if not self._azure:  # Azure documents them for its older API alone
                answered = self._files.answer_uploads(request, rest, lambda: json.loads(request.content))
                return answered or _NOT_HELD
            case _, ["fine_tuning", "jobs", *rest]:
                return self._answer_jobs(request, rest)
            case "POST", ["chat", "completions"]:
                return self._ask(json.loads(request.content), self._answers.chat)
            case "POST", ["embeddings"]:
                return self._embed(json.loads(request.content))
            case "GET", ["chat", "completions", *rest] if "completions" in self._recording:
                return self._answer_stored(request, rest)
        return _NOT_HELD

    def _answer_jobs(self, request: httpx2.Request, parts: list[str]) -> tuple[int, Any]:
        match request.method, parts:
            case "POST", []:
                return self._create(json.loads(request.content))
            case "GET", []:
                return 200, _page(request, [job.object(self._now()) for job in self._jobs() if _wanted(job, request)])
            case "GET", [job_id]:
                return self._of_job(job_id, lambda job: job.object(self._now()))
            case "GET", [job_id, "events"]:
                return self._of_job(job_id, lambda job: _page(request, job.events(self._now())))
            case "GET", [job_id, "checkpoints"]:
                return self._of_job(job_id, lambda job: _page(request, job.checkpoints(self._now())))
            case "POST", [job_id, "cancel" | "pause" | "resume" as action]:
                return self._act(job_id, action)
        return _NOT_HELD

    def _answer_stored(self, request: httpx2.Request, parts: list[str]) -> tuple[int, Any]:
        tuned = str(self._jobs()[-1].object(self._now())["fine_tuned_model"])
        stored, model = self._answers.stored(tuned), request.url.params.get("model")
        match parts:
            case []:
                return 200, _page(request, [one for one in stored if model in (None, one["model"])])
            case [name]:
                return self._one(stored, name, "id")
            case [name, "messages"]:
                asked = self._answers.messages(tuned, name)
                return (200, _page(request, asked)) if asked is not None else self._one([], name, "id")
        return _NOT_HELD

    # What there is

    @property
    def _azure(self) -> bool:
        return bool(self._recording["kind"] == "azure")

    def _jobs(self) -> list[ReplayedJob]:
        return replayed_jobs(self._recording, self._state)

    def _models(self) -> list[dict[str, Any]]:
        base, found = self._recording["models"][0], list(self._recording["models"])
        return found + [
            {**base, "id": name, "created": job.created_at, "owned_by": "recorded"}
            for name, job in made_models(self._jobs(), self._now())
        ]

    def _trainable(self) -> set[str]:
        return {model["id"] for model in self._models()} - set(self._recording.get("embedding_models", []))

    # What is done

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        refused = self._recording["create_error"]
        if refused is None and body.get("model") not in self._trainable():
            refused = self._recording.get("unversioned")
            if refused is None:
                return _error(404, f"The model `{body.get('model')}` does not exist", "model_not_found", "model")
        if refused is not None:
            return int(refused["status"]), refused["body"]
        job_id = f"ftjob-replayed{int(self._now() * 1000):x}{os.getpid():x}{len(self._state.of('jobs')):x}"
        self._state.keep("jobs", job_id, {"id": job_id, "created": self._now(), "body": body, "marks": []})
        return self._of_job(job_id, lambda job: job.object(self._now()))

    def _act(self, job_id: str, action: str) -> tuple[int, Any]:
        one = self._state.of("jobs").get(job_id)
        if one is None:
            return _error(400, "This job of the recording has ended.", "invalid_status")
        status = next(job for job in self._jobs() if job.id == job_id).status(self._now())
        able = {"cancel": True, "pause": status not in ("pausing", "paused"), "resume": status == "paused"}[action]
        if status in ("succeeded", "cancelled", "failed") or not able:
            return _error(400, f"The job is {status}.", "invalid_status")
        self._state.keep("jobs", job_id, {**one, "marks": [*one["marks"], [action, self._now()]]})
        return self._of_job(job_id, lambda job: job.object(self._now()))

    def _ask(self, body: dict[str, Any], answer: Callable[[Mapping[str, Any]], tuple[int, Any]]) -> tuple[int, Any]:
        """Where there is such a model; at Azure, where a deployment of that name answers."""
        model = str(body.get("model"))
        if self._azure:
            deployed, ready = self._deployments.answering(model)
            if deployed is None or not ready:
                return 404, {"error": _NOT_FOUND if deployed is None else _NOT_READY}
            return answer({**body, "model": deployed})
        if model not in {one["id"] for one in self._models()}:
            return _error(404, f"The model `{model}` does not exist", "model_not_found", "model")
        return answer(body)

    def _embed(self, body: dict[str, Any]) -> tuple[int, Any]:
        def answer(known: Mapping[str, Any]) -> tuple[int, Any]:
            if known["model"] not in self._recording.get("embedding_models", []):
                return _error(403, "You are not allowed to generate embeddings from this model", None)
            return self._answers.embeddings(known)

        return self._ask(body, answer)

    def _of_job(self, job_id: str, tell: Callable[[ReplayedJob], Any]) -> tuple[int, Any]:
        job = next((one for one in self._jobs() if one.id == job_id), None)
        return (200, tell(job)) if job else _error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found")

    def _one(self, found: list[dict[str, Any]], name: str, param: str) -> tuple[int, Any]:
        one = next((one for one in found if one["id"] == name), None)
        return (200, one) if one else _error(404, f"No such object: {name}", "not_found", param)


def _page(request: httpx2.Request, items: list[dict[str, Any]]) -> dict[str, Any]:
    after, limit = request.url.params.get("after"), int(request.url.params.get("limit", "20"))
    start = next((index + 1 for index, one in enumerate(items) if one["id"] == after), 0)
    page = items[start : start + limit]
    return {"object": "list", "data": page, "has_more": start + len(page) < len(items)}


def _wanted(job: ReplayedJob, request: httpx2.Request) -> bool:
    """By `metadata[k]=v`."""
    wanted = {key[9:-1]: value for key, value in request.url.params.items() if key.startswith("metadata[")}
    return all((job.body.get("metadata") or {}).get(key) == value for key, value in wanted.items())


def _error(status: int, message: str, code: str | None, param: str | None = None) -> tuple[int, Mapping[str, Any]]:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


_NOT_HELD = _error(400, "A recording does not hold this call.", "not_recorded")
_NOT_FOUND = {
    "code": "DeploymentNotFound",
    "message": "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
    "minutes, please wait a moment and try again.",
}
_NOT_READY = {"code": "DeploymentNotReady", "message": "The API deployment for this resource is not ready yet."}
