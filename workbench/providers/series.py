"""Numbers over steps, out of events: whatever numeric keys a provider sends."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.providers.event_log import Event
from workbench.providers.points import GrowingPoints, Points

_NOT_SERIES = frozenset({"step", "total_steps"})
_FAR = 2**63  # no step is so large: somebody sent nonsense
_ODD = re.compile(r"=\s*[-+]?(?:nan|inf)", re.IGNORECASE)
_STEP = re.compile(r"Step (\d+)(?:/(\d+))?:")
_IN_MESSAGE = (
    (re.compile(r"(?:^|[\s,])training loss=([^\s,]+)"), "train_loss"),
    (re.compile(r"(?:^|[\s,])full validation loss=([^\s,]+)"), "full_valid_loss"),
    (re.compile(r"(?:^|[\s,])(?<!full )validation loss=([^\s,]+)"), "valid_loss"),
)


class SeriesFold:
    """Series that grow as events come. A step that is told twice (a resumed job) keeps its last value."""

    def __init__(self) -> None:
        self._points: dict[str, GrowingPoints] = {}
        self._times = GrowingPoints()
        self.step: int | None = None
        """The newest step."""
        self.total_steps: int | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Fold more events in; costs what is new, not what is there."""
        times = self._times
        for event in events:
            data = _numbers(event) if event.type == "metrics" else event.data
            step, total = data.get("step"), data.get("total_steps")
            if total != self.total_steps:
                self.total_steps = whole(total) or self.total_steps
            if type(step) is not int:
                step = whole(step)
            if step is None or not -_FAR < step < _FAR:
                continue
            self.step = step
            if created := event.created_at:
                times.put(step, created)
            for name, value in data.items():
                if name in _NOT_SERIES or (type(value) is not float and not _is_number(value)):
                    continue
                points = self._points.get(name)
                if points is None:
                    points = self._points[name] = GrowingPoints()
                steps = points.steps
                if type(value) is float and (not steps or steps[-1] < step):
                    steps.append(step)  # as `put` does it, without the call: there are 400,000 of them
                    points.values.append(value)
                    continue
                try:
                    points.put(step, float(value))
                except OverflowError:  # a whole number larger than any float
                    continue

    def series(self) -> dict[str, Points]:
        """Each series by step. Values may be NaN or infinite: that is news, not noise."""
        return {name: points.points() for name, points in self._points.items()}

    def times(self) -> Points:
        """(step, unix seconds) where events say when, by step."""
        return self._times.points()


def _numbers(event: Event) -> Mapping[str, Any]:
    """What an event with numbers says. JSON has no NaN: our engine says such a loss in the message alone."""
    if not event.data:
        return _from_message(event.message)
    if _ODD.search(event.message):
        return {**_not_finite(_from_message(event.message)), **event.data}
    return event.data


def fold(events: Iterable[Event]) -> dict[str, Points]:
    """All series of a job's events: `train_loss`, `valid_loss`, `learning_rate`, rewards, and so on."""
    folded = SeriesFold()
    folded.add(events)
    return folded.series()


def position(events: Iterable[Event]) -> tuple[int | None, int | None]:
    """The newest step and, where the provider says it, of how many."""
    folded = SeriesFold()
    folded.add(events)
    return folded.step, folded.total_steps


def _from_message(message: str) -> Mapping[str, Any]:
    """The numbers of "Step 60/200: training loss=0.73, validation loss=1.46", where there is no data."""
    place = _STEP.match(message)
    if place is None:
        return {}
    data: dict[str, Any] = {"step": int(place[1])}
    if place[2]:
        data["total_steps"] = int(place[2])
    for pattern, name in _IN_MESSAGE:
        if found := pattern.search(message):
            try:
                data[name] = float(found[1])
            except ValueError:
                continue
    return data


def _not_finite(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not math.isfinite(value)}


def whole(value: Any) -> int | None:
    """A number that a server sent as a whole one; None for what is none, NaN and infinity included."""
    return int(value) if _is_number(value) and math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
