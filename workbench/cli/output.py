"""What commands print: one JSON document, or aligned text; progress and errors on stderr."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from workbench.errors import WorkbenchError
from workbench.terminal.escape import visible


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: pydantic models, dataclasses, paths, sets; NaN becomes null."""
    import dataclasses  # pulls in inspect: not for --version

    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def emit_json(value: Any, *, indent: int | None = 2) -> None:
    """Print the one JSON document, or one line of several with `indent=None`."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # an ASCII terminal, or half a surrogate pair out of a file name or a record
        text = json.dumps(plain(value), indent=indent)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str = "") -> None:
    """A line on stdout; control characters in it are shown, never obeyed."""
    sys.stdout.write("\n".join(visible(line) for line in text.split("\n")) + "\n")


def note(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def table(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> None:
    """Aligned columns; numbers to the right."""
    body = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
    numeric = [bool(body) and all(_is_number(row[i]) for row in body) for i in range(len(headers))]
    widths = [
        max(len(headers[i]), *(len(row[i]) for row in body)) if body else len(headers[i]) for i in range(len(headers))
    ]
    for row in [list(headers), *body]:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def failure(args: argparse.Namespace, error: WorkbenchError) -> int:
    """Print an error as the contract says, also into a stream of JSON lines; returns its exit code."""
    if getattr(args, "json", False):
        with contextlib.suppress(OSError):  # nobody reads any more, or the disk is full: stderr still says it
            emit_json({"error": {"code": error.code, "message": error.message, "hint": error.hint}}, indent=None)
    note(" ".join(f"ftwb: {error}".splitlines()))
    return error.exit_code


def leave_stdout() -> None:
    """Nothing more can be written there: what is still buffered must not fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def figure(value: Any, digits: int = 2) -> str:
    """A Figure with its origin, for people."""
    if value is None or value.value is None:
        return "not measured"
    return f"{value.value:,.{digits}f} {value.unit} ({value.origin})"


def figure_with_source(value: Any, digits: int = 2) -> str:
    """The same with where it comes from and of which day."""
    from workbench.catalog.figure import RECORDED

    dated, source = f", as of {value.as_of}" if value.as_of else "", (value.source or "").removeprefix(RECORDED)
    return f"{figure(value, digits)}{': ' if source else ''}{source}{dated}"


def when(timestamp: int | None) -> str:
    """A Unix time in the person's own zone, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(timestamp)) if timestamp else "-"


def fetched(notice: Any) -> str:
    """How far a model's fetching is, from its notice."""
    return f"{notice.text}, {notice.fraction:.0%}" if notice.fraction is not None else str(notice.text)


class ProgressLine:
    """One line on stderr that is rewritten on a terminal, and printed now and then elsewhere.

    Left as a context, also by an error or Ctrl-C, it ends its line: what is said next stands on one of its own.
    """

    _EVERY_S = 10.0

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""
        self._printed_at = 0.0

    def __call__(self, text: str, *, phase_changed: bool = False) -> None:
        text = visible(text)
        if self._terminal:
            if phase_changed and self._last:
                sys.stderr.write("\n")
            # A line that wraps could not be taken back.
            sys.stderr.write("\r\x1b[2K" + text[: shutil.get_terminal_size().columns - 1])
        elif phase_changed or time.monotonic() - self._printed_at >= self._EVERY_S:
            sys.stderr.write(text + "\n")
            self._printed_at = time.monotonic()
        self._last = text
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal and self._last:
            sys.stderr.write("\n")
            sys.stderr.flush()
        self._last = ""


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "").rstrip("%"))
    except ValueError:
        return cell in ("", "-")
    return True
