"""How a value from the data is quoted in a finding: short, on one line, nothing in it obeyed."""

from __future__ import annotations

_LONGEST = 40  # characters


def quote(value: object) -> str:
    """The value as Python writes it (control characters escaped), cut in the middle of nowhere if it is long."""
    text = repr(value if not isinstance(value, str) else value[: _LONGEST + 1])
    return text if len(text) <= _LONGEST + 2 else f"{text[:_LONGEST]}…"
