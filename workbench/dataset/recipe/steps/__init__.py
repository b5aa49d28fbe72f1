"""The kinds of steps, each registered here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from workbench.dataset.recipe.steps.base import Difference, Dropped, Log, RecordStep, Scoped, Services, Step, StepRun
from workbench.dataset.recipe.steps.clean import Clean
from workbench.dataset.recipe.steps.dedupe import Dedupe
from workbench.dataset.recipe.steps.drop import Drop
from workbench.dataset.recipe.steps.filter import Filter
from workbench.dataset.recipe.steps.fix import Fix
from workbench.dataset.recipe.steps.hand import HandStep, Insert, Move, Patch
from workbench.dataset.recipe.steps.imports import Import
from workbench.dataset.recipe.steps.limit import Limit
from workbench.dataset.recipe.steps.order import Order
from workbench.dataset.recipe.steps.replace import Replace
from workbench.dataset.recipe.steps.rewrite import Rewrite
from workbench.dataset.recipe.steps.split import SplitStep
from workbench.errors import WorkbenchError

__all__ = [
    "STEPS",
    "Clean",
    "Dedupe",
    "Difference",
    "Drop",
    "Dropped",
    "Filter",
    "Fix",
    "HandStep",
    "Import",
    "Insert",
    "Limit",
    "Log",
    "Move",
    "Order",
    "Patch",
    "RecordStep",
    "Replace",
    "Rewrite",
    "Scoped",
    "Services",
    "SplitStep",
    "Step",
    "StepRun",
    "parse_step",
]

STEPS: dict[str, type[Step]] = {
    step.KIND: step
    for step in (
        Import,
        Fix,
        Clean,
        Replace,
        Filter,
        Patch,
        Drop,
        Insert,
        Move,
        Order,
        Limit,
        Rewrite,
        Dedupe,
        SplitStep,
    )
}
"""Kind to class."""


def parse_step(raw: Mapping[str, Any], place: str = "the step") -> Step:
    """The step in a table of a recipe; a WorkbenchError that begins with `place` where it is none."""
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in STEPS:
        why = f"has the kind {kind!r}, which is not known" if kind is not None else "has no kind"
        raise WorkbenchError(place, why, f"known are {', '.join(STEPS)}", code="unknown_step")
    try:
        return STEPS[kind].model_validate({key: value for key, value in raw.items() if key != "kind"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise WorkbenchError(
            f"{place} ({kind})", f"{key}: {first['msg'].lower()}", "correct it", code="bad_step"
        ) from error
