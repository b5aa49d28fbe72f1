"""The bundled recordings, by name."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from workbench.errors import WorkbenchError
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
