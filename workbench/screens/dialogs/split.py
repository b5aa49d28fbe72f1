"""How a file is split into training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.screens.dialogs.form import Field, FormDialog
from workbench.screens.dialogs.path import PathSuggester


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """What was asked for."""

    fractions: tuple[float, ...]
    seed: int
    folder: Path
    """Where `train.jsonl`, `validation.jsonl` and `test.jsonl` go."""


class SplitDialog(FormDialog[SplitRequest]):
    """Closes with a request, or None."""

    DOES = "splits"

    def __init__(self, records: int, folder: str) -> None:
        self._records = records
        super().__init__(
            [
                Field("train", "train", "80", placeholder="per cent"),
                Field("validation", "validation", "10", placeholder="per cent"),
                Field("test", "test", "10", placeholder="per cent"),
                Field("seed", "seed", "0"),
                Field("folder", "into the folder", folder, suggester=PathSuggester()),
            ],
            title=f"Split {records:,} records",
            about="Records that are almost the same, or ask the same, stay on one side.",
        )

    def comment(self, values: Mapping[str, str]) -> str:
        """How many records each side gets, about."""
        try:
            fractions = _fractions(values)
        except WorkbenchError as error:
            return error.message
        parts = [f"{name} {self._records * part:,.0f}" for name, part in zip(_SIDES, fractions, strict=True)]
        return f"about {', '.join(parts)} records"

    def answer(self, values: Mapping[str, str]) -> SplitRequest:
        """The request; percentages make 100."""
        seed = values["seed"].strip()
        if not seed.isdigit():
            raise WorkbenchError("seed", f"{seed!r} is not a whole number", "write one like 0")
        folder = values["folder"].strip()
        if not folder:
            raise WorkbenchError("into the folder", "is empty", "name a folder; it is made if it does not exist")
        return SplitRequest(_fractions(values), int(seed), Path(folder).expanduser())


_SIDES = ("train", "validation", "test")


def _fractions(values: Mapping[str, str]) -> tuple[float, ...]:
    parts = []
    for side in _SIDES:
        try:
            parts.append(float(values[side].strip() or "0") / 100)
        except ValueError as error:
            raise WorkbenchError(side, f"{values[side]!r} is no number", "write per cent, like 80") from error
    if min(parts) < 0 or abs(sum(parts) - 1) > 1e-9:
        raise WorkbenchError("the parts", f"make {sum(parts) * 100:g} per cent", "they have to make 100")
    return tuple(parts)
