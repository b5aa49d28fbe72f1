"""One record as lines to read: its findings, then its messages by role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.dataset.formats import PAIRS, Format, RecordError
from workbench.dataset.rows import DecodeError
from workbench.screens.record_text import LONGEST_SHOWN, Turn, pretty, turns_of
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.textline import Line, Piece, wrap

if TYPE_CHECKING:
    from workbench.dataset.rules import Finding

TRAINED = "●"
"""Beside the role of a message that is trained, and a bar before its text: not by colour alone."""


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """What is shown of a record."""

    head: str
    """Which one it is: `record 12 of 330`."""
    raw: bytes
    value: object
    """Decoded, or the DecodeError that it raised."""
    format: Format
    findings: Sequence[Finding] = ()


def record_lines(record: ShownRecord, width: int) -> tuple[list[Line], list[int]]:
    """The record, wrapped to `width` cells; and for each message the line on which it begins."""
    lines: list[Line] = [(Piece(record.head, "muted"),), *_findings(record.findings, width), ()]
    starts: list[int] = []
    try:
        if isinstance(record.value, DecodeError):
            raise record.value
        turns = turns_of(record.value, record.format)
    except DecodeError as error:
        lines += _broken(f"line {error.line}, column {error.column}: {error.why}", width)
        lines += _plain(visible(record.raw[:LONGEST_SHOWN].decode("utf-8", "replace")), width)
        return lines, starts
    except RecordError as error:
        lines += _broken(str(error), width)
        lines += _plain(pretty(record.value), width)
        return lines, starts
    if record.format in PAIRS:
        from workbench.screens.pair import pair_lines

        return lines + pair_lines(record.value, record.format, width), starts
    for turn in turns:
        starts.append(len(lines))
        lines += _turn_lines(turn, width)
    return lines, starts


def _findings(findings: Sequence[Finding], width: int) -> Iterator[Line]:
    for finding in findings:
        mark, role = ("✗", "bad") if finding.severity == "error" else ("!", "warning")
        place = "the file " if finding.line is None else ""
        first, *rest = wrap(visible_line(f"{finding.code} {finding.name}: {place}{finding.text}"), width - 2)
        yield (Piece(f"{mark} ", role), Piece(first, role))
        yield from ((Piece(f"  {text}", role),) for text in rest)


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
