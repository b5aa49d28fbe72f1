"""Splitting a file into train, validation and test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.digest import digest_raw
from workbench.dataset.formats import detect
from workbench.dataset.rows import Rows, open_rows
from workbench.dataset.sides import SideFile, refuse_overwriting, write_sides
from workbench.dataset.split import SIDES, Split, checked_fractions, labels_of, split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """What a split wrote; the keys of the command line contract."""

    train: SideFile
    validation: SideFile
    test: SideFile | None
    """None where two fractions were given."""
    seed: int
    groups: int
    """Groups of records that were kept together; a record like no other is one too."""
    kept_out: tuple[int, ...]
    """Lines of records that are on no side, as they are near a record of the file to keep out."""


def split_dataset(
    path: Path,
    folder: Path,
    fractions: Sequence[float],
    *,
    seed: int = 0,
    stratify: bool = False,
    keep_out: Path | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SplitFiles:
    """Write `train.jsonl`, `validation.jsonl` and, with three fractions, `test.jsonl` to `folder`.

    Near-duplicates and records that ask the same are on one side: no side has what `leaked` finds on another.
    `stratify` spreads labels (short last answers) evenly. Records near one of `keep_out`, a frozen test set, are
    written nowhere. `progress` gets rows compared and rows in all. Raises WorkbenchError, also where a file is there
    already and `force` is not given.
    """
    from workbench.dataset.duplicates import settled

    wanted = checked_fractions(fractions)
    sides = [side for side, part in zip(SIDES, wanted, strict=True) if part]
    refuse_overwriting(folder, sides, path, force=force)
    with open_rows(path) as rows:
        near = _near(rows, keep_out, cancelled) if keep_out is not None else []
        fmt = detect(rows.sample()).format
        labels = labels_of((value for _, value in rows.records()), fmt) if stratify else None
        keys = [digest_raw(raw) for raw in rows.iter_raw()]

        def tried(numbers: NDArray[np.int32]) -> Split:
            return split(keys, fractions, seed, numbers.tolist(), labels=labels, keep_out=near)

        numbers = settled(rows, lambda numbers: tried(numbers).sides(), progress=progress, cancelled=cancelled)
        made = tried(numbers)
        written = write_sides(
            folder, {side: (rows.raw(row) for row in made.side(side)) for side in sides}, path, force=force
        )
        lines = tuple(rows.line(row) for row in made.kept_out)
    return SplitFiles(written["train"], written["validation"], written.get("test"), seed, made.groups, lines)


def _near(rows: Rows, keep_out: Path, cancelled: Callable[[], bool] | None) -> list[int]:
    """The rows that are near one of another file; of several elements on one line all."""
    from workbench.dataset.duplicates import leaked

    with open_rows(keep_out) as others:
        lines = {leak.line for leak in leaked(rows, others, cancelled=cancelled)}
    on_line: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(len(rows)):
        on_line[rows.line(row)].append(row)
    return [row for line in lines for row in on_line[line]]
