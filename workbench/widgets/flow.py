"""Pieces of several roles flowing into lines of a width."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, chop_cells

from workbench.widgets.textline import Line, Piece

_WORDS = re.compile(r"\n|[^\S\n]+|\S+")


def flow(pieces: Iterable[Piece], width: int, lead: Piece | None = None) -> Iterator[Line]:
    """Lines of at most `width` cells, `lead` before each; they break at line ends and between words."""
    room = max(2, width - (cell_len(lead.text) if lead is not None else 0))
    head = [lead] if lead is not None else []
    line: list[Piece] = []
    used = 0
    for piece in pieces:
        for word in _WORDS.findall(piece.text.expandtabs(4)):
            if word == "\n":
                yield (*head, *line)
                line, used = [], 0
                continue
            cells = cell_len(word)
            if used and used + cells > room:
                yield (*head, *line)
                line, used = [], 0
                if word.isspace():
                    continue
            *full, last = chop_cells(word, room) if cells > room else [word]
            for part in full:
                yield (*head, piece._replace(text=part))
            line.append(piece._replace(text=last))
            used += cell_len(last)
    if line:
        yield (*head, *line)
