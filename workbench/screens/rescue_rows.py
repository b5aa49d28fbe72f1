"""How a rescue is written: a model as a row, and in full with what is saved and how it is trained again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from workbench.terminal.escape import visible_line
from workbench.widgets.table import Column
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import NOTHING

if TYPE_CHECKING:
    from workbench.workflow.rescue import TunedModel
    from workbench.workflow.retrain import Retraining

SOON_DAYS: Final = 90
"""A model with fewer days left is marked."""
_NAME: Final = 13
"""Cells of a line's name."""

COLUMNS: Final = (
    Column("days left", right=True),
    Column("model", grows=True, both_ends=True),
    Column("retires", gives_way=3),
    Column("state", gives_way=1),
    Column("saved", right=True),
)


def cells(model: TunedModel) -> list[Piece]:
    """One row."""
    kept = f"{len(model.saved)} parts" if model.saved else "nothing"
    return [
        _days(model.days_left),
        Piece(visible_line(model.id)),
        Piece(visible_line(model.retires or NOTHING), "muted"),
        Piece("answers" if model.listed else "gone", "" if model.listed else "warning"),
        Piece(kept, "good" if "training file" in model.saved else "warning" if not model.saved else ""),
    ]


def _days(left: int | None) -> Piece:
    if left is None:
        return Piece(NOTHING, "muted")
    return Piece(f"{left:,}", "bad" if left <= 0 else "warning" if left < SOON_DAYS else "")


def detail(model: TunedModel, again: Retraining | None, width: int) -> list[Line]:
    """A model in full."""
    rows = [
        ("base", model.base),
        ("stops", _end(model)),
        ("saved", ", ".join(model.saved) or "nothing yet: s saves everything"),
    ]
    rows += [("not saved", why) for why in model.missing]
    rows.append(("job", model.job or "none is listed any more"))
    if again is not None and not model.saved:
        rows.append(("train again", "once its training file is saved"))
    elif again is not None:
        ways = [way for way, command in (("here", again.local), ("at Azure", again.azure)) if command]
        rows.append(("train again", " or ".join(ways) + ": t fills the form" if ways else "no way is open"))
        rows += [("", why) for why in again.why_not]
    lines: list[Line] = [(Piece(text, "strong"),) for text in wrap(visible_line(model.id), width)]
    for name, text in rows:
        lines += _row(name, visible_line(text), width)
    return lines


def _row(name: str, text: str, width: int) -> Iterator[Line]:
    first, *rest = wrap(text, max(10, width - _NAME))
    yield (Piece(f"{name:<{_NAME}}", "muted"), Piece(first))
    for line in rest:
        yield (Piece(" " * _NAME), Piece(line))


def _end(model: TunedModel) -> str:
    if model.retires is None:
        return "nobody says when"
    source = f", by {model.source}" if model.source else ""
    if model.days_left is None:
        return f"on {model.retires}{source}"
    if model.days_left <= 0:
        return f"it stopped answering on {model.retires}{source}"
    return f"on {model.retires}, in {model.days_left:,} days{source}"
