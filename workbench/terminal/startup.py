"""A quick start: what Python does at start that a person should not wait for."""

from __future__ import annotations

import gc
from collections.abc import MutableMapping


def begin_quickly(environ: MutableMapping[str, str]) -> None:
    """Before the heavy imports: no garbage collection (imports make none worth it) and no search for pydantic plugins.

    Measured here: together about a sixth of the CPU until the first paint. `settle` ends it.
    """
    gc.disable()
    environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def settle() -> None:
    """After the first paint: collect again, but never look again at what the imports made."""
    gc.freeze()
    gc.enable()
