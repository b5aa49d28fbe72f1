"""Recipes: written as a person saves, replayed on the next file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.dataset.formats import Format
from workbench.dataset.recipe.build import Built, build, ends_in_split
from workbench.dataset.recipe.document import Recipe, Source, read_recipe, write_recipe
from workbench.dataset.recipe.record import extended, recipe_of
from workbench.dataset.recipe.steps.base import Match, Services
from workbench.errors import WorkbenchError
from workbench.workflow.context import Context
from workbench.workflow.prepare import counter_of

if TYPE_CHECKING:
    from workbench.dataset.tokens import Counter


def services_of(context: Context) -> Services:
    """What steps need from outside the dataset room: token counters and the filter language."""

    def counter(model: str) -> Counter:
        return counter_of(context, model or None)

    def query(text: str, fmt: Format) -> Match:
        from workbench.dataset.recipe.matching import matcher

        return matcher(text, fmt, lambda: counter(""))

    return Services(counter=counter, query=query)


def default_output(recipe: Recipe, source: Path) -> Path:
    """Where a build goes if nobody says: `NAME.built.jsonl` beside the input; for a split the folder `NAME.built`."""
    stem = source.name.split(".")[0] or source.name
    return source.with_name(f"{stem}.built" if ends_in_split(recipe) else f"{stem}.built.jsonl")


def build_dataset(
    context: Context,
    recipe: Path,
    source: Path,
    out: Path | None = None,
    *,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Replay the recipe in a file on `source`; see `dataset.recipe.build.build`.

    Without `out` the result goes to `default_output`, where only an earlier build can be, and replaces it.
    """
    read = read_recipe(recipe)
    target = default_output(read, source) if out is None else out
    return build(
        read, source, target,
        folder=recipe.parent, services=services_of(context), force=force or out is None, progress=progress,
    )  # fmt: skip


def recipe_beside(path: Path) -> Path:
    """Where the recipe of a file stands: `NAME.recipe.toml` beside it."""
    return path.with_name(f"{path.name.removesuffix('.jsonl').removesuffix('.json')}.recipe.toml")


def record_save(
    steps: Sequence[Mapping[str, Any]], made_on: Source, gives: Source, path: Path, *, name: str = ""
) -> Recipe:
    """Write down what was done between two states of a file (`dataset.recipe.build.source_of` describes one).

    A recipe that is in `path` already and gave the first state goes on; one that did not is somebody's own and is not
    touched: a WorkbenchError says so.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if not path.exists():
        recipe = recipe_of(steps, name=name, made_on=made_on, gives=gives, made_at=now)
    else:
        recipe = read_recipe(path)
        if recipe.gives is None or recipe.gives.sha256 != made_on.sha256:
            raise WorkbenchError(
                str(path),
                "is the recipe of another state of the file, so this save cannot go on in it",
                "write the recipe under another name",
                code="other_recipe",
            )
        recipe = extended(recipe, steps, gives, now)
    write_recipe(recipe, path)
    return recipe
