"""The files of a recording: its own, those that were sent whole or in parts, and the results of its jobs."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from workbench.providers.replay_job import replayed_jobs
from workbench.providers.replay_state import ReplayState

_KEPT = 1_000_000
"""Bytes up to which a file that was sent can be read back."""
_UPLOAD_S = 3600
"""An upload in parts lives an hour."""
_HEAD = re.compile(rb'name="([^"]*)"(?:; filename="([^"]*)")?', re.IGNORECASE)

Answered = tuple[int, Any]


class ReplayedFiles:
    """The files' side of one recording."""

    def __init__(self, recording: Mapping[str, Any], state: ReplayState, now: Callable[[], float]) -> None:
        self._recording, self._state, self._now = recording, state, now

    def all(self) -> list[dict[str, Any]]:
        """GET /files."""
        known = {
            name: {"filename": one["filename"], "bytes": len(one["content"]), "created_at": 1_763_799_000}
            for name, one in self._recording["files"].items()
        } | self._state.of("files")
        return [_file(name, one) for name, one in known.items()]

    def content(self, file_id: str) -> bytes | None:
        """GET /files/{id}/content; None where there is no such file, or it is not kept."""
        if file_id in self._recording["files"]:
            return str(self._recording["files"][file_id]["content"]).encode()
        for job in replayed_jobs(self._recording, self._state):
            if file_id in job.object(self._now()).get("result_files", []):
                results = str(job.template["results"]).encode()
                return base64.b64encode(results) if job.template["results_base64"] else results
        text = self._state.of("files").get(file_id, {}).get("text")
        return None if text is None else str(text).encode()

    def upload(self, request: httpx2.Request) -> dict[str, Any]:
        """POST /files."""
        fields = _fields(request)
        name, data = fields.get("file", ("uploaded.jsonl", b""))
        return self._kept(name, fields.get("purpose", ("", b"fine-tune"))[1].decode(), data, len(data))

    def _kept(self, name: str, purpose: str, data: bytes | None, size: int) -> dict[str, Any]:
        at = self._now()
        digest = hashlib.sha256(f"{name}/{at}/{len(self._state.of('files'))}".encode()).hexdigest()
        one: dict[str, Any] = {"filename": name, "bytes": size, "created_at": int(at), "purpose": purpose}
        if data is not None and size <= _KEPT:
            one["text"] = data.decode("utf-8", "replace")
        self._state.keep("files", f"file-replayed{digest[:16]}", one)
        return _file(f"file-replayed{digest[:16]}", one)

    # In parts

    def answer_uploads(self, request: httpx2.Request, parts: list[str], body: Callable[[], Any]) -> Answered | None:
        """POST /uploads and below; None for what is no call of it."""
        match parts:
            case []:
                return 200, self._begin(body())
            case [name, step] if step in ("parts", "complete", "cancel"):
                under_way = self._state.of("uploads").get(name)
                if under_way is None or under_way["status"] != "pending":
                    said = f"Upload {name} is not pending." if under_way else f"No such Upload object: {name}"
                    return 400 if under_way else 404, _error(said)
                if step == "parts":
                    return 200, self._part(name, under_way, _fields(request).get("data", ("", b""))[1])
                if step == "complete":
                    return self._complete(name, under_way, body().get("part_ids") or [])
                return 200, self._put(name, {**under_way, "status": "cancelled"})
        return None

    def _begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name = f"upload_replayed{len(self._state.of('uploads')):04}"
        made = {key: body[key] for key in ("bytes", "filename", "purpose")}
        at = int(self._now())
        times = {"created_at": at, "expires_at": at + _UPLOAD_S}
        return self._put(name, {**made, **times, "status": "pending", "file": None, "parts": {}})

    def _part(self, name: str, under_way: Mapping[str, Any], data: bytes) -> dict[str, Any]:
        part = f"part_{name[7:]}_{len(under_way['parts']):04}"
        self._put(name, {**under_way, "parts": {**under_way["parts"], part: len(data)}})
        return {"id": part, "object": "upload.part", "created_at": int(self._now()), "upload_id": name}

    def _complete(self, name: str, under_way: Mapping[str, Any], chosen: list[str]) -> Answered:
        sent = sum(under_way["parts"].get(part, 0) for part in chosen)
        if sent != under_way["bytes"]:
            said = f"The parts hold {sent} bytes, the upload was announced with {under_way['bytes']}."
            return 400, _error(said)
        file = self._kept(under_way["filename"], under_way["purpose"], None, sent)
        return 200, self._put(name, {**under_way, "status": "completed", "file": file})

    def _put(self, name: str, one: dict[str, Any]) -> dict[str, Any]:
        self._state.keep("uploads", name, one)
        return {"id": name, "object": "upload", **{key: value for key, value in one.items() if key != "parts"}}


def _file(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in one.items() if key != "text"}
    return {"id": name, "object": "file", "purpose": "fine-tune", "status": "processed", **told}


def _fields(request: httpx2.Request) -> dict[str, tuple[str, bytes]]:
    """The fields of a form, each with its file's name."""
    kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    if not kind.startswith("multipart/form-data") or not boundary:
        return {}
    found = {}
    for part in (b"\r\n" + request.content).split(b"\r\n--" + boundary.strip('"').encode())[1:]:
        head, _, data = part.partition(b"\r\n\r\n")
        if named := _HEAD.search(head):
            found[named[1].decode()] = ((named[2] or b"").decode("utf-8", "replace"), data)
    return found


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
