"""Saving edits together with the recipe that says what was done: of a save, an import, a split."""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.recipe.build import source_of
from workbench.dataset.recipe.document import Recipe, Source, read_recipe, write_recipe
from workbench.dataset.recipe.record import extended, recipe_of
from workbench.dataset.rows import Document, Saved, open_rows
from workbench.errors import WorkbenchError
from workbench.workflow.recipe import recipe_beside, record_save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.workflow.importing import Imported

MOST_BYTES = 100_000_000
"""Up to this size a recipe describes the records of a file (roles, labels, keys); above, only its hash and count: they
would have to be decoded twice for every save."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a save wrote."""

    saved: Saved
    recipe: Path | None
    """The recipe that says what was done; None where it could not be written."""
    trouble: WorkbenchError | None = None
    """Why it could not: the records are saved all the same."""


def describe(path: Path) -> Source:
    """What a recipe keeps of a file."""
    if path.stat().st_size <= MOST_BYTES:
        return source_of(path)
    with open_rows(path) as rows, path.open("rb") as file:
        return Source(file=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest(), records=len(rows))


def save_document(
    document: Document,
    target: Path | None = None,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Kept:
    """Save the records, over their file or elsewhere, and beside them the recipe of what was done.

    Raises WorkbenchError where the records could not be saved; a recipe that could not be written is told of in the
    result.
    """
    steps = document.steps()
    before = describe(document.real) if steps else None
    saved = document.save(target, progress=progress, force=force)
    if before is None:
        return Kept(saved, None)
    path = recipe_beside(saved.path)
    try:
        record_save(steps, before, describe(saved.path), path, name=saved.path.stem)
    except WorkbenchError as error:
        return Kept(saved, None, error)
    return Kept(saved, path)


@contextmanager
def as_file(document: Document) -> Iterator[Path]:
    """A file with the records as they are now: the document's own where nothing is unsaved, else a temporary copy."""
    if not document.unsaved:
        yield document.real
        return
    with tempfile.TemporaryDirectory(prefix="ftwb-") as folder:
        copy = Path(folder) / document.real.name
        document.save(copy)
        yield copy


def record_import(spec: str, template: str, out: Path, imported: Imported) -> Path | None:
    """Begin the recipe of an imported file with its template; None for a source that is no file here.

    `template` is the TOML that was used. Raises WorkbenchError where the recipe cannot be written.
    """
    source = Path(spec)
    if not source.is_file():
        return None
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    made_on = Source(file=source.name, sha256=sha256, records=imported.records)
    step = {"kind": "import", "mapping": tomllib.loads(template)}
    path = recipe_beside(out)
    write_recipe(recipe_of([step], name=out.stem, made_on=made_on, gives=describe(out)), path)
    return path


def record_split(file: Path, fractions: Sequence[float], seed: int, folder: Path) -> Path:
    """Write, into the folder of a split, the recipe of its file with the split as its last step.

    Where the file has a recipe, that is what goes on; the file's own stays as it is, for a split can only end one.
    Raises WorkbenchError where it cannot be written.
    """
    step = {"kind": "split", "fractions": [part for part in fractions if part], "seed": seed}
    now, beside = describe(file), recipe_beside(file)
    recipe: Recipe
    known = read_recipe(beside) if beside.exists() else None
    if known is not None and known.gives is not None and known.gives.sha256 == now.sha256:
        recipe = extended(known, [step], None, known.made_at)
    else:
        recipe = recipe_of([step], name=file.stem, made_on=now)
    path = folder / beside.name
    write_recipe(recipe, path)
    return path
