"""Copies within a dataset and across two: exact, near, and what one must not have seen of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.alike import NEAR, TextsOf
from workbench.dataset.duplicates.crew import Cancelled, sign_all
from workbench.dataset.duplicates.join import Joined, Match, Side, Union, join_near, match_near, near_across, runs
from workbench.dataset.duplicates.scaffold import scaffolding, scaffolding_of
from workbench.dataset.duplicates.shingles import Kind, shingles
from workbench.dataset.duplicates.signatures import Plan, Signatures, sign_texts
from workbench.dataset.duplicates.texts import read
from workbench.dataset.rows import Rows

Progress = Callable[[int, int], None]
"""Gets the rows compared and the rows in all."""
Source = Rows | Sequence[bytes]
"""A file, or rows as they would stand in one."""

_SAMPLE = 2000  # texts that scaffolding is told from


@dataclass(frozen=True, slots=True)
class Copies:
    """Records that are there more than once."""

    lines: tuple[int, ...]
    """From 1, ascending."""
    similarity: float = 1.0
    """Of near copies: the lowest by which one was put to the others."""


@dataclass(frozen=True, slots=True)
class Leaked:
    """A record that another file has too, or whose question it has."""

    line: int
    against_line: int
    similarity: float
    kind: Literal["record", "prompt", "near"]
    """The whole record, the same question, or nearly the same question."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found; groups by their first line, leaks by their line."""

    records: int
    exact: tuple[Copies, ...]
    near: tuple[Copies, ...]
    leaked: tuple[Leaked, ...] = ()


def find_duplicates(
    rows: Rows,
    *,
    against: Rows | None = None,
    workers: int = 2,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Duplicates:
    """Copies within a file, and with `against` what it shares with another.

    Exact are records of the same value, whatever the spacing and the order of keys; near are those whose texts have
    `NEAR` of their three-word pieces in common (case, punctuation and pieces that most records share do not count); of
    exact copies only the first is among the near.
    """
    total = len(rows) + (len(against) if against is not None else 0)
    plans = [Plan("words", *scaffolding_of(_raws(rows), "words"))]
    if against is not None:
        plans.append(_prompt_plan(rows, against))
    told = _told(progress, total)
    signed = sign_all(_raws(rows), len(rows), plans, workers=workers, progress=told(0), cancelled=cancelled)
    exact = tuple(Copies(tuple(rows.line(int(row)) for row in run)) for run in _exact(signed[0]))
    joined = join_near(signed[0], plans[0], _texts_of(rows, plans[0]), stopped=_stopped(cancelled))
    near = tuple(_near_groups(rows, signed[0], joined))
    found: tuple[Leaked, ...] = ()
    if against is not None:
        (theirs,) = sign_all(
            _raws(against), len(against), plans[1:], workers=workers, progress=told(len(rows)), cancelled=cancelled
        )
        found = _leaks(rows, against, signed[1], theirs, plans[1], cancelled)
    return Duplicates(len(rows), exact, near, found)


def leaked(
    rows: Rows,
    against: Rows,
    *,
    workers: int = 2,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Leaked, ...]:
    """The records of a file that another has, whole or by their question (all before the last answer).

    Near copies are only what a split would not have parted, see `settled`.
    """
    told = _told(progress, len(rows) + len(against))
    plan = _prompt_plan(rows, against)
    (mine,) = sign_all(_raws(rows), len(rows), [plan], workers=workers, progress=told(0), cancelled=cancelled)
    (theirs,) = sign_all(
        _raws(against), len(against), [plan], workers=workers, progress=told(len(rows)), cancelled=cancelled
    )
    return _leaks(rows, against, mine, theirs, plan, cancelled)


def _leaks(
    rows: Rows,
    against: Rows,
    mine: Signatures,
    theirs: Signatures,
    plan: Plan,
    cancelled: Callable[[], bool] | None,
) -> tuple[Leaked, ...]:
    whole = _first_of(theirs.digests)
    sides = Side(mine, _texts_of(rows, plan)), Side(theirs, _texts_of(against, plan))
    found = {match.row: match for match in match_near(*sides, plan, sure=True, stopped=_stopped(cancelled))}
    leaks = []
    for row, digest in enumerate(mine.digests.tolist()):
        if digest in whole:
            leaks.append(Leaked(rows.line(row), against.line(whole[digest]), 1.0, "record"))
        elif row in found:
            match = found[row]
            kind: Literal["prompt", "near"] = "prompt" if match.equal else "near"
            leaks.append(Leaked(rows.line(row), against.line(match.other), round(match.similarity, 4), kind))
    return tuple(leaks)


def leaked_texts(texts: Sequence[str], against: Sequence[str], *, threshold: float = NEAR) -> list[Match]:
    """For each text that `against` has too, the same or nearly the same, the one that is most like it.

    Texts are compared by pieces of five characters, case and punctuation apart; pieces that more than a fifth of
    `against` share do not count. `Match.equal` says whether they are the same.
    """
    sample = against[:: max(1, len(against) // _SAMPLE)]
    plan = Plan("characters", scaffolding(shingles(sample, "characters")))
    mine = Side(sign_texts(texts, plan), lambda numbers: [texts[number] for number in numbers])
    theirs = Side(sign_texts(against, plan), lambda numbers: [against[number] for number in numbers])
    return match_near(mine, theirs, plan, threshold)


def groups(
    rows: Source,
    *,
    by: Literal["record", "prompt", "both"] = "both",
    workers: int = 2,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NDArray[np.int32]:
    """One group number a row, from 0 in the order of the rows: rows of one group must not be parted by a split.

    They are copies of each other, exact or near, as whole records, or they ask the same (`by` says which). A row that
    cannot be read is a group of its own unless its bytes are there twice.
    """
    every: Mapping[str, tuple[Kind, ...]] = {
        "record": ("words",),
        "prompt": ("characters",),
        "both": ("words", "characters"),
    }
    plans = list(map(Plan, every[by], scaffolding_of(_raws(rows), *every[by])))
    told = _told(progress, len(rows))
    signed = sign_all(_raws(rows), len(rows), plans, workers=workers, progress=told(0), cancelled=cancelled)
    union = Union(len(rows))
    union.join_equal(signed[0].digests)
    for part, plan in zip(signed, plans, strict=True):
        lenient = plan.kind == "characters"
        join_near(part, plan, _texts_of(rows, plan), union, lenient=lenient, stopped=_stopped(cancelled))
    _, numbers = np.unique(union.roots(), return_inverse=True)
    return numbers.astype(np.int32)


def parted(
    rows: Source,
    against: Source,
    threshold: float = NEAR,
    *,
    workers: int = 2,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Match]:
    """All that `leaked` chooses from, by row number: each row with each other that is a copy of it, `sure` or not."""
    plan = _prompt_plan(rows, against)
    (mine,) = sign_all(_raws(rows), len(rows), [plan], workers=workers, cancelled=cancelled)
    (theirs,) = sign_all(_raws(against), len(against), [plan], workers=workers, cancelled=cancelled)
    for one, other in ((mine.digests, theirs.digests), (mine.texts, theirs.texts)):
        first = _first_of(other)
        yield from (Match(row, first[value], 1.0, True) for row, value in enumerate(one.tolist()) if value in first)
    sides = Side(mine, _texts_of(rows, plan)), Side(theirs, _texts_of(against, plan))
    different = np.array(sorted(sides[0].firsts().values()), np.int64)
    yield from near_across(*sides, plan, different, threshold, stopped=_stopped(cancelled))


def _first_of(values: NDArray[np.uint64]) -> dict[int, int]:
    """By value: the first row that has it; 0 is none."""
    first: dict[int, int] = {}
    for row, value in enumerate(values.tolist()):
        if value:
            first.setdefault(value, row)
    return first


def _prompt_plan(rows: Source, against: Source) -> Plan:
    return Plan("characters", *scaffolding_of(chain(_raws(rows), _raws(against)), "characters"))


def _raws(rows: Source) -> Iterator[bytes]:
    return rows.iter_raw() if isinstance(rows, Rows) else iter(rows)


def _raw(rows: Source, row: int) -> bytes:
    return rows.raw(row) if isinstance(rows, Rows) else rows[row]


def _texts_of(rows: Source, plan: Plan) -> TextsOf:
    return lambda numbers: [plan.text(read(_raw(rows, number))) for number in numbers]


def _stopped(cancelled: Callable[[], bool] | None) -> Callable[[], None]:
    """Raises Cancelled once asked to stop."""

    def check() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled

    return check


def _exact(signed: Signatures) -> Iterator[NDArray[np.int64]]:
    every = list(runs(signed.digests, np.arange(len(signed), dtype=np.int64)))
    return iter(sorted(every, key=lambda run: int(run[0])))


def _near_groups(rows: Rows, signed: Signatures, joined: Joined) -> Iterator[Copies]:
    """Groups with more than one different record, the first copy of each."""
    roots = joined.union.roots()
    members: defaultdict[int, list[int]] = defaultdict(list)
    seen: set[tuple[int, int]] = set()
    for row in np.flatnonzero(np.isin(roots, roots[roots != np.arange(len(roots))])).tolist():
        key = (int(roots[row]), int(signed.digests[row]))
        if key not in seen:
            seen.add(key)
            members[key[0]].append(row)
    for group in members.values():
        if len(group) > 1:
            lowest = min(float(joined.similarities[row]) for row in group)
            yield Copies(tuple(rows.line(row) for row in group), round(lowest, 4))


def _told(progress: Progress | None, total: int) -> Callable[[int], Callable[[int], None] | None]:
    """A progress of parts out of one of the whole: for each part, told how much is behind it."""

    def part(behind: int) -> Callable[[int], None] | None:
        return None if progress is None else lambda done: progress(behind + done, total)

    return part
