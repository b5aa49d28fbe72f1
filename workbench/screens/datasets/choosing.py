"""Which rows a person wants to see, worked out off the event loop: filter, sort, sample. Knows no widget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from workbench.screens.datasets.facts import UNKNOWN
from workbench.screens.datasets.open_file import OpenFile
from workbench.screens.datasets.view import Sort, Wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_S = 0.03
"""After how long the first rows that fit are shown."""
TICK_S = 0.25
"""How often more of them are."""
_LONGEST_LABEL = 80
"""Characters of an answer that is a label; longer ones are sorted behind all labels."""


class Chosen(NamedTuple):
    """Rows to show, in order."""

    rows: NDArray[np.int64]
    done: bool
    share: float
    """How much of the file is decided, from 0 to 1."""


def choose(file: OpenFile, wanted: Wanted, cancelled: Callable[[], bool]) -> Iterator[Chosen]:
    """The rows that are wanted: of a filter in the file's order as they are found, then all, sorted and drawn."""
    rows = None
    for rows, share in _filtered(file, wanted, cancelled):
        yield Chosen(rows, False, share)
    if cancelled():
        return
    if rows is None:
        rows = file.document.ids()
    if wanted.sample and wanted.sample < len(rows):
        rows = _drawn(rows, wanted.sample, wanted.seed)
    if wanted.sort.changes_order:
        key = sort_key(file, rows, wanted.sort, cancelled)
        if key is None:
            return
        rows = rows[key]
    yield Chosen(rows, True, 1.0)


def _filtered(
    file: OpenFile, wanted: Wanted, cancelled: Callable[[], bool]
) -> Iterator[tuple[NDArray[np.int64], float]]:
    """What fits so far, a few times a second, and at the end all of it."""
    import numpy as np

    from workbench.dataset.query import select

    if wanted.query is None:
        return
    # Of a file without edits the rows need no list of their own: they are those of the file in its order.
    ids = file.document.ids() if file.unsaved else None
    fits = np.zeros(max(1, len(file.rows)), dtype=bool)
    written = np.empty(0, dtype=np.int64) if ids is None else _written(file, wanted, ids[ids < 0], cancelled)
    due = time.monotonic() + FIRST_S
    known = None if file.facts is None else file.facts.known
    if known is not None and len(known.seen) != len(file.rows):
        known = None  # the index has grown since
    for part in select(wanted.query, file.rows, file.format, known, cancelled=cancelled):
        fits[part.rows[part.rows < len(fits)]] = True  # the index may have grown since
        if time.monotonic() >= due:
            due = time.monotonic() + TICK_S
            yield _in_order(ids, fits, written), part.looked_at / max(1, len(file.rows))
    if not cancelled():
        yield _in_order(ids, fits, written), 1.0


def _written(
    file: OpenFile, wanted: Wanted, ids: NDArray[np.int64], cancelled: Callable[[], bool]
) -> NDArray[np.int64]:
    """Those rows a person wrote that fit, ascending."""
    import numpy as np

    query = wanted.query
    if query is None:
        return ids
    analysed = bool(query.fields)
    fitting = []
    for number, row in enumerate(ids.tolist()):
        if number % 64 == 0 and cancelled():
            break
        if query.matches(file.query_row(row, analysed=analysed)):
            fitting.append(row)
    return np.array(sorted(fitting), dtype=np.int64)


def _in_order(ids: NDArray[np.int64] | None, fits: NDArray[np.bool_], written: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    from workbench.screens.datasets.row_set import RowSet

    if ids is None:
        return np.flatnonzero(fits)
    keep = fits[np.maximum(ids, 0)] & (ids >= 0)
    if len(written):
        keep |= RowSet(written).among(ids)
    return ids[keep]


def _drawn(rows: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` of the rows at random, in their order."""
    import numpy as np

    places = np.random.default_rng(seed).choice(len(rows), count, replace=False)
    places.sort()
    return rows[places]


def sort_key(
    file: OpenFile, rows: NDArray[np.int64], sort: Sort, cancelled: Callable[[], bool]
) -> NDArray[np.int64] | None:
    """The places of `rows` in sorted order, equal ones as they stood; None if cancelled."""
    import numpy as np

    if sort.key == "line":
        places = np.arange(len(rows))
        return places[::-1] if sort.descending else places
    if sort.key == "label":
        labels = _labels(file, rows, cancelled)
        if labels is None:
            return None
        places = np.array(sorted(range(len(rows)), key=labels.__getitem__, reverse=sort.descending), dtype=np.int64)
        return _unknown_last(places, np.array([not label for label in labels], dtype=bool))
    numbers = _numbers(file, rows, sort.key)
    places = np.argsort(-numbers if sort.descending else numbers, kind="stable")
    return _unknown_last(places, numbers == UNKNOWN)


def _unknown_last(places: NDArray[np.int64], unknown: NDArray[np.bool_]) -> NDArray[np.int64]:
    import numpy as np

    last = unknown[places]
    return np.concatenate((places[~last], places[last]))


def _numbers(file: OpenFile, rows: NDArray[np.int64], key: str) -> NDArray[np.int64]:
    """The column of some rows; UNKNOWN where nobody counted yet."""
    import numpy as np

    numbers = np.full(len(rows), UNKNOWN, dtype=np.int64)
    ours = rows >= 0
    if key == "size":
        from workbench.dataset.search import extents

        starts, stops = extents(file.rows)
        numbers[ours] = (stops - starts)[rows[ours]]
    elif file.facts is not None:
        known, there = file.facts.known, rows[ours]
        column = file.facts.found() if key == "findings" else getattr(known, key)
        inside = there < len(known.seen)
        there = np.where(inside, there, 0)
        numbers[ours] = np.where(inside & known.seen[there], column[there].astype(np.int64), UNKNOWN)
    for place in np.flatnonzero(~ours).tolist():
        numbers[place] = _number(file, int(rows[place]), key)
    return numbers


def _number(file: OpenFile, row: int, key: str) -> int:
    """The same of a row that a person wrote."""
    if key == "size":
        return len(file.document.raw(row))
    facts = file.facts_of(row)
    return len(facts.findings) if key == "findings" else facts.tokens if key == "tokens" else facts.turns


def _labels(file: OpenFile, rows: NDArray[np.int64], cancelled: Callable[[], bool]) -> list[str] | None:
    """The last answer of each row where it is short; empty where it is not."""
    labels = []
    for number, row in enumerate(rows.tolist()):
        if number % 64 == 0 and cancelled():
            return None
        label = file.query_row(row, analysed=False).label or ""
        labels.append(label.casefold() if len(label) <= _LONGEST_LABEL else "")
    return labels
