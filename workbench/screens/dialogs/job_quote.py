"""A job's quote as lines: prices, what speaks against it, and where each figure comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.catalog.figure import RECORDED, Figure
from workbench.terminal.escape import visible_line
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import figure_pieces, origin_word

if TYPE_CHECKING:
    from workbench.workflow.measure import RunQuote
    from workbench.workflow.quoting import Quote

_NAME = 8
"""Cells of the names on the left."""


def quote_lines(quote: Quote, after: RunQuote | None, width: int) -> list[Line]:
    """Figures with their origin and day, then warnings, then the sources: the room is small, and may be scrolled."""
    rows = [("cost", quote.cost)]
    if after is not None and after.needs_yes:
        rows.append(("then", after.cost))
    if quote.hosting is not None:
        rows.append(("hosting", quote.hosting))
    used = [("memory", quote.memory), ("time", quote.seconds)]
    rows += [row for row in used if row[1].value is not None]
    told = [row for row in rows if row[1].value is not None] + [row for row in used if row[1].value is None]
    return [
        *(line for row in rows for line in _figure_lines(*row, width)),
        *warning_lines(quote.warnings, width),
        *(line for row in told for line in _source_lines(*row, width)),
    ]


def warning_lines(warnings: Sequence[str], width: int) -> list[Line]:
    """One after the other, wrapped."""
    lines: list[Line] = []
    for warning in warnings:
        first, *rest = wrap(visible_line(warning), width - 2)
        lines.append((Piece("! ", "warning"), Piece(first)))
        lines.extend((Piece("  "), Piece(line)) for line in rest)
    return lines


def _figure_lines(title: str, figure: Figure, width: int) -> Iterator[Line]:
    if figure.value is None:
        yield from _source_lines(title, figure, width)
        return
    dated = f", prices of {figure.as_of}" if figure.as_of else ""
    value = figure_pieces(figure)[0]
    yield (Piece(f"{title:<{_NAME}}", "muted"), value, Piece(f"  {origin_word(figure)}{dated}", "muted"))


def _source_lines(title: str, figure: Figure, width: int) -> Iterator[Line]:
    source = visible_line(figure.source or "").removeprefix(RECORDED)
    lines = wrap(source if figure.value is not None else f"not measured: {source}", width - _NAME) if source else []
    for name, line in zip([title, *[""] * len(lines)], lines, strict=False):
        yield (Piece(f"{name:<{_NAME}}{line}", "muted"),)
