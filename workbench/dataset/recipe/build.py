"""Building a dataset: a recipe replayed on a file, written where it belongs, with what differs said."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workbench.dataset.formats import Format, detect
from workbench.dataset.recipe.document import Recipe, Source
from workbench.dataset.recipe.entry import Entry, Shelf
from workbench.dataset.recipe.layout import pieces
from workbench.dataset.recipe.observe import Observed, differences_between
from workbench.dataset.recipe.replay import Replayed, replay
from workbench.dataset.recipe.steps import Import
from workbench.dataset.recipe.steps.base import Difference, Dropped, Log, Services, StepRun
from workbench.dataset.rows import Rows, open_rows
from workbench.dataset.rows.save import write_atomically
from workbench.dataset.sides import SideFile, refuse_overwriting, write_sides
from workbench.dataset.split import SIDES
from workbench.errors import WorkbenchError


@dataclass(frozen=True, slots=True)
class Built:
    """What a replay made of a file."""

    records: int
    """Records of the input; rows, where the recipe begins with an import."""
    written: int
    dropped: tuple[Dropped, ...]
    """Every record that was not written, by line."""
    differences: tuple[Difference, ...]
    """What is not as it was when the recipe was made."""
    path: Path | None
    """The new file; None where the recipe ends in a split."""
    sides: dict[str, SideFile] = field(default_factory=dict)
    """The files of a split, by side."""


def ends_in_split(recipe: Recipe) -> bool:
    """Whether the recipe writes a file a side, into a folder."""
    return bool(recipe.steps) and recipe.steps[-1].KIND == "split"


def begins_with_import(recipe: Recipe) -> bool:
    """Whether the recipe wants a file of rows (a table, say) instead of records."""
    return bool(recipe.steps) and recipe.steps[0].KIND == "import"


def build(
    recipe: Recipe,
    source: Path,
    out: Path,
    *,
    folder: Path | None = None,
    services: Services | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Built:
    """Replay `recipe` on the file `source` and write `out`: a file, or the folder of the sides.

    `folder` is the recipe's, for a template of its own. What is there already is only replaced with `force`, the source
    never. `progress` gets the records done, and what it raises stops the work with nothing written. The same recipe on
    the same file gives the same bytes. Raises WorkbenchError.
    """
    _refuse(recipe, source, out, force)
    log, shelf = Log(), Shelf()
    if begins_with_import(recipe):
        return _imported(recipe, source, out, folder, services or Services(), force, progress, log, shelf)
    with open_rows(source) as rows:
        sha256 = _sha256(source)
        observed = Observed(detect(rows.sample()).format)
        replayed = replay(
            recipe.steps,
            observed.passing(entries_of(rows, shelf)),
            observed.format,
            same=recipe.made_on is not None and recipe.made_on.sha256 == sha256,
            services=services,
            shelf=shelf,
            log=log,
            progress=progress,
        )
        now = observed.source(source.name, sha256, rows.encoding)
        return _written(recipe, replayed, rows, source, out, now, force)


def entries_of(rows: Rows, shelf: Shelf) -> Iterator[Entry]:
    """The records of a file, each read when it is asked for."""
    for number in range(len(rows)):
        line, column = rows.index.place(number)
        yield Entry(number, line, _Row(rows, number), shelf, column)


class _Row:
    """One row of a file: what reads it, in the fewest bytes."""

    __slots__ = ("number", "rows")

    def __init__(self, rows: Rows, number: int) -> None:
        self.rows = rows
        self.number = number

    def __call__(self) -> bytes:
        return self.rows.raw(self.number)


def _imported(
    recipe: Recipe,
    source: Path,
    out: Path,
    folder: Path | None,
    services: Services,
    force: bool,
    progress: Callable[[int], None] | None,
    log: Log,
    shelf: Shelf,
) -> Built:
    """The same where rows become records first."""
    step = recipe.steps[0]
    assert isinstance(step, Import)
    sha256 = _sha256(source)
    same = recipe.made_on is not None and recipe.made_on.sha256 == sha256
    run = StepRun(1, Format.UNKNOWN, same, services, shelf, log)
    fmt, entries = step.records(source, run, folder)
    observed = Observed(fmt)
    replayed = replay(
        recipe.steps[1:], observed.passing(entries), fmt,
        same=same, services=services, shelf=shelf, log=log, first=2, progress=progress,
    )  # fmt: skip
    now = observed.source(source.name, sha256, None)
    return _written(recipe, replayed, None, source, out, now.model_copy(update={"records": run.seen}), force)


def _written(
    recipe: Recipe, replayed: Replayed, rows: Rows | None, source: Path, out: Path, now: Source, force: bool
) -> Built:
    """Write what came through, and sum up."""
    differences = list(replayed.differences)
    if recipe.made_on is not None:
        differences = differences_between(recipe.made_on, now) + differences
    dropped = sorted(replayed.dropped, key=lambda gone: gone.line or 0)
    told = (now.records, len(replayed.entries), tuple(dropped), tuple(differences))
    if ends_in_split(recipe):
        sides: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in replayed.entries:
            sides[entry.side].append(entry)
        named = {side: (entry.raw for entry in sides[side]) for side in SIDES if side in sides}
        return Built(*told, None, write_sides(out, named, source, force=force))
    if not replayed.entries:
        raise WorkbenchError(
            str(source), "has no record left when the recipe is done", "look at its filters", code="nothing_left"
        )
    write_atomically(out, pieces(rows, replayed.entries), mode_of=source)
    return Built(*told, out)


def _refuse(recipe: Recipe, source: Path, out: Path, force: bool) -> None:
    """Raise what can be told before any work."""
    if ends_in_split(recipe):
        refuse_overwriting(out, SIDES, source, force=force)
        return
    if not out.exists():
        return
    if source.exists() and out.samefile(source):
        raise WorkbenchError(str(out), "is the input itself", "write to another file", code="same_file")
    if not force:
        raise WorkbenchError(
            str(out), "exists already", "name another file, or add --force", code="exists", exit_code=2
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(str(path), f"cannot be read ({why})", "check the path", code="not_readable") from error


def source_of(path: Path) -> Source:
    """What a recipe keeps of the file it is made on, or of the one that it gave: one pass over the file."""
    with open_rows(path) as rows:
        observed = Observed(detect(rows.sample()).format)
        for _ in observed.passing(entries_of(rows, Shelf())):
            pass
        return observed.source(path.name, _sha256(path), rows.encoding)
