"""From the steps that a Document collected to a recipe; and the steps of single hand edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.dataset.digest import digest_raw
from workbench.dataset.recipe.document import Recipe, Source
from workbench.dataset.recipe.steps import Drop, Insert, Move, Patch, Step, parse_step
from workbench.dataset.recipe.steps.changes import changes_between
from workbench.dataset.recipe.steps.hand import Edit, Named


def step_for_patch(before: bytes, after: bytes, at: int | None = None) -> dict[str, Any]:
    """The step of one record changed by hand; `at` is its position in the document, which tells equal records apart."""
    return step_for_patches([(before, after, at)])


def step_for_patches(edits: Iterable[tuple[bytes, bytes, int | None]]) -> dict[str, Any]:
    """The step of records changed by hand at once: (before, after, position)."""
    return Patch(edits=[_edit(before, after, at) for before, after, at in edits]).recorded()


def _edit(before: bytes, after: bytes, at: int | None) -> Edit:
    changes = changes_between(before, after)
    becomes = "" if changes else after.decode("utf-8", "replace")
    return Edit(record=digest_raw(before), at=at, changes=changes, becomes=becomes)


def step_for_drop(records: Iterable[tuple[bytes, int]]) -> dict[str, Any]:
    """The step of records deleted by hand: (bytes, position before the deletion)."""
    return Drop(records=_one_after_another(records)).recorded()


def step_for_insert(records: Sequence[bytes], at: int) -> dict[str, Any]:
    """The step of records added by hand; `at` is the position of the first of them."""
    return Insert(at=at, records=[raw.decode("utf-8", "replace") for raw in records]).recorded()


def step_for_move(records: Sequence[tuple[bytes, int]], position: int) -> dict[str, Any]:
    """The step of records moved by hand, as `Document.move` does it: (bytes, position before), to before `position`."""
    to = position - sum(at < position for _, at in records)
    return Move(records=_one_after_another(records), to=to).recorded()


def _one_after_another(records: Iterable[tuple[bytes, int]]) -> list[Named]:
    """Each with its position once those before it are taken out."""
    ordered = sorted(records, key=lambda record: record[1])
    return [Named(record=digest_raw(raw), at=at - before) for before, (raw, at) in enumerate(ordered)]


def recipe_of(
    steps: Sequence[Mapping[str, Any]],
    *,
    name: str = "",
    made_on: Source | None = None,
    gives: Source | None = None,
    made_at: str | None = None,
) -> Recipe:
    """The recipe of a Document's steps; neighbouring hand edits of a kind become one step."""
    parsed = [parse_step(step, f"step {number}") for number, step in enumerate(steps, 1)]
    when = made_at if made_at is not None else datetime.now(UTC).isoformat(timespec="seconds")
    return Recipe(name=name, made_at=when, made_on=made_on, gives=gives, steps=folded(parsed))


def extended(recipe: Recipe, steps: Sequence[Mapping[str, Any]], gives: Source | None, made_at: str) -> Recipe:
    """The recipe with what was done since, on the file that it gave."""
    more = recipe_of(steps, made_at=made_at).steps
    return recipe.model_copy(update={"steps": folded([*recipe.steps, *more]), "gives": gives, "made_at": made_at})


def folded(steps: Sequence[Step]) -> list[Step]:
    """The same steps with neighbouring hand edits, and neighbouring deletions, as one."""
    result: list[Step] = []
    for step in steps:
        last = result[-1] if result else None
        if isinstance(step, Patch) and isinstance(last, Patch):
            result[-1] = last.model_copy(update={"edits": [*last.edits, *step.edits], **_sums(last, step)})
        elif isinstance(step, Drop) and isinstance(last, Drop) and not (step.rules or last.rules):
            result[-1] = last.model_copy(update={"records": [*last.records, *step.records], **_sums(last, step)})
        else:
            result.append(step)
    return result


def _sums(first: Step, second: Step) -> dict[str, int | None]:
    """What both did together, where both were counted."""
    counted = None not in (first.touched, second.touched, first.dropped, second.dropped)
    return {
        "touched": (first.touched or 0) + (second.touched or 0) if counted else None,
        "dropped": (first.dropped or 0) + (second.dropped or 0) if counted else None,
    }
