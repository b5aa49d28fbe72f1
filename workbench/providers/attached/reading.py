"""What every reader gives: numbers at a step, under the names that providers use."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.providers.event_log import Event

FINISHED = "train_runtime"
"""A trainer of Hugging Face writes this once, when it is through."""

MEAN_LOSS = "mean_train_loss"
"""The mean over the whole run, which that trainer writes with it as `train_loss`: no point of the curve."""

_NAMES = {
    "loss": "train_loss",
    "train/loss": "train_loss",
    "eval_loss": "valid_loss",
    "eval/loss": "valid_loss",
    "val_loss": "valid_loss",
    "val/loss": "valid_loss",
    "validation_loss": "valid_loss",
    "mean_token_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "train/train_loss": MEAN_LOSS,
    "lr": "learning_rate",
    "num_tokens": "tokens",
}
"""Other spellings → ours. Azure's result file says `validation_…` where its events say `valid_…`."""
_SIDES = (("eval/", "valid_"), ("eval_", "valid_"), ("train/", ""))


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers that a run wrote down at one step."""

    step: int
    values: Mapping[str, float]
    """By our names; NaN and infinity are kept: that is news."""
    at: float = 0.0
    """Unix seconds; 0 where nothing says it."""
    total_steps: int | None = None


class Source(Protocol):
    """The files of one run, read on from where the last call stopped."""

    path: Path
    kind: str
    """What it is, for people: `TensorBoard files`."""
    finished: bool
    """The files themselves say that the run is through."""

    def read_new(self) -> list[Reading]:
        """What was written since. Raises WorkbenchError where the files cannot be read."""
        ...

    def changed_at(self) -> float:
        """When its newest file was written last, unix seconds; 0 where there is none."""
        ...


def our_name(name: str) -> str:
    """`eval/rewards/margins` → `valid_rewards/margins`; what has no other spelling stays."""
    known = _NAMES.get(name)
    if known is not None:
        return known
    for start, ours in _SIDES:
        if name.startswith(start):
            rest = name[len(start) :]
            return ours + rest if ours else _NAMES.get(rest, rest)
    return name


def number(value: Any) -> float | None:
    """A number, also one that was written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def numbers(row: Mapping[Any, Any]) -> dict[str, float]:
    """The numeric entries of a row under our names."""
    found = {our_name(str(name)): number(value) for name, value in row.items()}
    if FINISHED in found and "train_loss" in found:
        found[MEAN_LOSS] = found.pop("train_loss")
    return {name: value for name, value in found.items() if value is not None}


def event_of(reading: Reading) -> Event:
    """The reading as a provider would have sent it; the same reading always has the same id."""
    place = f"{reading.step}/{reading.total_steps}" if reading.total_steps else f"{reading.step}"
    told = [f"{name}={value:.4g}" for name, value in reading.values.items()]
    said = f"Step {place}: {', '.join(told)}"
    data: dict[str, Any] = {"step": reading.step, **reading.values}
    if reading.total_steps:
        data["total_steps"] = reading.total_steps
    digest = hashlib.blake2b(repr((reading.step, sorted(reading.values.items()))).encode(), digest_size=9).hexdigest()
    odd = any(not math.isfinite(value) for value in reading.values.values())
    return Event.model_construct(
        id=f"read-{digest}",
        created_at=int(reading.at),
        level="warn" if odd else "info",
        type="metrics",
        message=said,
        data=data,
    )
