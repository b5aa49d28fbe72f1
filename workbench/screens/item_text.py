"""How the items of a run read: a row with every candidate's score, and one item in full. Knows no widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from workbench.dataset.record_diff import PartChange
from workbench.evaluate.task import text_of
from workbench.screens.changed_text import CAME, GONE, part_lines
from workbench.terminal.escape import visible, visible_line
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import NOTHING, signed

if TYPE_CHECKING:
    from workbench.evaluate.grid import GridItem
    from workbench.evaluate.results import ItemResult

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
RIGHT: Final = 1.0
_ASKED: Final = 200
"""Characters of the question in its row."""


def letter(at: int) -> str:
    """The name of a candidate's narrow column: A is the best, B the next, after Z comes A2."""
    return LETTERS[at % len(LETTERS)] + ("" if at < len(LETTERS) else str(at // len(LETTERS) + 1))


def score_piece(score: float | None) -> Piece:
    """A glyph for right and wrong, a number between; `!` where there is none."""
    if score is None:
        return Piece("!", "bad")
    if score >= RIGHT:
        return Piece("✓", "good")
    return Piece("✗", "bad") if score <= 0 else Piece(f"{score:.2f}", "warning")


def item_cells(item: GridItem, candidates: Sequence[str]) -> list[Piece]:
    """One row of the grid."""
    scores = [score_piece(item.scores[one]) if one in item.scores else Piece(NOTHING, "muted") for one in candidates]
    return [Piece(f"{item.index + 1:,}", "muted"), *scores, Piece(_asked(item))]


def _asked(item: GridItem) -> str:
    """The first words of the last message of the prompt."""
    messages = item.plain.messages
    return visible_line(text_of(messages[-1]) if messages else "")[:_ASKED]


def item_lines(item: GridItem, candidates: Sequence[str], chosen: str, width: int) -> Iterator[Line]:
    """Question, reference, every answer, then the prompt exactly as the chosen candidate got it."""
    yield (Piece("asked", "accent"),)
    yield from indented(item.question, width)
    yield ()
    yield (Piece("reference", "good"),)
    yield from indented(item.plain.reference, width)
    for at, candidate in enumerate(candidates):
        if candidate in item.answers:
            yield ()
            yield from _answer(item, candidate, at, candidate == chosen, width)
    sent = item.answers.get(chosen) or item.plain
    yield ()
    yield (Piece("prompt as sent to ", "muted"), Piece(visible_line(sent.candidate), "strong"))
    for message in sent.messages:
        yield (Piece(visible_line(str(message.get("role", ""))), "accent"),)
        yield from indented(_said(message), width)


def _answer(item: GridItem, candidate: str, at: int, chosen: bool, width: int) -> Iterator[Line]:
    row = item.answers[candidate]
    mark = Piece("▸ " if chosen else "", "accent")
    name = (mark, Piece(f"{letter(at)} {visible_line(candidate)}", "strong"), Piece("  "), score_piece(row.score))
    yield (*name, Piece("  recorded", "muted")) if row.recorded else name
    if row.error is not None:
        yield from ((Piece(line, "bad"),) for line in wrap(visible(row.error), width))
        return
    if row.note:
        yield from ((Piece(line, "warning"),) for line in wrap(visible_line(row.note), width))
    if row.judged:
        yield (Piece(f"  judged: {visible_line(', then '.join(row.judged))} with the sides swapped", "muted"),)
    yield from indented(row.output or "(empty)", width)


def compared_lines(
    item: GridItem, chosen: tuple[str, str], other: tuple[str, str] | None, width: int
) -> Iterator[Line]:
    """The chosen candidate's answer (letter and name) word by word against the reference, or against another's."""
    ours, theirs = item.answers.get(chosen[1]), None if other is None else item.answers.get(other[1])
    before = "the reference" if other is None else f"{other[0]} {visible_line(other[1])}"
    name = f"{chosen[0]} {visible_line(chosen[1])}"
    yield (Piece(f"{GONE[0]} {GONE[1]}", "bad"), Piece(f" only in {before}"))
    yield (Piece(f"{CAME[0]} {CAME[1]}", "good"), Piece(f" only in {name}"))
    yield ()
    old = item.plain.reference if other is None else _output(theirs)
    new = _output(ours)
    if old is None or new is None:
        yield (Piece(f"{before if old is None else name} gave no answer here.", "bad"),)
    elif old == new:
        yield (Piece("Both are the same.", "good"),)
        yield from indented(new, width)
    else:
        yield from _changed(old, new, width)
    yield ()
    yield (Piece("asked", "accent"),)
    yield from indented(item.question, width)


def _changed(old: str, new: str, width: int) -> Sequence[Line]:
    """The text of one change without its heading."""
    return part_lines([PartChange("", "", old, new)], width)[1:]


def question_lines(ours: str, theirs: str, width: int) -> Iterator[Line]:
    """The question of an item word by word against that of a training record."""
    yield (Piece(f"{GONE[0]} {GONE[1]}", "bad"), Piece(" only in the training record"))
    yield (Piece(f"{CAME[0]} {CAME[1]}", "good"), Piece(" only in the item"))
    yield ()
    if ours == theirs:
        yield (Piece("Both ask the same.", "warning"),)
        yield from indented(ours, width)
    else:
        yield from _changed(theirs, ours, width)


def _output(row: ItemResult | None) -> str | None:
    return None if row is None or row.error is not None else row.output


def difference_piece(item: GridItem, chosen: str, against: str) -> Piece:
    """How much the chosen candidate gained or lost on an item."""
    difference = item.difference(chosen, against)
    role = "" if not difference else "good" if difference > 0 else "bad"
    return Piece(NOTHING if difference is None else signed(difference), role or "muted")


def indented(text: str, width: int) -> Iterator[Line]:
    """A text from data, two cells in."""
    for line in wrap(visible(text), width - 2):
        yield (Piece("  "), Piece(line))


def _said(message: Mapping[str, object]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else str(content)
