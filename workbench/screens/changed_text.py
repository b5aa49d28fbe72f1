"""A record before and after, as lines to read: what went and what came, word by word, not by colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.dataset.formats import Format
from workbench.dataset.record_diff import PartChange
from workbench.dataset.words import Span, diff_words
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.flow import flow
from workbench.widgets.textline import Line, Piece

LONGEST = 20_000
"""Characters of one text that are compared and shown."""
SHARED = 240
"""Characters of a stretch that both have, above which its middle is left out."""

GONE, CAME = ("−[", "]"), ("+[", "]")
"""Around words that went, and that came."""


def change_lines(old: bytes, new: bytes, fmt: Format, width: int) -> list[Line]:
    """What changed between two versions of one record."""
    from workbench.dataset.diff import changes_of

    return part_lines(changes_of(old, new, fmt), width)


def part_lines(changes: Sequence[PartChange], width: int) -> list[Line]:
    """The changes of one record, one part under the other."""
    if not changes:
        return [(Piece("Only the spelling differs: spacing, or the order of keys.", "muted"),)]
    lines: list[Line] = []
    for change in changes:
        lines.append((Piece(visible_line(change.place or "record"), "strong"), Piece(f"  {_kind(change)}", "muted")))
        lines += [*_body(change, width), ()]
    return lines[:-1]


def _kind(change: PartChange) -> str:
    if change.was is None:
        return "added"
    return "removed" if change.now is None else "changed"


def _body(change: PartChange, width: int) -> Iterator[Line]:
    before, after = (change.was or "")[:LONGEST], (change.now or "")[:LONGEST]
    if change.was is None or change.now is None:
        gone = change.now is None
        mark, role = ("− ", "bad") if gone else ("+ ", "good")
        text = visible(before if gone else after)
        yield from flow([Piece(text or "(empty)", "muted" if gone else "")], width, Piece(mark, role))
        return
    yield from flow(list(_woven(*diff_words(before, after))), width, Piece("  "))
    if max(len(change.was), len(change.now)) > LONGEST:
        yield (Piece(f"  only the first {LONGEST:,} characters are shown", "muted"),)


def _woven(old: Sequence[Span], new: Sequence[Span]) -> Iterator[Piece]:
    """Both texts in one: what they share once, what went before what came in its place."""
    ours, theirs = list(old), list(new)
    while ours or theirs:
        if ours and ours[0].kind == "only_here":
            yield Piece(f"{GONE[0]}{visible(ours.pop(0).text)}{GONE[1]}", "bad")
        elif theirs and theirs[0].kind == "only_here":
            yield Piece(f"{CAME[0]}{visible(theirs.pop(0).text)}{CAME[1]}", "good")
        elif ours and theirs:
            yield Piece(_short(visible(_shared(ours, theirs))), "muted")
        else:  # a side ended: what is left of the other is shared by nothing
            rest = ours or theirs
            yield Piece(visible(rest.pop(0).text), "muted")


def _shared(ours: list[Span], theirs: list[Span]) -> str:
    """The stretch that both begin with, taken off both: one side may have it in two pieces."""
    text = min(ours[0].text, theirs[0].text, key=len)
    for side in (ours, theirs):
        rest = side[0].text[len(text) :]
        if rest:
            side[0] = Span("same", rest)
        else:
            side.pop(0)
    return text


def _short(text: str) -> str:
    if len(text) <= SHARED:
        return text
    return f"{text[: SHARED // 2]} … {text[-SHARED // 2 :]}"
