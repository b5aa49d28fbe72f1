"""The bundled recordings, by name, and the time that they play by."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from workbench.errors import WorkbenchError
from workbench.resources import samples_dir

_PLAIN_NAME = re.compile(r"[a-z0-9-]+")


_clocks: list[Callable[[], float]] = [time.time]


def now() -> float:
    """The time of all recordings, in unix seconds."""
    return _clocks[-1]()


@contextmanager
def playing_by(clock: Callable[[], float]) -> Iterator[None]:
    """Inside, recordings play by this clock."""
    _clocks.append(clock)
    try:
        yield
    finally:
        _clocks.remove(clock)


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
