"""What orders the rows of a conversation: numbers or dates, as exact pairs that sort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

Key = tuple[int, int]
"""Whole units (or seconds) and the parts of a billion behind them: exact, also for ids beyond 2**53."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PART = 1_000_000_000
_WIDEST = 2**63

# How support systems, spreadsheets and databases write a date that is not ISO's.
_DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
_MAIL = "%a, %d %b %Y %H:%M:%S %z"
_SHAPES = (*(f"{day}{between}{clock}" for day in _DAYS for between in (" ", ", ") for clock in _CLOCKS), *_DAYS, _MAIL)


class NoOrder(ValueError):
    """A value that is no number or date, as it should be."""


def order_reader(how: str) -> Callable[[object], Key]:
    """A function from a cell to what sorts: `number`, `date`, or a format of dates; it raises NoOrder."""
    if how == "number":
        return _number
    if how == "date":
        return _iso
    return lambda value: _dated(value, how)


def _number(value: object) -> Key:
    try:
        number = Decimal(str(value).strip())
        whole = int(number.to_integral_value(rounding="ROUND_FLOOR"))
    except (InvalidOperation, ValueError, OverflowError):
        raise NoOrder(f"{_shown(value)} is no number") from None
    if not -_WIDEST <= whole < _WIDEST:
        raise NoOrder(f"{_shown(value)} is too large to be sorted by")
    return whole, int((number - whole) * _PART)


def _iso(value: object) -> Key:
    if isinstance(value, datetime):
        return _moment(value)
    try:
        return _moment(datetime.fromisoformat(str(value).strip()))
    except ValueError:
        raise NoOrder(f"{_shown(value)} is no date as ISO 8601 writes it") from None


def _dated(value: object, shape: str) -> Key:
    try:
        return _moment(datetime.strptime(str(value).strip(), shape))
    except ValueError:
        raise NoOrder(f"{_shown(value)} is no date like {shape}") from None


def _moment(moment: datetime) -> Key:
    """Seconds since 1970 and nanoseconds; a date without a zone counts as UTC."""
    since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    return since // timedelta(seconds=1), (since % timedelta(seconds=1)).microseconds * 1000


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def order_of(values: Sequence[object]) -> tuple[str, str] | None:
    """How a column orders rows, by its first values, and why: None if it is neither numbers nor dates."""
    for how, what in (("number", "numbers"), ("date", "ISO dates")):
        if _share(values, how) >= _ENOUGH:
            return how, f"its values are {what}"
    shares = {shape: _share(values, shape) for shape in _SHAPES}
    best = max(_SHAPES, key=lambda shape: shares[shape])
    if shares[best] < _ENOUGH:
        return None
    other = next((shape for shape in _SHAPES if shape != best and shares[shape] == shares[best]), None)
    also = f", and as well dates like {other}: look which is meant" if other is not None else ""
    return best, f"its values are dates like {best}{also}"


_ENOUGH = 0.95
"""The share of a column's first values that must fit; the others will be listed."""


def _share(values: Sequence[object], how: str) -> float:
    """The share of the values that can be read in this way; given up where too few can."""
    read = order_reader(how)
    misfits = 0
    for value in values:
        try:
            read(value)
        except NoOrder:
            misfits += 1
            if misfits > len(values) * (1 - _ENOUGH):
                return 0.0
    return 1 - misfits / len(values) if values else 0.0
