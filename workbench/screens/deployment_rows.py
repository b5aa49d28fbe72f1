"""Deployments, and what lingers, as rows and as what stands below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from workbench.terminal.escape import visible_line
from workbench.widgets.table import Column
from workbench.widgets.textline import Line, Piece, wrap
from workbench.widgets.words import NOTHING, amount, day_and_time, duration, figure_text

if TYPE_CHECKING:
    from workbench.catalog.figure import Figure
    from workbench.workflow.cleanup import Lingering
    from workbench.workflow.deployments import Hosted

DEPLOYMENT_COLUMNS: Final = (
    Column("status"),
    Column("name"),
    Column("model", grows=True, both_ends=True),
    Column("profile", gives_way=4),
    Column("tier", gives_way=1),
    Column("K/min", right=True, gives_way=3),
    Column("age", right=True, gives_way=2),
    Column("so far", right=True),
    Column("a month", right=True),
)
LINGERING_COLUMNS: Final = (
    Column("kind"),
    Column("id", grows=True, both_ends=True),
    Column("profile", gives_way=3),
    Column("about", grows=True, gives_way=2),
    Column("size", right=True, gives_way=1),
    Column("age", right=True),
    Column("used by", gives_way=4),
)
MARK: Final = "◆ "
_NAME: Final = 10


def status_piece(status: str) -> Piece:
    """Azure's `provisioningState`: an open string, shown as it is where nobody knows it."""
    match status.lower():
        case "succeeded":
            return Piece("✓ answers", "good")
        case "failed" | "canceled" | "cancelled":
            return Piece(f"✗ {status.lower()}", "bad")
        case "accepted" | "creating" | "updating" | "deleting":
            return Piece(f"◌ {status.lower()}", "accent")
    return Piece(f"? {visible_line(status)}")


def deployment_cells(one: Hosted, marked: bool) -> list[Piece]:
    """A row of the deployments."""
    return [
        status_piece(one.status),
        Piece(f"{MARK if marked else ''}{visible_line(one.name)}"),
        Piece(visible_line(one.model), "muted"),
        Piece(visible_line(one.profile), "muted"),
        Piece(visible_line(one.tier), "warning" if one.tier == "developer" else "muted"),
        Piece(NOTHING if one.capacity is None else f"{one.capacity:,}", "muted"),
        Piece(duration(one.age_s), "muted"),
        Piece(money(one.cost_so_far)),
        Piece(money(one.cost_per_month)),
    ]


def lingering_cells(one: Lingering, marked: bool) -> list[Piece]:
    """A row of what lingers."""
    return [
        Piece(one.kind, "muted"),
        Piece(f"{MARK if marked else ''}{visible_line(one.id)}"),
        Piece(visible_line(one.profile), "muted"),
        Piece(visible_line(one.about), "muted"),
        Piece(NOTHING if one.size is None else amount(one.size, "bytes"), "muted"),
        Piece(duration(one.age_s)),
        Piece(visible_line(one.used_by or NOTHING), "muted"),
    ]


def money(figure: Figure) -> str:
    """An amount alone; its origin stands below."""
    return NOTHING if figure.value is None else amount(figure.value, "USD")


def deployment_lines(one: Hosted, width: int) -> Iterator[Line]:
    """Everything about a deployment, what ends by itself first."""
    if one.expires:
        yield from _row("ends", one.expires, width, "warning")
    if one.status.lower() == "failed":
        yield from _row("failed", "its resource's activity log says why; it can be deleted and made again", width)
    yield from _row("model", one.model, width)
    made = f", made {day_and_time(one.created_at)}" if one.created_at else ""
    capacity = f"{one.capacity:,} thousand tokens a minute" if one.capacity is not None else "capacity not told"
    yield from _row("is", f"{one.tier}, {capacity}{made}; ask it as {one.profile}/{one.name}", width)
    yield from _figure("so far", one.cost_so_far, width)
    yield from _figure("a month", one.cost_per_month, width)


def lingering_lines(one: Lingering, width: int) -> Iterator[Line]:
    """Everything about a model or a file."""
    yield from _row(one.kind, one.id, width)
    if one.about:
        yield from _row("base" if one.kind == "model" else "about", one.about, width)
    yield from _row("used by", one.used_by or "nothing that is known here", width)
    yield from _figure("a month", one.cost_per_month, width)


def command_lines(commands: Sequence[tuple[str, str]], width: int) -> Iterator[Line]:
    """What does the same, by what it does."""
    for name, command in commands:
        yield from _row(name, command, width, "accent")


def note_lines(notes: Iterable[str], width: int) -> Iterator[Line]:
    """What could not be asked, and why."""
    for note in notes:
        first, *more = wrap(visible_line(note), width - 2)
        yield (Piece("! ", "warning"), Piece(first))
        yield from ((Piece("  "), Piece(line)) for line in more)


def _figure(name: str, figure: Figure, width: int) -> Iterator[Line]:
    yield from _row(name, figure_text(figure), width)


def _row(name: str, text: str, width: int, role: str = "") -> Iterator[Line]:
    first, *more = wrap(visible_line(text), width - _NAME) or [""]
    yield (Piece(f"{name:<{_NAME}}", "muted"), Piece(first, role))
    yield from ((Piece(" " * _NAME), Piece(line, role)) for line in more)
