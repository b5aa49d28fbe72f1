"""A provider out of a recording: its answers in the shapes of the real ones, without network, key or bill."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

from workbench.errors import WorkbenchError
from workbench.providers.replay_job import ReplayedJob
from workbench.resources import samples_dir

_PLAIN_NAME = re.compile(r"[a-z0-9-]+")


def recordings() -> list[str]:
    """The names of the bundled recordings."""
    return sorted(path.stem for path in (samples_dir() / "replay").glob("*.json"))


@cache
def recording(name: str) -> dict[str, Any]:
    """A bundled recording by its name. Raises WorkbenchError for any other."""
    path = samples_dir() / "replay" / f"{name}.json"
    if not _PLAIN_NAME.fullmatch(name) or not path.is_file():
        hint = f"there are {', '.join(recordings())}"
        raise WorkbenchError(f"recording {name!r}", "does not exist", hint, code="usage", exit_code=2)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return recording(str(found["like"])) | found if "like" in found else found


class ReplayTransport(httpx2.AsyncBaseTransport):
    """Answers the SDK's requests. What is created is remembered in `state`, so that it goes on in the next process."""

    def __init__(self, name: str, state: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._recording, self._state_path, self._now = recording(name), state, now
        self._memory: dict[str, Any] = {"jobs": {}, "files": {}}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request."""
        await request.aread()
        parts = request.url.path.split("/v1/", 1)[-1].strip("/").split("/")
        status, body = self._answer(request, parts)
        if isinstance(body, bytes):
            return httpx2.Response(status, content=body, request=request)
        if isinstance(body, str):
            kind = {"content-type": "text/event-stream"}
            return httpx2.Response(status, content=body.encode(), headers=kind, request=request)
        return httpx2.Response(status, json=body, request=request)

    def _answer(self, request: httpx2.Request, parts: list[str]) -> tuple[int, Any]:
        match request.method, parts:
            case "GET", ["models"]:
                return 200, {"object": "list", "data": self._models()}
            case "GET", ["models", *name]:
                return self._one(self._models(), "/".join(name), "model")
            case "POST", ["files"]:
                return 200, self._upload(request.content)
            case "GET", ["files"]:
                return 200, _page(request, self._files())
            case "GET", ["files", file_id]:
                return self._one(self._files(), file_id, "id")
            case "GET", ["files", file_id, "content"]:
                return self._content(file_id)
            case _, ["fine_tuning", "jobs", *rest]:
                return self._answer_jobs(request, rest)
            case "POST", ["chat", "completions"]:
                return self._chat(json.loads(request.content))
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

    # What there is

    def _jobs(self) -> list[ReplayedJob]:
        """The newest first."""
        template, state = self._recording["job"], self._state()
        made = [ReplayedJob.from_state(template, one, self._recording["speed"]) for one in state["jobs"].values()]
        old = [ReplayedJob.finished(template, one) for one in self._recording["finished"]]
        return sorted([*made, *old], key=lambda job: (job.created_at, job.id), reverse=True)

    def _models(self) -> list[dict[str, Any]]:
        base, found = self._recording["models"][0], list(self._recording["models"])
        for job in self._jobs():
            names = [job.object(self._now())["fine_tuned_model"]]
            names += [one["fine_tuned_model_checkpoint"] for one in job.checkpoints(self._now())]
            found += [{**base, "id": name, "created": job.created_at, "owned_by": "recorded"} for name in names if name]
        return found

    def _files(self) -> list[dict[str, Any]]:
        known = {
            name: {"filename": one["filename"], "bytes": len(one["content"]), "created_at": 1_763_799_000}
            for name, one in self._recording["files"].items()
        } | self._state()["files"]
        return [
            {"id": name, "object": "file", "purpose": "fine-tune", "status": "processed", **one}
            for name, one in known.items()
        ]

    def _content(self, file_id: str) -> tuple[int, Any]:
        if file_id in self._recording["files"]:
            return 200, str(self._recording["files"][file_id]["content"]).encode()
        template = self._recording["job"]
        if any(file_id in job.object(self._now()).get("result_files", []) for job in self._jobs()):
            content = str(template["results"]).encode()
            return 200, base64.b64encode(content) if template["results_base64"] else content
        return _error(404, f"No such File object: {file_id}", None)

    # What is done

    def _upload(self, content: bytes) -> dict[str, Any]:
        file_id = f"file-replayed{hashlib.sha256(content).hexdigest()[:16]}"
        one = {"filename": "uploaded.jsonl", "bytes": len(content), "created_at": int(self._now())}
        self._keep("files", file_id, one)
        return {"id": file_id, "object": "file", "purpose": "fine-tune", "status": "processed", **one}

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        refused = self._recording["create_error"]
        if refused is None and body.get("model") not in {model["id"] for model in self._models()}:
            refused = self._recording.get("unversioned")
            if refused is None:
                return _error(404, f"The model `{body.get('model')}` does not exist", "model_not_found", "model")
        if refused is not None:
            return int(refused["status"]), refused["body"]
        job_id = f"ftjob-replayed{int(self._now() * 1000):x}{os.getpid():x}"
        self._keep("jobs", job_id, {"id": job_id, "created": self._now(), "body": body, "marks": []})
        return self._of_job(job_id, lambda job: job.object(self._now()))

    def _act(self, job_id: str, action: str) -> tuple[int, Any]:
        one = self._state()["jobs"].get(job_id)
        if one is None:
            return _error(400, "This job of the recording has ended.", "invalid_status")
        status = ReplayedJob.from_state(self._recording["job"], one, self._recording["speed"]).status(self._now())
        if status in ("succeeded", "cancelled", "failed") or (action == "resume") != (
            status == "paused" and action != "cancel"
        ):
            return _error(400, f"The job is {status}.", "invalid_status")
        self._keep("jobs", job_id, {**one, "marks": [*one["marks"], [action, self._now()]]})
        return self._of_job(job_id, lambda job: job.object(self._now()))

    def _chat(self, body: dict[str, Any]) -> tuple[int, Any]:
        model = body.get("model")
        if model not in {one["id"] for one in self._models()}:
            return _error(404, f"The model `{model}` does not exist", "model_not_found", "model")
        asked = str((body.get("messages") or [{}])[-1].get("content"))
        text = str(self._recording["answers"].get(asked, self._recording["otherwise"]))
        words = [sum(len(str(one.get("content")).split()) for one in body["messages"]), len(text.split())]
        usage = {"prompt_tokens": words[0], "completion_tokens": words[1], "total_tokens": sum(words)}
        head = {
            "id": "chatcmpl-recorded",
            "created": int(self._now()),
            "model": model,
            "system_fingerprint": "recorded",
        }
        if not body.get("stream"):
            message = {"role": "assistant", "content": text, "refusal": None}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
            return 200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        deltas: Iterable[tuple[dict[str, Any], str | None]] = [
            ({"role": "assistant", "content": text}, None),
            ({}, "stop"),
        ]
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in deltas] + [
            {"choices": [], "usage": usage}
        ]
        lines = [f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', **chunk})}\n\n" for chunk in chunks]
        return 200, "".join([*lines, "data: [DONE]\n\n"])

    # What stays

    def _of_job(self, job_id: str, tell: Callable[[ReplayedJob], Any]) -> tuple[int, Any]:
        job = next((one for one in self._jobs() if one.id == job_id), None)
        return (200, tell(job)) if job else _error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found")

    def _one(self, found: list[dict[str, Any]], name: str, param: str) -> tuple[int, Any]:
        one = next((one for one in found if one["id"] == name), None)
        return (200, one) if one else _error(404, f"No such object: {name}", "not_found", param)

    def _state(self) -> dict[str, Any]:
        if self._state_path is None:
            return self._memory
        try:
            found = json.loads(self._state_path.read_bytes())
        except (OSError, ValueError):
            found = None
        return found if isinstance(found, dict) and {"jobs", "files"} <= set(found) else {"jobs": {}, "files": {}}

    def _keep(self, what: str, name: str, value: dict[str, Any]) -> None:
        state = self._state()
        state[what][name] = value
        if self._state_path is None:
            return
        try:
            self._state_path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._state_path.parent, prefix=".replay-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(state, file)
            Path(draft).replace(self._state_path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkbenchError(str(self._state_path), f"cannot be written ({why})", "free some space") from error


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
