"""A generic TOML document store."""

from __future__ import annotations

from workbench.workspace.errors import BrokenDocument, NewerDocument, WorkspaceLocked
from workbench.workspace.lines import append_line, read_lines
from workbench.workspace.paths import cache, home
from workbench.workspace.store import Store

__all__ = [
    "BrokenDocument",
    "NewerDocument",
    "Store",
    "WorkspaceLocked",
    "append_line",
    "cache",
    "home",
    "read_lines",
]
