"""Code inside a text: what a fix of prose leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable

# A fence of three or more backticks or tildes, to the same fence or, as Markdown reads it, to the end.
_FENCE = r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)"
_FENCED = re.compile(_FENCE, re.MULTILINE | re.DOTALL)
# The same, or a short span in backticks on one line.
_ANY_CODE = re.compile(rf"{_FENCE}|(?<!`)(`{{1,2}})(?!`)[^`\n]+\2(?!`)", re.MULTILINE | re.DOTALL)


def outside_code(text: str, change: Callable[[str], str], *, inline: bool = False) -> str:
    """`text` with `change` made to what is not in a fenced block, nor, with `inline`, in backticks."""
    if "`" not in text and "~~~" not in text:
        return change(text)
    parts: list[str] = []
    at = 0
    for block in (_ANY_CODE if inline else _FENCED).finditer(text):
        parts += [change(text[at : block.start()]), block.group()]
        at = block.end()
    return "".join([*parts, change(text[at:])])


def code_lines(text: str) -> set[int]:
    """The numbers, from 0, of the lines that are in fenced blocks."""
    lines: set[int] = set()
    for block in _FENCED.finditer(text):
        first = text.count("\n", 0, block.start())
        lines.update(range(first, first + block.group().count("\n") + 1))
    return lines
