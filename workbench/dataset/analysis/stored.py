"""Analyses kept in the cache, by content of the file and by question.

A file that cannot be read, is cut off or was written by other code counts as none.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import xxhash

from workbench.dataset.analysis import columns as column_types
from workbench.dataset.analysis import findings as finding_types
from workbench.dataset.analysis.columns import Columns
from workbench.dataset.analysis.findings import Findings
from workbench.dataset.analysis.places import Places
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.tallied import dump_tally, read_tally
from workbench.dataset.analysis.whole import Analysis
from workbench.dataset.rows import Rows
from workbench.dataset.rules.facts import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"ftwb analysis 1\n"
_HEAD = struct.Struct("<QQ")  # length of the description, hash of all that follows this head
_LONGEST = 65_536  # bytes of a description
_BLOCK = 1024 * 1024
_SETTLED_NS = 2_000_000_000
_KEPT_BYTES = 512 * 1024 * 1024
_TYPES = {**column_types.TYPES, **finding_types.TYPES, "ends": "i8", "blank_lines": "i8", "array": "i8", "blob": "u1"}
_TYPES |= {"tally": "u1", "lines": "i4", "digests": column_types.DIGEST}
_GROUNDS = "-grounds"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, struct.error)


def load(cache: Path, rows: Rows, spec: Spec) -> Analysis | None:
    """The analysis of this content by this question, if it is kept."""
    try:
        arrays = _read(_place(cache, rows, spec))
        columns = Columns(**{name: arrays[name] for name in column_types.TYPES})
        found = {name: arrays[f"findings.{name}"] for name in (*finding_types.TYPES, "ends")}
        places = Places(len(columns), arrays["blank_lines"], arrays.get("array"))
        return Analysis(spec, columns, Findings(**found, blob=arrays["blob"].tobytes()), places)
    except _UNREADABLE:
        return None


class Grounds(NamedTuple):
    """What the rules about a file were worked out from."""

    tally: Tally
    digests: NDArray[Any]
    """Of every row, see DIGEST."""


def load_grounds(cache: Path, rows: Rows, spec: Spec) -> Grounds | None:
    """What was found out for the rules about the file, if it is kept."""
    try:
        arrays = _read(_place(cache, rows, spec, _GROUNDS))
        return Grounds(read_tally(arrays["tally"].tobytes(), arrays["lines"]), arrays["digests"])
    except _UNREADABLE:
        return None


def store(cache: Path, rows: Rows, analysis: Analysis, grounds: Grounds) -> None:
    """Keep an analysis and its grounds; where that cannot be done (a full disk), they are not."""
    arrays: dict[str, Any] = {**analysis.columns.arrays()}
    found = analysis.findings
    arrays |= {f"findings.{name}": getattr(found, name) for name in (*finding_types.TYPES, "ends")}
    arrays["blank_lines"] = analysis.places.blank_lines
    if analysis.places.array is not None:
        arrays["array"] = analysis.places.array
    arrays["blob"] = np.frombuffer(found.blob, "u1")
    _keep(_place(cache, rows, analysis.spec), arrays)
    described, lines = dump_tally(grounds.tally)
    # Beside it: whoever shows an analysis does not need them, and they are as large.
    counted = {"tally": np.frombuffer(described, "u1"), "lines": lines, "digests": grounds.digests}
    _keep(_place(cache, rows, analysis.spec, _GROUNDS), counted)


def _keep(path: Path, arrays: Mapping[str, Any]) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                _write(file, arrays)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _forget_old(path.parent)


def _place(cache: Path, rows: Rows, spec: Spec, kind: str = "") -> Path:
    return cache / "analyses" / f"{_content(cache, rows)}-{spec.key()}{kind}.bin"


def _content(cache: Path, rows: Rows) -> str:
    """A hash of the file's bytes; remembered for a file that has not been touched since it was taken."""
    state = os.fstat(rows.fd)
    known = f"{rows.path.resolve()}\n{state.st_dev} {state.st_ino} {state.st_size} {state.st_mtime_ns}"
    note = cache / "analyses" / "contents" / xxhash.xxh3_128_hexdigest(known.encode("utf-8", "surrogateescape"))
    with suppress(OSError, ValueError):
        return f"{int(note.read_text(), 16):032x}"
    digest, position = xxhash.xxh3_128(), 0
    block = memoryview(bytearray(_BLOCK))
    while count := os.preadv(rows.fd, [block], position):
        digest.update(block[:count])
        position += count
    content = digest.hexdigest()
    # Clocks of file systems are coarse: a file written just now may change once more without a new time.
    if time.time_ns() - state.st_mtime_ns > _SETTLED_NS:
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(content)
    return content


def _write(file: BinaryIO, arrays: Mapping[str, Any]) -> None:
    """Array by array, for they are large: first their names and lengths, the hash of it all at the beginning."""
    described = json.dumps([[name, len(array)] for name, array in arrays.items()]).encode()
    hashed = xxhash.xxh3_64(described)
    file.write(_MAGIC + _HEAD.pack(len(described), 0) + described)
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, _type(name)).data.cast("B") if len(array) else b""
        hashed.update(data)
        file.write(data)
    file.seek(len(_MAGIC))
    file.write(_HEAD.pack(len(described), hashed.intdigest()))


def _read(path: Path) -> dict[str, Any]:
    """The arrays of a file, which counts as used; raises one of `_UNREADABLE` for anything that is not whole."""
    arrays: dict[str, Any] = {}
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("not an analysis")
        length, digest = _HEAD.unpack(file.read(_HEAD.size))
        described = file.read(min(length, _LONGEST))
        hashed = xxhash.xxh3_64(described)
        for name, count in json.loads(described):
            arrays[name] = np.fromfile(file, _type(name), count)
            hashed.update(arrays[name].data.cast("B") if len(arrays[name]) else b"")
        if hashed.intdigest() != digest:
            raise ValueError("damaged")
    os.utime(path)
    return arrays


def _type(name: str) -> np.dtype[Any]:
    return np.dtype("<" + _TYPES[name.removeprefix("findings.")])


def _forget_old(folder: Path) -> None:
    """Keep the newest analyses only, up to half a gigabyte."""
    kept = 0
    files = sorted(folder.glob("*.bin"), key=lambda path: -path.stat().st_mtime)
    for number, path in enumerate(files):
        kept += path.stat().st_size
        if number and kept > _KEPT_BYTES:
            path.unlink(missing_ok=True)
