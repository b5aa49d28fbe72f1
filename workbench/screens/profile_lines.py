"""A profile as lines: what it lacks, what its test said, where it is and what it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.terminal.escape import visible_line
from workbench.widgets.textline import Line, Piece, width_of, wrap
from workbench.widgets.words import clock_time

if TYPE_CHECKING:
    from workbench.errors import WorkbenchError
    from workbench.providers.models import Model
    from workbench.providers.probe import Probe
    from workbench.workflow.profile_facts import ProfileFacts

_NAME, _CALL = 11, 12
"""Cells of the names on the left."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A test of a profile, as far as it has come."""

    state: Literal["running", "stopped", "failed", "done"]
    begun_at: float
    calls: tuple[Probe, ...] = ()
    models: tuple[Model, ...] = ()
    error: WorkbenchError | None = None
    """Why no call could be made."""

    @property
    def answered(self) -> int:
        """Calls that were answered."""
        return sum(call.ok for call in self.calls)


def state_of(facts: ProfileFacts, tried: Tried | None) -> Piece:
    """How it stands, in one or two words."""
    if tried is not None:
        match tried.state:
            case "running":
                return Piece("◌ testing", "accent")
            case "failed":
                return Piece("✗ no answer", "bad")
            case "done" if tried.answered == len(tried.calls):
                return Piece("✓ answers", "good")
            case "done":
                return Piece(f"✗ {tried.answered} of {len(tried.calls)} answer", "bad")
    if facts.missing:
        return Piece("✗ incomplete", "warning")
    return Piece("● recorded", "muted") if facts.replay else Piece("✓ ready", "good")


def lines_of(facts: ProfileFacts, tried: Tried | None, width: int) -> list[Line]:
    """All of it, the most urgent first."""
    lines: list[Line] = []
    if facts.missing:
        lines += _wrapped(f"✗ {facts.missing}", width, "warning")
        way_out = "set it in the shell that starts ftwb, or press e and say it another way"
        lines += _wrapped(f"→ {way_out}", width)
        lines.append(())
    if tried is not None:
        lines += _test(facts, tried, width)
        lines.append(())
    elif not facts.missing:
        lines += _wrapped("t tests it: which calls answer, which models, how long", width, "muted")
        lines.append(())
    from workbench.workflow.profile_facts import rows_of

    for name, text in rows_of(facts):
        lines += _row(name, text, width)
    return lines


def _test(facts: ProfileFacts, tried: Tried, width: int) -> Iterator[Line]:
    at = clock_time(tried.begun_at)
    if tried.error is not None:
        yield from _wrapped(f"✗ {tried.error.message}", width, "bad")
        if tried.error.hint:
            yield from _wrapped(f"→ {tried.error.hint}", width)
    elif tried.state == "running":
        yield (Piece("◌ testing", "accent"), Piece(f" since {at}; x stops", "muted"))
    elif tried.state == "stopped":
        yield (Piece("■ stopped", "muted"), Piece(f", begun at {at}; t begins again", "muted"))
    else:
        by = f"; recorded: the recording {facts.replay} answered, no provider" if facts.replay else ""
        yield (Piece(f"tested at {at}"), Piece(by, "muted"))
    for call in tried.calls:
        head = (Piece("✓ " if call.ok else "✗ ", "good" if call.ok else "bad"), Piece(f"{call.call:<{_CALL}}"))
        took = f"{call.seconds * 1000:>7,.0f} ms  "
        room = width - 2 - _CALL - len(took)
        first, *more = wrap(visible_line(call.detail), room) or [""]
        yield (*head, Piece(took, "muted"), Piece(first))
        yield from ((Piece(" " * (width - room)), Piece(line)) for line in more)
    if tried.models:
        yield ()
        yield (Piece("models", "muted"),)
    for model in tried.models:
        about = model.kind + (f", retires {visible_line(model.retires)}" if model.retires else "")
        line = (Piece(f"  {visible_line(model.id)}"), Piece(f"  {about}", "muted"))
        if width_of(line) <= width:
            yield line
        else:  # a tuned model's name is long, and its last day is what matters
            yield line[:1]
            yield (Piece(f"    {about}", "muted"),)


def _row(name: str, text: str, width: int) -> Iterator[Line]:
    first, *more = wrap(visible_line(text), width - _NAME) or [""]
    yield (Piece(f"{name:<{_NAME}}", "muted"), Piece(first))
    yield from ((Piece(" " * _NAME), Piece(line)) for line in more)


def _wrapped(text: str, width: int, role: str = "") -> Iterator[Line]:
    for line in wrap(visible_line(text), width):
        yield (Piece(line, role),)
