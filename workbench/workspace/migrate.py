"""Documents of older schemas become current ones, step by step.

A document class that has changed names its steps, so that the room that owns the document owns its history too:

    class ProjectDocument(BaseModel):
        MIGRATIONS: ClassVar[Mapping[int, Step]] = {1: rename_task_to_tasks}
        schema_version: int = 2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""From the raw document of one schema version to the next one; it keeps keys that it does not know."""


def current_version(kind: type[BaseModel]) -> int:
    """The schema version that `kind` is written in."""
    field = kind.model_fields.get("schema_version")
    return int(field.default) if field is not None and isinstance(field.default, int) else 1


def found_version(raw: Mapping[str, Any]) -> int:
    """The schema version of a raw document; one without is of the first. `ValueError` when it is no such number."""
    version = raw.get("schema_version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"schema_version should be a whole number from 1, not {version!r}")
    return version


def migrate(raw: dict[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    """The raw document in the current schema of `kind`; the argument is not changed.

    `LookupError` when a step is missing: a programming error, not a broken file.
    """
    steps: Mapping[int, Step] = getattr(kind, "MIGRATIONS", {})
    document = dict(raw)
    for version in range(found_version(raw), current_version(kind)):
        if version not in steps:
            raise LookupError(f"{kind.__name__} has no migration from schema {version}")
        document = {**steps[version](document), "schema_version": version + 1}
    return document
