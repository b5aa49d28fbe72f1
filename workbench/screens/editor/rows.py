"""How the parts of a draft stand in the editor's list, and what is known about it in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.dataset.editing import Part
from workbench.screens.record_view import TRAINED
from workbench.terminal.escape import visible_line
from workbench.widgets.sections import Entry
from workbench.widgets.textline import Line, Piece, wrap

if TYPE_CHECKING:
    from workbench.dataset.rules import Finding
    from workbench.workflow.record import Looked

WORDS = 200
"""Characters of a part's first words."""
_MARKS = {"error": ("✗", "bad"), "warning": ("!", "warning")}


def entries_of(parts: Sequence[Part], findings: Sequence[Finding]) -> list[Entry]:
    """The list: a heading for each section where there are several, a row for each part."""
    several = len({part.section for part in parts}) > 1
    marks = _worst_by_message(findings)
    entries: list[Entry] = []
    section = ""
    for number, part in enumerate(parts):
        if several and part.in_list and part.section != section:
            entries.append(Entry.heading(part.section))
        section = part.section
        mark = marks.get(part.message[-1]) if part.in_list and part.section in ("messages", "conversations") else None
        entries.append(Entry(tuple(_row(part, mark)), str(number)))
    return entries


def _row(part: Part, mark: str | None) -> Iterator[Piece]:
    sign, role = _MARKS[mark] if mark is not None else (" ", "")
    yield Piece(sign, role)
    yield Piece(f"{TRAINED} " if part.trained else "  ", "trained")
    yield Piece(f"{visible_line(part.role) or 'no role':<10} ", "trained" if part.trained else "strong")
    if part.note:
        yield Piece(f"[{visible_line(part.note)}] ", "muted")
    yield Piece(visible_line(part.text[:WORDS]))


def _worst_by_message(findings: Sequence[Finding]) -> dict[int | str, str]:
    worst: dict[int | str, str] = {}
    for finding in findings:
        if finding.message_index is not None and worst.get(finding.message_index) != "error":
            worst[finding.message_index] = str(finding.severity)
    return worst


def findings_lines(findings: Sequence[Finding], why_text: str, width: int) -> list[Line]:
    """What the rules say, a line or more each."""
    lines: list[Line] = []
    if why_text:
        lines += [(Piece(f"✗ {line}", "bad"),) for line in wrap(visible_line(why_text), width - 2)]
    for finding in findings:
        sign, role = _MARKS[str(finding.severity)]
        place = f"message {finding.message_index}: " if finding.message_index is not None else ""
        first, *rest = wrap(visible_line(f"{finding.code} {finding.name}: {place}{finding.text}"), width - 2)
        lines.append((Piece(f"{sign} {first}", role),))
        lines += [(Piece(f"  {line}", role),) for line in rest]
    return lines


def known(looked: Looked | None, changed: bool) -> list[Piece]:
    """On the right of the head: tokens, findings, whether there is something to apply."""
    pieces: list[Piece] = []
    if looked is None:
        pieces.append(Piece("looking…  ", "muted"))
    else:
        if looked.tokens is not None:
            about = "" if looked.exact else "about "
            pieces.append(
                Piece(f"{about}{looked.tokens.total:,} tokens, {looked.tokens.assistant:,} trained  ", "muted")
            )
        errors = sum(finding.severity == "error" for finding in looked.findings)
        others = len(looked.findings) - errors
        if errors:
            pieces.append(Piece(f"✗ {errors}  ", "bad"))
        if others:
            pieces.append(Piece(f"! {others}  ", "warning"))
        if not looked.findings:
            pieces.append(Piece("✓ nothing found  ", "muted"))
    pieces.append(Piece("* changed ", "warning") if changed else Piece("unchanged ", "muted"))
    return pieces
