"""The processes that a test has started."""

from __future__ import annotations

import psutil


def children(parent: psutil.Process | None = None, *, recursive: bool = False) -> list[psutil.Process]:
    """Those of `parent`, or of the tests, that run: one that has ended and that nobody has asked about yet is none."""
    found = []
    for child in (parent or psutil.Process()).children(recursive=recursive):
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def running(module: str, parent: psutil.Process | None = None) -> list[psutil.Process]:
    """Those of them that run a module, as in `python -m module`."""
    found = []
    for child in children(parent):
        try:
            if module in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:  # it has ended just now
            continue
    return found
