"""The files of a split: one a side, rows byte for byte, never over somebody's work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.dataset.rows.save import write_atomically
from workbench.errors import WorkbenchError


@dataclass(frozen=True, slots=True)
class SideFile:
    """One side as it was written."""

    path: Path
    records: int
    sha256: str


def side_path(folder: Path, side: str) -> Path:
    """Where a side goes: `train.jsonl` and so on."""
    return folder / f"{side}.jsonl"


def refuse_overwriting(folder: Path, sides: Iterable[str], source: Path, *, force: bool) -> None:
    """Raise WorkbenchError if a side's file is there already (unless `force`), or is the source itself."""
    for side in sides:
        path = side_path(folder, side)
        if not path.exists():
            continue
        if source.exists() and path.samefile(source):
            raise WorkbenchError(str(path), "is the file that is split", "name another folder", code="same_file")
        if not force:
            raise WorkbenchError(
                str(path), "exists already", "name another folder, or add --force", code="exists", exit_code=2
            )


def write_sides(
    folder: Path, sides: Mapping[str, Iterable[bytes]], source: Path, *, force: bool
) -> dict[str, SideFile]:
    """Write each side's rows, one a line, each file whole or not at all; raises WorkbenchError."""
    refuse_overwriting(folder, sides, source, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise WorkbenchError(
            str(folder), f"cannot be made a folder ({why})", "name another", code="no_folder"
        ) from error
    return {side: _write(side_path(folder, side), rows, source) for side, rows in sides.items()}


def _write(path: Path, rows: Iterable[bytes], source: Path) -> SideFile:
    digest, count = hashlib.sha256(), 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for raw in rows:
            # An element of an array may have been written over several lines.
            line = (b" ".join(raw.splitlines()) if b"\n" in raw else raw) + b"\n"
            digest.update(line)
            count += 1
            yield line

    write_atomically(path, lines(), mode_of=source)
    return SideFile(path, count, digest.hexdigest())
