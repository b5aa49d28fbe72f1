"""One record as lines to read: its findings, then its messages by role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.dataset.formats import Format, RecordError
from workbench.dataset.rows import DecodeError, Rows
from workbench.screens.record_text import Turn, pretty, turns_of
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.textline import Line, Piece, wrap

if TYPE_CHECKING:
    from workbench.dataset.rules import Finding

TRAINED = "●"
"""Beside the role of a message that is trained, and a bar before its text: not by colour alone."""


def record_lines(rows: Rows, row: int, fmt: Format, findings: Sequence[Finding], width: int) -> list[Line]:
    """The row, wrapped to `width` cells."""
    head = f"record {row + 1:,} of {len(rows):,}"
    line = rows.line(row)
    if line != row + 1:
        head += f" · line {line:,}"
    return [(Piece(head, "muted"),), *_findings(findings, width), (), *_body(rows, row, fmt, width)]


def _findings(findings: Sequence[Finding], width: int) -> Iterator[Line]:
    for finding in findings:
        mark, role = ("✗", "bad") if finding.severity == "error" else ("!", "warning")
        place = "the file " if finding.line is None else ""
        first, *rest = wrap(visible_line(f"{finding.code} {finding.name}: {place}{finding.text}"), width - 2)
        yield (Piece(f"{mark} ", role), Piece(first, role))
        yield from ((Piece(f"  {text}", role),) for text in rest)


def _body(rows: Rows, row: int, fmt: Format, width: int) -> Iterator[Line]:
    try:
        value = rows.decode(row)
        turns = turns_of(value, fmt)
    except DecodeError as error:
        yield from _broken(f"line {error.line}, column {error.column}: {error.why}", width)
        yield from _plain(visible(rows.raw(row)[:20_000].decode("utf-8", "replace")), width)
        return
    except RecordError as error:
        yield from _broken(str(error), width)
        yield from _plain(pretty(value), width)
        return
    for turn in turns:
        yield from _turn_lines(turn, width)


def _broken(why: str, width: int) -> Iterator[Line]:
    for text in wrap(visible_line(why), width - 2):
        yield (Piece(f"✗ {text}", "bad"),)
    yield ()


def _plain(text: str, width: int) -> Iterator[Line]:
    for line in wrap(text, width):
        yield (Piece(line, "muted"),)


def _turn_lines(turn: Turn, width: int) -> Iterator[Line]:
    """Role, text behind a bar, an empty line. Text of the system is dimmed: it is the same in most records."""
    heading = [Piece(turn.role, "trained" if turn.trained else "strong")]
    if turn.trained:
        heading.append(Piece(f" {TRAINED} trained", "trained"))
    if turn.note:
        heading.append(Piece(f"  {turn.note}", "muted"))
    yield tuple(heading)
    bar = Piece("┃ ", "trained") if turn.trained else Piece("  ")
    dim = "muted" if turn.role in ("system", "developer", "tool") else ""
    for line in wrap(turn.text or "(empty)", width - 2):
        yield (bar, Piece(line, dim if turn.text else "muted"))
    yield ()
