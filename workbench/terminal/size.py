"""How small a terminal may be."""

from __future__ import annotations

DESIGNED = (80, 24)
"""Columns and rows for which every screen is complete."""
SMALLEST = (60, 18)
"""Below this nothing useful fits; between the two, lists get shorter (tmux's status line takes a row of the 24)."""


def too_small(width: int, height: int) -> str | None:
    """What to say in a terminal of this size, or None where the app fits."""
    if width >= SMALLEST[0] and height >= SMALLEST[1]:
        return None
    needed = f"ftwb needs {DESIGNED[0]}×{DESIGNED[1]}"
    return f"{needed}\nthis terminal is {width}×{height}\n\nMake it larger:\nnothing is lost."
