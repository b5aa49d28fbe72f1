"""Applying steps: to a whole file, or to chosen records for a preview. The same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.dataset.digest import digest_raw
from workbench.dataset.formats import Format
from workbench.dataset.recipe.document import unknown_keys
from workbench.dataset.recipe.entry import Entry, Shelf
from workbench.dataset.recipe.steps import Step, parse_step
from workbench.dataset.recipe.steps.base import Difference, Dropped, Log, Scoped, Services, StepRun
from workbench.dataset.recipe.steps.order import Order
from workbench.errors import WorkbenchError

_DEEP = 50  # generators inside one another; Python ends at a thousand frames
_PROGRESS_EVERY = 2000  # records between two calls of `progress`

_FEWEST = 5
_FACTOR = 2.0
_POINTS = 0.05
"""A step touched a very different share: the shares differ by this factor and by this much, or it should have touched
at least so many records and touched none."""


@dataclass(slots=True)
class Replayed:
    """What came of a replay."""

    entries: list[Entry]
    """The records that came through, in order; `side` says where a split put them."""
    dropped: list[Dropped]
    differences: list[Difference]
    runs: list[StepRun] = field(default_factory=list)


def replay(
    steps: Sequence[Step],
    entries: Iterable[Entry],
    fmt: Format,
    *,
    same: bool = False,
    services: Services | None = None,
    shelf: Shelf | None = None,
    log: Log | None = None,
    first: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Replayed:
    """Apply steps to records.

    `same` says that the records are those of the file the steps were recorded on, in its order, so that positions hold.
    `first` is the number of the first step; `progress` gets how many records have passed the last one, and what it
    raises stops the replay. Raises WorkbenchError for a step that cannot be applied.
    """
    told, held = log or Log(), shelf or Shelf()
    runs: list[StepRun] = []
    stream: Iterable[Entry] = entries
    for number, step in enumerate(steps, first):
        run = StepRun(number, fmt, same, services or Services(), held, told)
        runs.append(run)
        if step.KIND == "split" and step is not steps[-1]:
            raise WorkbenchError(
                f"step {number} (split)", "is not the last step", "a split can only end a recipe", code="bad_step"
            )
        stream = step.apply(stream, run)
        if len(runs) % _DEEP == 0:
            stream = list(_settled(stream))
    done: list[Entry] = []
    for entry in _settled(stream):
        done.append(entry)
        if progress is not None and len(done) % _PROGRESS_EVERY == 0:
            progress(len(done))
    for step, run in zip(steps, runs, strict=True):
        told.differences += _share_differences(step, run)
    for number, key in unknown_keys(steps):
        told.differences.append(Difference("unknown_key", f"the key {key!r} is read by nothing", number + first - 1))
    return Replayed(done, told.dropped, told.differences, runs)


def _settled(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        entry.settle()
        yield entry


def _share_differences(step: Step, run: StepRun) -> Iterator[Difference]:
    """Where a step touched or dropped a very different share than when it was recorded."""
    for what, then, now in (("changed", step.touched, run.touched), ("dropped", step.dropped, run.dropped)):
        if then is None or not step.seen or not run.seen:
            continue
        before, after = then / step.seen, now / run.seen
        low, high = sorted((before, after))
        vanished = now == 0 and before * run.seen >= _FEWEST
        if vanished or (high - low > _POINTS and high > _FACTOR * low):
            text = f"{step.title}: {what} {now} of {run.seen} records ({after:.1%}); it was {before:.1%}"
            yield Difference("share_changed", text, run.number)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a step would do to chosen records."""

    step: dict[str, Any]
    """The step with what it did: pass it to the Document with the edit."""
    title: str
    changes: tuple[tuple[int, bytes, bytes], ...]
    """Key, bytes before, bytes after."""
    dropped: tuple[tuple[int, str], ...]
    """Key and reason."""
    differences: tuple[Difference, ...]


def preview(
    step: Step | dict[str, Any],
    records: Iterable[tuple[int, bytes, int | None]],
    fmt: Format,
    services: Services | None = None,
    *,
    chosen: Callable[[int], int | None] | None = None,
) -> Preview:
    """Apply one step to records (key, bytes, line) by the very code that replays it.

    One undo step then makes it so: `replace` with the changes, or `delete` with what is dropped, and `step`. Where the
    records are only some of the document, picked by hand, `chosen` gives the position of each by its key: the step is
    then kept as one about those (that it changes or drops, if that says it).
    """
    made = parse_step(step) if isinstance(step, dict) else step
    before: dict[int, bytes] = {}

    def entries(shelf: Shelf) -> Iterator[Entry]:
        for key, raw, line in records:
            before[key] = raw
            yield Entry(key, line, raw.__bytes__, shelf)

    shelf, log = Shelf(), Log()
    run = StepRun(1, fmt, True, services or Services(), shelf, log)
    changes = []
    for entry in made.apply(entries(shelf), run):
        if entry.changed and entry.key is not None:
            raw = entry.raw
            if raw != before[entry.key]:
                changes.append((entry.key, before[entry.key], raw))
    gone = tuple((key, reason) for key, reason in log.dropped_keys if key is not None)
    if chosen is not None and isinstance(made, Scoped):
        about = list(before) if made.together else [*(key for key, _, _ in changes), *(key for key, _ in gone)]
        made = made.model_copy(update={"only": [_named(before[key], chosen(key)) for key in about]})
        run.seen = len(about)
    return Preview(made.recorded(run), made.title, tuple(changes), gone, tuple(log.differences))


def _named(raw: bytes, position: int | None) -> str:
    """A record as `Scoped.only` names it."""
    return digest_raw(raw) if position is None else f"{digest_raw(raw)}@{position}"


def order_of(
    step: Step | dict[str, Any],
    records: Iterable[tuple[int, bytes, int | None]],
    fmt: Format,
    services: Services | None = None,
) -> list[int]:
    """The keys of all records in the order that an `order` step gives them: for `Document.reorder`.

    No record is held, only what decides about it.
    """
    made = parse_step(step) if isinstance(step, dict) else step
    assert isinstance(made, Order)
    shelf = Shelf()
    place = made.key(StepRun(1, fmt, True, services or Services(), shelf, Log()))
    numbers, places = [], []
    for number, raw, line in records:
        numbers.append(number)
        places.append(place(Entry(number, line, raw.__bytes__, shelf)))
    return [numbers[at] for at in made.ranked(places)]
