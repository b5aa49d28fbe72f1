"""OpenAI's hyperparameters by method, and the values that they may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import WorkbenchError

_COMMON = frozenset({"n_epochs", "batch_size", "learning_rate_multiplier"})
HYPERPARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "sft": _COMMON,
    "dpo": _COMMON | {"beta"},
    "reinforcement": _COMMON | {"compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"},
}
"""OpenAI's names by method (published OpenAPI document, 2026-08-21)."""
AUTO: Final = "auto"
"""The provider chooses."""
EFFORTS: Final = ("default", "low", "medium", "high")
"""`reasoning_effort`."""


@dataclass(frozen=True, slots=True)
class _Range:
    low: float
    high: float | None = None
    whole: bool = False
    above: bool = False
    """The least value itself is not allowed."""

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (self.whole and value != int(value)):
            return False
        return (value > self.low if self.above else value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.high is None:
            return f"{kind} above {self.low:g}" if self.above else f"{kind} from {self.low:g}"
        return f"{kind} {'above' if self.above else 'from'} {self.low:g} to {self.high:g}"


_RANGES: Final[Mapping[str, _Range]] = {
    "n_epochs": _Range(1, 50, whole=True),
    "batch_size": _Range(1, 256, whole=True),
    "learning_rate_multiplier": _Range(0, above=True),
    "beta": _Range(0, 2, above=True),
    "compute_multiplier": _Range(1e-5, 10, above=True),
    "eval_interval": _Range(1, whole=True),
    "eval_samples": _Range(1, whole=True),
}
"""Of the same document. Each of them may be "auto" too."""


def names_of(method: str) -> frozenset[str]:
    """The hyperparameters of a method; of one that OpenAI does not know those that all share."""
    return HYPERPARAMETERS.get(method, _COMMON)


def range_text(name: str) -> str:
    """What a hyperparameter may be, in words; empty for one that is not OpenAI's."""
    if name == "reasoning_effort":
        return ", ".join(EFFORTS)
    return f"{AUTO} or {_RANGES[name]}" if name in _RANGES else ""


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Raise `WorkbenchError` for the first value that OpenAI would not take."""
    for name, value in settings.items():
        if name == "reasoning_effort":
            good = value in EFFORTS
        else:
            good = value == AUTO or name not in _RANGES or _RANGES[name].holds(value)
        if not good:
            raise WorkbenchError(
                f"setting {name!r}", f"is {value!r}", f"give {range_text(name)}", code="out_of_range", exit_code=2
            )
