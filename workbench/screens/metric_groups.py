"""Which series belong into one chart: whatever numbers a run reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_SIDES: Final = (("full_valid_", "full validation"), ("valid_", "validation"), ("train_", "training"))
_ORDER: Final = ("training", "validation", "full validation", "")
_WORDS: Final = {"mean_token_accuracy": "token accuracy", "grad_norm": "gradient norm", "reward_mean": "reward"}
_FIRST: Final = ("loss", "mean_token_accuracy", "reward_mean", "learning_rate", "grad_norm")
"""What people look at first; what else arrives follows by its name."""
_LAST: Final = ("epoch", "tokens")


@dataclass(frozen=True, slots=True)
class Group:
    """One chart: a title, and the legend of each of its series by name."""

    title: str
    series: Mapping[str, str]
    sides: Mapping[str, str]
    """Training, validation, full validation; empty for a series that has no side."""


LOSS: Final = Group(
    "loss",
    {"train_loss": "training loss", "valid_loss": "validation loss"},
    {"train_loss": "training", "valid_loss": "validation"},
)
"""What is shown before anything arrived."""


def groups_of(names: Iterable[str]) -> list[Group]:
    """The charts that a run's series make, the training side first in each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        side, rest = next(
            ((side, name.removeprefix(start)) for start, side in _SIDES if name.startswith(start)), ("", name)
        )
        found.setdefault(rest, []).append((side, name))
    groups = []
    for rest in sorted(found, key=_place):
        title = _WORDS.get(rest, rest.replace("_", " "))
        short = title.removeprefix("token ")
        members = sorted(found[rest], key=lambda member: _ORDER.index(member[0]))
        legends = {name: f"{side} {short}" if side else title for side, name in members}
        groups.append(Group(title, legends, {name: side for side, name in members}))
    return groups


def _place(rest: str) -> tuple[int, str]:
    if rest in _FIRST:
        return _FIRST.index(rest), rest
    return len(_FIRST) + (1 if rest in _LAST else 0), rest
