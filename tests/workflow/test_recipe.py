"""A recipe is written as a person saves, and goes on from save to save."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.dataset.recipe.build import source_of
from workbench.dataset.recipe.document import read_recipe
from workbench.errors import WorkbenchError
from workbench.workflow.recipe import recipe_beside, record_save

STEP = {"kind": "clean", "fix": "html", "seen": 1, "touched": 1, "dropped": 0}


def written(path: Path, answer: str) -> None:
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": answer}]
    path.write_text(json.dumps({"messages": messages}) + "\n")


def test_saves_of_one_file_make_one_recipe(tmp_path: Path) -> None:
    """From the first state to the last; beside the file, under its name."""
    path = tmp_path / "chats.jsonl"
    written(path, "one")
    first = source_of(path)
    written(path, "two")
    second = source_of(path)
    record_save([STEP], first, second, recipe_beside(path), name="chats")
    written(path, "three")
    third = source_of(path)
    record_save([STEP | {"fix": "whitespace"}], second, third, recipe_beside(path))
    recipe = read_recipe(tmp_path / "chats.recipe.toml")
    assert [step.title for step in recipe.steps] == ["clean html", "clean whitespace"]
    assert (recipe.made_on, recipe.gives, recipe.name) == (first, third, "chats")


def test_a_recipe_of_another_state_is_not_touched(tmp_path: Path) -> None:
    """The file was changed by somebody else in between: what was done then is not in it."""
    path = tmp_path / "chats.jsonl"
    written(path, "one")
    first = source_of(path)
    record_save([STEP], first, first, recipe_beside(path))
    before = recipe_beside(path).read_bytes()
    written(path, "else")
    other = source_of(path)
    with pytest.raises(WorkbenchError, match="another state of the file"):
        record_save([STEP], other, other, recipe_beside(path))
    assert recipe_beside(path).read_bytes() == before
