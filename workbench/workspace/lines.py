"""Append-only files of JSON lines: one writer, a torn last line is dropped."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.workspace.errors import unreadable, unwritable


def append_line(path: Path, obj: Mapping[str, Any]) -> None:
    """Append one object and return when it is on the disk; a line torn by an earlier crash is cut off first.

    A `WorkbenchError` leaves the file as it was.
    """
    line = json.dumps(obj, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        end = _end_of_lines(fd)
        os.ftruncate(fd, end)
        try:
            _write(fd, line, end)
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, end)
            raise
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        os.close(fd)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line that is a JSON object; a missing file has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(path, error) from error
    found = []
    for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
        with contextlib.suppress(ValueError):
            obj = json.loads(line.decode("utf-8", "surrogatepass"))
            if isinstance(obj, dict):
                found.append(obj)
    return found


def _end_of_lines(fd: int, block: int = 65536) -> int:
    """The offset after the last newline."""
    position = os.fstat(fd).st_size
    while position > 0:
        start = max(0, position - block)
        newline = os.pread(fd, position - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0


def _write(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
