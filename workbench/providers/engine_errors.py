"""What our own engine says when it refuses, as the sentence it was raised with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError


class EngineError(WorkbenchError):
    """The engine said no, did not start, or is not ours to use."""

    code = "engine"


def refusal(status: int, content: bytes, path: str) -> EngineError:
    """The engine's `{"error": …}` as what it was when it was raised there."""
    error: Any = None
    with contextlib.suppress(ValueError, AttributeError):
        error = json.loads(content).get("error")
    return _as_error(error, path, f"refused {path} with HTTP status {status}")


def _as_error(error: Any, path: str, otherwise: str) -> EngineError:
    if not isinstance(error, Mapping):
        return EngineError("the engine", otherwise)
    message, hint = str(error.get("message") or otherwise), str(error.get("hint") or "")
    what, separator, why = message.partition(": ")
    code = error.get("code")
    if not separator:
        what, why = f"the engine, {path}", message
    return EngineError(what, why, hint, code=str(code) if code else None)


def progress_line(line: str, path: str) -> dict[str, Any]:
    """One line of an NDJSON answer; raises the `EngineError` that it may hold."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EngineError("the engine", f"sent a line during {path} that is no JSON object")
    if found.get("error"):
        raise _as_error(found["error"], path, f"gave up on {path}")
    return found
