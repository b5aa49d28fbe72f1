"""What the models of a recording say: replies, stored completions, vectors."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.providers.replay_state import ReplayState

_DIMENSIONS = 1536
"""Of text-embedding-3-small."""

Answered = tuple[int, Any]


class ReplayedAnswers:
    """The models' side of one recording."""

    def __init__(self, recording: Mapping[str, Any], state: ReplayState, now: Callable[[], float]) -> None:
        self._recording, self._state, self._now = recording, state, now

    # Replies

    def chat(self, body: Mapping[str, Any]) -> Answered:
        """POST /chat/completions for a model that is there: JSON, or with `stream` the text of an event stream."""
        if (refused := self._recording.get("refused", {}).get(_asked(body))) is not None:
            return int(refused["status"]), refused["body"]
        made = self._completion(body)
        if body.get("store") and "completions" in self._recording:
            kept = {**made, "metadata": body.get("metadata") or {}, "asked": body["messages"]}
            self._state.keep("completions", str(made["id"]), kept)
        return 200, _stream(made, self._recording) if body.get("stream") else made

    def _completion(self, body: Mapping[str, Any]) -> dict[str, Any]:
        text = str(self._recording["answers"].get(_asked(body), self._recording["otherwise"]))
        counts = [sum(len(str(one.get("content")).split()) for one in body["messages"]), len(text.split())]
        usage = {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}
        digest = hashlib.sha256(json.dumps([body["model"], body["messages"], self._now()], default=str).encode())
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            "id": f"chatcmpl-recorded{digest.hexdigest()[:16]}",
            "object": "chat.completion",
            "created": int(self._now()),
            "model": body["model"],
            "system_fingerprint": "recorded",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": {**usage, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}},
        }

    # Stored completions

    def stored(self, tuned: str) -> list[dict[str, Any]]:
        """GET /chat/completions: the oldest first; `tuned` is the recording's own tuned model."""
        return [{key: value for key, value in one.items() if key != "asked"} for one in self._all(tuned)]

    def messages(self, tuned: str, name: str) -> list[dict[str, Any]] | None:
        """GET /chat/completions/{id}/messages: what was asked, every field there; None where there is no such one."""
        one = next((one for one in self._all(tuned) if one["id"] == name), None)
        if one is None:
            return None
        whole = {"role": "user", "content": None, "name": None, "content_parts": None}
        return [{**whole, **message, "id": f"{name}-{number}"} for number, message in enumerate(one["asked"])]

    def _all(self, tuned: str) -> list[dict[str, Any]]:
        base = str(self._recording["models"][0]["id"])
        old = [
            {**one, "model": tuned if one["model"] == "tuned" else base}
            for one in self._recording.get("completions", [])
        ]
        return sorted([*old, *self._state.of("completions").values()], key=lambda one: (one["created"], one["id"]))

    # Vectors

    def embeddings(self, body: Mapping[str, Any]) -> Answered:
        """POST /embeddings: composed of the words of a text, so that texts that share words are near each other."""
        texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
        vectors = [_vector(str(text), int(body.get("dimensions") or _DIMENSIONS)) for text in texts]
        # What the SDK asks for unless it is told otherwise.
        packed = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(len(str(text).split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return 200, {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _asked(body: Mapping[str, Any]) -> str:
    return str((body.get("messages") or [{}])[-1].get("content"))


def _stream(made: Mapping[str, Any], recording: Mapping[str, Any]) -> str:
    head = {key: made[key] for key in ("id", "created", "model", "system_fingerprint")}
    text = str(made["choices"][0]["message"]["content"])
    chunks: list[dict[str, Any]] = []
    if recording["kind"] == "azure":  # the verdict on the prompt comes first, in a chunk without a choice
        filtered = [{"prompt_index": 0, "content_filter_results": {}}]
        chunks.append({"choices": [], "prompt_filter_results": filtered, "model": "", "id": "", "created": 0})
    for delta, reason in (({"role": "assistant", "content": text}, None), ({}, "stop")):
        chunks.append({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    chunks.append({"choices": [], "usage": made["usage"]})
    lines = [f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', **chunk})}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"])


def _vector(text: str, dimensions: int) -> list[float]:
    """A bag of words, each in one place, of length 1."""
    found = [0.0] * dimensions
    for word in text.lower().split() or [""]:
        found[zlib.crc32(word.encode("utf-8", "surrogatepass")) % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in found))
    return [value / length for value in found]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
