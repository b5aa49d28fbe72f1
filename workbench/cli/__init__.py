"""The command line: one module a noun; parse, call, print."""

from __future__ import annotations

from workbench.cli.entry import main

__all__ = ["main"]
