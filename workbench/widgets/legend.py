"""The line over a chart: each series' mark, name and value, and which chart it is. Values are never cut, names are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from workbench.terminal.escape import visible_line
from workbench.widgets.table import cut_middle
from workbench.widgets.textline import Piece, width_of

_BETWEEN: Final = "   "
_SHORTEST: Final = 5
"""Cells of a name below which nothing is told apart any more."""
_CAPTION_FROM: Final = 40
"""A narrower line has no room to say which chart it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One series in the legend."""

    mark: str
    role: str
    """Of the mark: the series' colour."""
    name: str
    value: str
    value_role: str = ""


def legend(entries: Sequence[Entry], width: int, caption: str = "") -> list[Piece]:
    """The line in `width` cells, the caption at its right end."""
    said = visible_line(caption) if width >= _CAPTION_FROM else ""
    room = width - (cell_len(said) + 1 if said else 0) - len(_BETWEEN) * (len(entries) - 1)
    room -= sum(cell_len(f"{one.mark}  {one.value}") for one in entries)
    pieces: list[Piece] = []
    for one, name in zip(entries, _names([visible_line(one.name) for one in entries], room), strict=True):
        pieces += [Piece(_BETWEEN)] if pieces else []
        pieces += [Piece(f"{one.mark} ", one.role), Piece(f"{name} "), Piece(one.value, one.value_role)]
    if said:
        pieces.append(Piece(" " * (width - width_of(pieces) - cell_len(said)) + said, "muted"))
    return pieces


def _names(names: list[str], room: int) -> list[str]:
    """As they are where they fit, else without the words at their ends that all share, else cut."""
    for found in (names, _without_shared_words(names)):
        if sum(map(cell_len, found)) <= room:
            return found
    for most in range(max(map(cell_len, found)), _SHORTEST, -1):
        cut = [cut_middle(name, most) for name in found]
        if sum(map(cell_len, cut)) <= room:
            return cut
    return [cut_middle(name, _SHORTEST) for name in found]


def _without_shared_words(names: list[str]) -> list[str]:
    words = [name.split(" ") for name in names]
    shared = len(list(_shared(words))) if len(names) > 1 else 0
    return [" ".join(each[: len(each) - shared]) for each in words]


def _shared(words: list[list[str]]) -> Iterator[str]:
    """From the end; each name keeps a word."""
    for back in range(1, min(map(len, words))):
        if len({each[-back] for each in words}) > 1:
            return
        yield words[0][-back]
