"""The format of a file, told by its first records."""

from __future__ import annotations

from pathlib import Path

from workbench.dataset.formats import Detected, detect
from workbench.dataset.rows import DecodeError, Rows
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rows.open import open_first

SAMPLE = 1000
"""Records that are looked at."""


def told(rows: Rows) -> Detected:
    """The format that most of the first records have, with the lines on which the others begin in the reason."""
    values: list[object] = []
    lines: list[int] = []
    for number, value in rows.records():
        if len(values) == SAMPLE:
            break
        if not isinstance(value, DecodeError):
            values.append(value)
            lines.append(rows.line(number))
    return detect(values, lines)


def open_for_format(path: Path) -> Rows:
    """The file with as many of its rows known as tell its format; `Rows.index_rest` finds the others."""
    rows = open_first(path)
    try:
        if isinstance(rows.index, LineIndex) and not rows.complete:
            for _ in rows.index.extend(rows.fd, rows.size):
                if len(rows) > 2 * SAMPLE:
                    break
    except BaseException:
        rows.close()
        raise
    return rows
