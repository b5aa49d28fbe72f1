"""The format of a file, told by its first records."""

from __future__ import annotations

from workbench.dataset.formats import Detected, detect
from workbench.dataset.rows import DecodeError, Rows

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
