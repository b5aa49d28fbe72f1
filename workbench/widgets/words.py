"""How values are written for people: times, ages, sizes, figures with their origin, states with their glyph."""

from __future__ import annotations

import time
from typing import Final

from workbench.catalog.figure import RECORDED, Figure, Origin
from workbench.terminal.escape import visible_line
from workbench.widgets.textline import Piece

NOTHING: Final = "–"
"""Where there is no value."""

_STATES: Final = {
    "validating_files": ("◌", "checking files", "muted"),
    "queued": ("◌", "queued", "muted"),
    "pending": ("◌", "pending", "muted"),
    "running": ("▶", "running", "accent"),
    "quiet": ("▷", "quiet", "warning"),
    "pausing": ("‖", "pausing", "warning"),
    "paused": ("‖", "paused", "warning"),
    "succeeded": ("✓", "succeeded", "good"),
    "failed": ("✗", "failed", "bad"),
    "cancelled": ("■", "cancelled", "muted"),
}
_ORIGINS: Final = {
    Origin.MEASURED: "measured",
    Origin.QUOTED: "quoted",
    Origin.ESTIMATED: "estimated",
    Origin.RECORDED: "recorded",
    Origin.NOT_MEASURED: "not measured",
}


def state_piece(status: str) -> Piece:
    """A job's state as glyph and word; a state nobody knows yet is shown as it is called."""
    glyph, word, role = _STATES.get(status, ("?", visible_line(status).replace("_", " "), ""))
    return Piece(f"{glyph} {word}", role)


def duration(seconds: float | None) -> str:
    """A length of time: `8 s`, `4 min`, `2 h 05 min`, `3 days`."""
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{round(whole / 60)} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{round(whole / 86400)} days"


def short_seconds(seconds: float | None) -> str:
    """A latency: `0.42 s`, `12.3 s`, `140 s`."""
    if seconds is None:
        return NOTHING
    if seconds >= 100:
        return f"{seconds:.0f} s"
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def age(then: float | None, now: float) -> str:
    """How long ago."""
    return NOTHING if then is None else duration(now - then)


def clock_time(timestamp: float) -> str:
    """The time of day in the person's own zone."""
    return time.strftime("%H:%M:%S", time.localtime(timestamp))


def day_and_time(timestamp: float) -> str:
    """Day and minute in the person's own zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(timestamp))


def share(value: float | None) -> str:
    """A score from 0 to 1."""
    return NOTHING if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference, its sign always written."""
    return NOTHING if value is None else f"{value:+.3f}".replace("-", "−")


def interval(bounds: tuple[float, float] | None, *, signs: bool = False) -> str:
    """An interval, `0.71 – 0.83`; with `signs` for differences."""
    if bounds is None:
        return NOTHING
    low, high = bounds
    if signs:
        return f"{low:+.2f} … {high:+.2f}".replace("-", "−")
    return f"{low:.2f}–{high:.2f}"


def p_text(p_value: float | None) -> str:
    """A p-value, never written as 0."""
    if p_value is None:
        return NOTHING
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def amount(value: float, unit: str) -> str:
    """A value with its unit, as people write it."""
    match unit:
        case "bytes":
            return _bytes(value)
        case "s":
            return duration(value)
        case "USD":
            return _dollars(value)
        case _ if unit.startswith("USD/"):
            return f"{_dollars(value)} / {unit.removeprefix('USD/')}"
    return f"{value:,.4g} {unit}"


def _dollars(value: float) -> str:
    """Cents, and for less than one as many digits as tell it from nothing."""
    shown = f"{abs(value):,.2f}" if abs(value) >= 0.01 or value == 0 else f"{abs(value):.2g}"
    return f"−${shown}" if value < 0 else f"${shown}"


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def origin_word(figure: Figure) -> str:
    """Where a figure comes from."""
    return _ORIGINS[figure.origin]


def figure_pieces(figure: Figure | None) -> list[Piece]:
    """A figure with its origin and source: `$1.20  quoted, price table of 2026-05-01`."""
    if figure is None:
        return [Piece("not measured", "muted")]
    about = visible_line((figure.source or "").removeprefix(RECORDED))
    dated = f" ({figure.as_of})" if figure.as_of else ""
    if figure.value is None:
        return [Piece("not measured", "muted"), Piece(f"  {about}{dated}" if about else "", "muted")]
    source = f": {about}{dated}" if about else dated
    return [Piece(amount(figure.value, figure.unit), "strong"), Piece(f"  {origin_word(figure)}{source}", "muted")]


def figure_text(figure: Figure) -> str:
    """The same in a sentence: `$1.20, quoted: price table (2026-05-01)`, `not measured: no price is known`."""
    value, about = (piece.text.strip() for piece in figure_pieces(figure))
    between = ": " if figure.value is None else ", "
    return f"{value}{between}{about}" if about else value


def bar(bounds: tuple[float, float] | None, middle: float | None, cells: int) -> str:
    """An interval from 0 to 1 on a line of `cells`: `··├──●──┤····`."""
    if bounds is None or middle is None or cells < 3:
        return " " * cells

    def place(value: float) -> int:
        return max(0, min(cells - 1, round(value * (cells - 1))))

    drawn = ["·"] * cells
    left, right = place(bounds[0]), place(bounds[1])
    for cell in range(left, right + 1):
        drawn[cell] = "─"
    drawn[left], drawn[right] = "├", "┤"
    drawn[place(middle)] = "●"
    return "".join(drawn)


def progress_bar(fraction: float | None, cells: int) -> str:
    """Done and left: `━━━━╌╌╌╌`."""
    done = 0 if fraction is None else max(0, min(cells, round(fraction * cells)))
    return "━" * done + "╌" * (cells - done)
