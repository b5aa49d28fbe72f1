"""Converting a whole file: record by record, with everything listed that finds no place in the target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.formats import PAIRS, Format, RecordError, convert, format_of, pair_up
from workbench.dataset.formats.convert import TEXT_OR_MESSAGES


@dataclass(frozen=True, slots=True)
class Item:
    """A record as it comes out of a source."""

    line: int | None
    """Where it stands, from 1; the number of the record where the source has no lines."""
    value: object
    problem: str | None = None
    """Why there is no value."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What found no place in the target: a whole record, or a part of one."""

    line: int | None
    reason: str
    whole: bool
    """Whether the record is not in the target at all."""


@dataclass(slots=True)
class Tally:
    """What became of the records so far."""

    records: int = 0
    written: int = 0
    dropped: list[Dropped] = field(default_factory=list)
    formats: Counter[Format] = field(default_factory=Counter)
    """Records by the format they had."""


class MixedShapes(Exception):
    """Some records would be written as text and others as messages: begin again with `lists`."""


def converted(
    items: Iterable[Item], usual: Format, target: Format, tally: Tally, *, lists: bool = False
) -> Iterator[dict[str, Any]]:
    """The records of the target, in order; what finds no place in it is added to `tally`.

    Each record is read by its own format, by the `usual` one of the file where its keys fit none. Two unpaired records
    that follow each other and are halves of a pair become it. Raises MixedShapes where one shape for all needs `lists`.
    """
    shape: type | None = None
    for line, record, lost in _all(items, usual, target, tally, lists):
        if target in TEXT_OR_MESSAGES and not lists:
            found = type(record["prompt"])
            shape = shape or found
            if found is not shape:
                raise MixedShapes
        tally.dropped += [Dropped(line, reason, whole=False) for reason in lost]
        tally.written += 1
        yield record


def _all(
    items: Iterable[Item], usual: Format, target: Format, tally: Tally, lists: bool
) -> Iterator[tuple[int | None, dict[str, Any], tuple[str, ...]]]:
    """Line, new record and what it lost."""
    half: Item | None = None
    for item in items:
        tally.records += 1
        if item.problem is not None:
            tally.dropped.append(Dropped(item.line, item.problem, whole=True))
            continue
        fmt = format_of(item.value)
        fmt = usual if fmt is Format.UNKNOWN else fmt
        tally.formats[fmt] += 1
        try:
            if target in PAIRS and fmt is Format.UNPAIRED and isinstance(item.value, dict):
                made = None if half is None else pair_up(half.value, item.value, target)  # type: ignore[arg-type]
                if made is None:
                    _drop_half(half, tally)
                    half = item
                    continue
                line, half = (half or item).line, None
            else:
                made, line = convert(item.value, fmt, target, lists=lists), item.line
        except RecordError as error:
            tally.dropped.append(Dropped(item.line, str(error), whole=True))
            continue
        yield line, made.value, made.lost
        for more in made.more:
            yield line, more, ()
    _drop_half(half, tally)


def _drop_half(half: Item | None, tally: Tally) -> None:
    if half is not None:
        why = "one judged answer: no record with the same prompt and the other label follows it, and a pair needs two"
        tally.dropped.append(Dropped(half.line, why, whole=True))


def summary(dropped: Iterable[Dropped], at_most: int = 5) -> list[str]:
    """What was dropped, the same reasons taken together: how often, and where first."""
    counts: Counter[str] = Counter()
    first: dict[str, int | None] = {}
    for one in dropped:
        reason = re.sub(r"\[\d+\]", "[]", one.reason)
        counts[reason] += 1
        first.setdefault(reason, one.line)
    lines = []
    for reason, count in counts.most_common(at_most):
        where = (
            ""
            if first[reason] is None
            else f", first on line {first[reason]}"
            if count > 1
            else f", line {first[reason]}"
        )
        lines.append(f"{reason} ({count:,} {'times' if count > 1 else 'time'}{where})")
    if len(counts) > at_most:
        lines.append(f"and {len(counts) - at_most} more reasons")
    return lines
