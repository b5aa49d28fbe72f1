"""Where the workspace and the cache are on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

_NAME = "ftwb"


def home(explicit: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The workspace folder: `--workspace`, else `FTWB_HOME`, else the platform's user data folder.

    Always absolute; nothing is created.
    """
    chosen = explicit or environ.get("FTWB_HOME") or platformdirs.user_data_path(_NAME, appauthor=False)
    return Path(chosen).expanduser().absolute()


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """What can be made again and is shared by workspaces: `FTWB_CACHE`, else the platform's user cache folder."""
    chosen = environ.get("FTWB_CACHE") or platformdirs.user_cache_path(_NAME, appauthor=False)
    return Path(chosen).expanduser().absolute()
