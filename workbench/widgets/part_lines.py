"""Short texts beside each other, on as many lines as they take: figures of one kind, none of them cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from workbench.widgets.textline import Drawn, Piece

_BETWEEN: Final = " · "


class PartLines(Drawn):
    """As high as its lines; what is over its most lines is counted in the last one."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PartLines { height: auto; width: 1fr; }
    """

    parts: reactive[tuple[str, ...]] = reactive((), layout=False)
    """Cleaned already."""

    def __init__(self, most: int, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._most = most
        """Lines."""

    def watch_parts(self, parts: tuple[str, ...]) -> None:
        """Laid out anew only where that takes more lines, or fewer."""
        if len(packed(parts, self.size.width, self._most)) != self.size.height:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Its lines in that width."""
        return len(packed(self.parts, width, self._most))

    def render_line(self, y: int) -> Strip:
        """One of them."""
        lines = packed(self.parts, self.size.width, self._most)
        text = lines[y] if y < len(lines) else ""
        return self.strip_of([Piece(text, "muted")], self.size.width, self.rich_style)


def packed(parts: Sequence[str], width: int, most: int) -> list[str]:
    """The parts on lines of `width` cells, a blank before each; of more than `most` lines the rest is counted."""
    lines: list[list[str]] = []
    for part in parts:
        if lines and _wide([*lines[-1], part]) <= width:
            lines[-1].append(part)
        else:
            lines.append([part])
    if len(lines) > most:
        left = sum(map(len, lines[most:]))
        lines = lines[:most]
        while lines[-1] and _wide([*lines[-1], _more(left)]) > width:
            lines[-1].pop()
            left += 1
        lines[-1].append(_more(left))
    return [f" {_BETWEEN.join(line)}" for line in lines]


def _more(left: int) -> str:
    return f"and {left:,} more"


def _wide(parts: Sequence[str]) -> int:
    return 1 + cell_len(_BETWEEN.join(parts))
