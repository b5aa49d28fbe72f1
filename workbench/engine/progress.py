"""What a trainer reports in progress.jsonl, as events and as the numbers behind them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.engine.durable import LineTail, text
from workbench.engine.events import NewEvent


@dataclass(slots=True)
class Progress:
    """Turns the trainer's progress lines into events, and remembers what the engine needs of them.

    Folding the whole file again after a restart gives the same keys, so nothing is lost or doubled. A step that a
    resumed trainer repeats keeps its first event.
    """

    path: Path
    losses: dict[int, float] = field(default_factory=dict)
    metrics: dict[int, dict[str, float]] = field(default_factory=dict)
    """By step: train_loss, valid_loss and so on, first value wins as in the events."""
    checkpoints: dict[int, float] = field(default_factory=dict)
    """Step → when."""
    total_steps: int = 0
    step: int = 0
    started_at: float | None = None
    """When the newest launch began to train, and `started_step` where."""
    started_step: int = 0
    latest_at: float | None = None
    finished: Mapping[str, Any] | None = None
    """The data of the last `finished` line."""
    finished_at: float | None = None
    error: Mapping[str, Any] | None = None
    device: str | None = None
    """What the trainer says it runs on."""
    _tail: LineTail = field(init=False)

    def __post_init__(self) -> None:
        self._tail = LineTail(self.path)

    def read(self) -> list[NewEvent]:
        """The events of what the trainer wrote since the last call."""
        return self.fold(self._tail.read())

    def fold(self, lines: Iterable[Mapping[str, Any]]) -> list[NewEvent]:
        """The events of more lines, in order."""
        events: list[NewEvent] = []
        for line in lines:
            event = self._fold_one(line)
            if event is not None:
                events.append(event)
        return events

    def _fold_one(self, line: Mapping[str, Any]) -> NewEvent | None:
        kind, step, at = line.get("kind"), line.get("step"), line.get("t")
        data = line.get("data")
        data = data if isinstance(data, dict) else {}
        step = step if isinstance(step, int) else self.step
        at = float(at) if isinstance(at, int | float) else None
        total = line.get("total_steps")
        if isinstance(total, int) and total > 0:
            self.total_steps = total
        self.step, self.latest_at = step, at or self.latest_at
        match kind:
            case "started":
                self.started_at, self.started_step, self.error = at, step, None
                self.device = text(str(data.get("device") or "")) or self.device
            case "log":
                return self._log(step, data, at)
            case "eval":
                return self._eval(step, data, at)
            case "checkpoint":
                self.checkpoints.setdefault(step, at or time.time())
                return NewEvent(f"checkpoint:{step}", f"Checkpoint created at step {step}", at=at)
            case "finished":
                self.finished, self.finished_at = data, at
            case "error":
                self.error = data
        return None

    def _log(self, step: int, data: dict[str, Any], at: float | None) -> NewEvent:
        numbers = _numbers(data)
        self.metrics.setdefault(step, {}).update({k: v for k, v in numbers.items() if k not in self.metrics[step]})
        if "train_loss" in numbers:
            self.losses.setdefault(step, numbers["train_loss"])
        return self._event(f"log:{step}", step, data, numbers, numbers, at)

    def _eval(self, step: int, data: dict[str, Any], at: float | None) -> NewEvent:
        numbers = _numbers(data)
        kept = self.metrics.setdefault(step, {})
        kept.update({k: v for k, v in numbers.items() if k not in kept})
        shown: Mapping[str, float] = {"train_loss": self.losses[step], **numbers} if step in self.losses else numbers
        key = "full_eval" if any(name.startswith("full_") for name in data) else "eval"
        return self._event(f"{key}:{step}", step, data, numbers, shown, at)

    def _event(
        self,
        key: str,
        step: int,
        data: Mapping[str, Any],
        numbers: Mapping[str, float],
        shown: Mapping[str, float],
        at: float | None,
    ) -> NewEvent:
        """A metrics event. JSON has no NaN: a loss that is no number is missing in its data, and its message says it,
        as a warning."""
        lost = {name: float(data[name]) for name, _ in _LOSSES if _is_number(data.get(name)) and name not in numbers}
        losses = {**shown, **lost}
        parts = [f"{name}={losses[loss]:.2f}" for loss, name in _LOSSES if loss in losses]
        return NewEvent(
            key,
            f"Step {step}/{self.total_steps}" + (f": {', '.join(parts)}" if parts else ""),
            level="warn" if lost else "info",
            data={"step": step, "total_steps": self.total_steps, **numbers},
            at=at,
        )

    def estimated_finish(self) -> int | None:
        """Unix seconds, from the speed of the newest launch; None before it has made a step."""
        if self.started_at is None or self.latest_at is None or self.step <= self.started_step:
            return None
        per_step = (self.latest_at - self.started_at) / (self.step - self.started_step)
        return int(self.latest_at + per_step * max(0, self.total_steps - self.step))


_LOSSES = (
    ("train_loss", "training loss"),
    ("valid_loss", "validation loss"),
    ("full_valid_loss", "full validation loss"),
)


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    """The numeric values, without step counters (NaN and infinities are not JSON: dropped)."""
    return {
        name: value
        for name, value in data.items()
        if _is_number(value) and name not in ("step", "total_steps") and math.isfinite(value)
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
