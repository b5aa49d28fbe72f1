"""What the rules about copies need to know beforehand: near copies in a file, and what other files have of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.dataset.rows import Rows, open_rows
from workbench.dataset.rules.facts import Leak


def leaks(rows: Rows, against: Sequence[Path]) -> list[Leak]:
    """The records that one of the files has too, whole or by their question; by file, then by line."""
    from workbench.dataset.duplicates import leaked

    found: list[Leak] = []
    for path in against:
        with open_rows(path) as others:
            found += [Leak(leak.line, str(path), leak.against_line, leak.kind) for leak in leaked(rows, others)]
    return found


def near_copies(rows: Rows) -> list[tuple[int, int, float]]:
    """(line, line of the first of its group, similarity) of every near copy but the first."""
    from workbench.dataset.duplicates import find_duplicates

    groups = find_duplicates(rows).near
    return [(line, group.lines[0], group.similarity) for group in groups for line in group.lines[1:]]
