"""What a trainer prints: lines with `{'loss': 0.42, …}` among anything else."""

from __future__ import annotations

import ast
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.providers.attached.reading import FINISHED, Reading, numbers
from workbench.providers.attached.tail import Tail, changed_at

_TABLE = re.compile(r"\{\s*['\"].{1,4000}\}")
_BAR = re.compile(r"(\d+)/(\d+) \[\d")
"""A progress bar: `12/303 [00:05<02:10`. Trainers print their numbers without a step; the bar before has it."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_BARE = re.compile(r"(?<=[:\s,\[])(nan|inf|-inf|NaN|Infinity|-Infinity)(?=[,\s}\]])")
_STEPS = ("step", "global_step")
_NOT_VALUES = frozenset({*_STEPS, "total_steps", "max_steps"})


class LogLines:
    """A log file, followed."""

    kind = "log lines"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = False
        self._tail = Tail(path)
        self._step = 0
        self._bar: tuple[int, int] | None = None
        self._times: tuple[str, float] = ("", 0.0)

    def read_new(self) -> list[Reading]:
        """The numbers of the new lines. Where neither line nor progress bar has a step, reports are counted."""
        found: list[Reading] = []
        lines = self._tail.lines()
        if self._tail.restarted:
            self._step, self._bar, self.finished = 0, None, False
        for line in lines:
            if bar := _BAR.search(line):
                self._see_bar(int(bar[1]), int(bar[2]))
            row = table_in(line)
            if row is None:
                continue
            values = {name: value for name, value in numbers(row).items() if name not in _NOT_VALUES}
            self.finished = self.finished or FINISHED in row
            if values:
                found.append(Reading(self._step_of(row, values), values, self._time_of(line), self._total(row)))
        return found

    def changed_at(self) -> float:
        """When something was printed last."""
        return changed_at([self.path])

    def _see_bar(self, at: int, total: int) -> None:
        # The bar of an evaluation has a length of its own, as a rule a shorter one.
        if self._bar is None or total >= self._bar[1]:
            self._bar, self._step = (at, total), at

    def _step_of(self, row: dict[Any, Any], values: dict[str, float]) -> int:
        told = next((row[name] for name in _STEPS if isinstance(row.get(name), int)), None)
        if told is not None:
            self._step = told
        elif self._bar is None and "train_loss" in values:
            self._step += 1
        return self._step

    def _total(self, row: dict[Any, Any]) -> int | None:
        told = row.get("total_steps") or row.get("max_steps")
        return told if isinstance(told, int) else self._bar[1] if self._bar else None

    def _time_of(self, line: str) -> float:
        """The line's own time, else when the file was written last."""
        told = _TIME.search(line[:200])
        if told is None:
            return self.changed_at()
        if told[0] != self._times[0]:
            try:
                self._times = (told[0], datetime.fromisoformat(told[0]).timestamp())
            except ValueError:  # the 31st of a month that has 30
                return self.changed_at()
        return self._times[1]


def table_in(line: str) -> dict[Any, Any] | None:
    """The dictionary of numbers in a line, as Python prints it or as JSON; None where there is none."""
    found = _TABLE.search(line)
    if found is None:
        return None
    text = found[0]
    try:
        read = json.loads(text)
    except ValueError:
        try:
            read = ast.literal_eval(_BARE.sub(r"'\1'", text))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return read if isinstance(read, dict) else None
