"""A recipe: what was done to a file of records, step by step, as TOML that an auditor can read."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError, field_validator

from workbench.dataset.formats import Format
from workbench.dataset.recipe.steps import Step, parse_step
from workbench.dataset.rows.save import write_atomically
from workbench.errors import WorkbenchError


class Source(BaseModel):
    """The file that a recipe was made on, or that it gave: what next month's is compared with."""

    model_config = ConfigDict(extra="allow")

    file: str
    sha256: str
    records: int
    format: Format = Format.UNKNOWN
    encoding: str = ""
    """As `UTF-8 with a byte order mark, CRLF`."""
    columns: list[str] = []
    """The keys that its records have."""
    roles: list[str] = []
    labels: list[str] = []
    """The last answers, where they are few enough to be labels."""


class Recipe(BaseModel):
    """What was done, in order. Keys that are not ours survive reading and writing."""

    model_config = ConfigDict(extra="allow")

    version: int = 1
    name: str = ""
    made_at: str = ""
    """ISO time in UTC."""
    made_on: Source | None = None
    gives: Source | None = None
    """What it gave when it was made."""
    steps: list[SerializeAsAny[Step]] = []

    @field_validator("steps", mode="before")
    @classmethod
    def _by_kind(cls, steps: Any) -> Any:
        if not isinstance(steps, list):
            return steps
        return [
            parse_step(step, f"step {number}") if isinstance(step, dict) else step
            for number, step in enumerate(steps, 1)
        ]

    def dump(self) -> str:
        """The recipe as TOML."""
        import tomli_w

        held = self.model_dump(mode="json", exclude_none=True, by_alias=True, exclude={"steps"})
        held = {key: value for key, value in held.items() if value not in ("", [])}
        return tomli_w.dumps(held | {"steps": [step.recorded() for step in self.steps]}, multiline_strings=False)


def parse_recipe(text: str, name: str = "the recipe") -> Recipe:
    """The recipe in a TOML text; a WorkbenchError that begins with `name` and says the place where it is none."""
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise WorkbenchError(name, f"is not TOML: {error}", "correct it there", code="bad_recipe") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise WorkbenchError(name, f"{key}: {first['msg'].lower()}", "correct it there", code="bad_recipe") from error
    except WorkbenchError as error:
        raise WorkbenchError(f"{name}, {error.what}", error.why, error.hint, code=error.code) from error


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file; raises WorkbenchError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(str(path), "is not UTF-8 text", "give a recipe, a TOML file", code="bad_recipe") from error
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be read ({why})", "check the path", code="not_found") from error
    return parse_recipe(text, str(path))


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write it, whole or not at all; raises WorkbenchError."""
    write_atomically(path, [recipe.dump().encode()])


def unknown_keys(steps: Sequence[Step]) -> list[tuple[int, str]]:
    """Keys of steps that nothing reads, most likely misspelt: (number of the step from 1, key)."""
    return [(number, key) for number, step in enumerate(steps, 1) for key in step.model_extra or ()]
