"""TensorBoard's event files: scalars only, without TensorBoard.

A file is a row of TFRecords (length, its checksum, bytes, their checksum; checksums are CRC-32C, rotated), each record
a protobuf `Event`. Of it we read wall time, step, and of each summary value its tag and number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.providers.attached.reading import FINISHED, Reading, our_name
from workbench.providers.attached.tail import Tail, changed_at

if TYPE_CHECKING:
    import numpy as np

_HEAD = 12
_FOOT = 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE, _FLOAT, _U64, _U32 = struct.Struct("<d"), struct.Struct("<f"), struct.Struct("<Q"), struct.Struct("<I")


class EventFiles:
    """All event files of one folder, or one of them, as they grow."""

    kind = "TensorBoard files"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = False
        self._tails: dict[Path, Tail] = {}
        self._held: dict[Path, Reading] = {}
        """The last step of a file, of which more may come: told when the next look finds nothing more."""

    def read_new(self) -> list[Reading]:
        """The scalars that are new; those of one step and file become one reading."""
        found: list[Reading] = []
        for file in self._files():
            tail = self._tails.setdefault(file, Tail(file))
            before = tail.offset
            held = self._held.pop(file, None)
            steps = _grouped(scalars_in(tail), held)
            if tail.offset != before and steps:
                self._held[file] = steps.pop()
            found += steps
        self.finished = self.finished or any(FINISHED in name for one in found for name in one.values)
        return found

    def changed_at(self) -> float:
        """Of the newest file."""
        return changed_at(self._files())

    def _files(self) -> list[Path]:
        return [self.path] if self.path.is_file() else sorted(self.path.glob("*.tfevents.*"))


def scalars_in(tail: Tail) -> Iterator[tuple[int, float, str, float]]:
    """(step, wall time, tag, value) of the whole records behind the tail's offset, which moves on.

    A record that is not whole yet is waited for. Raises WorkbenchError at one whose checksum is wrong.
    """
    data = tail.read()
    spans, at = [], 0
    while at + _HEAD <= len(data):
        (length,) = _U64.unpack_from(data, at)
        if at + _HEAD + length + _FOOT > len(data):
            break
        spans.append((at + _HEAD, length))
        at += _HEAD + length + _FOOT
    good = _first_damaged(data, spans)
    torn = at + _HEAD <= len(data) and good == len(spans) and not _header_is_whole(data, at)
    if good < len(spans) or torn:
        place = tail.offset + (spans[good][0] - _HEAD if good < len(spans) else at)
        if good == 0:
            why = f"is damaged at byte {place:,} (its checksum is wrong)"
            raise WorkbenchError(str(tail.path), why, "what stands before it was read", code="damaged")
        at = spans[good][0] - _HEAD if good < len(spans) else at
    tail.offset += at
    for start, length in spans[:good]:
        yield from _event(data, start, start + length)


def _grouped(scalars: Iterator[tuple[int, float, str, float]], held: Reading | None) -> list[Reading]:
    """Trainers write one record a number: those of one step belong together."""
    steps: dict[int, tuple[dict[str, float], float]] = {}
    if held is not None:
        steps[held.step] = (dict(held.values), held.at)
    for step, at, tag, value in scalars:
        values, _ = steps.setdefault(step, ({}, at))
        values[our_name(tag)] = value
    return [Reading(step, values, at) for step, (values, at) in steps.items()]


# Protobuf -------------------------------------------------------------------------------------------------------------


def _event(data: bytes, start: int, end: int) -> Iterator[tuple[int, float, str, float]]:
    at, step, wall = start, 0, 0.0
    summary: list[tuple[int, int]] = []
    for number, value, first, last in _fields(data, at, end):
        if number == 1:
            (wall,) = _DOUBLE.unpack_from(data, first)
        elif number == 2:
            step = value
        elif number == 5:
            summary.append((first, last))
    if step >= 1 << 63:
        step -= 1 << 64
    for first, last in summary:
        for number, _, inner, stop in _fields(data, first, last):
            if number == 1:
                told = _value(data, inner, stop)
                if told is not None:
                    yield step, wall, told[0], told[1]


def _value(data: bytes, start: int, end: int) -> tuple[str, float] | None:
    """A summary's tag and its number; None for images, histograms and texts."""
    tag, found = "", None
    for number, _, first, last in _fields(data, start, end):
        if number == 1:
            tag = data[first:last].decode("utf-8", "replace")
        elif number == 2 and last - first == 4:
            (found,) = _FLOAT.unpack_from(data, first)
        elif number == 8:
            found = _tensor(data, first, last)
    return None if found is None or not tag else (tag, found)


def _tensor(data: bytes, start: int, end: int) -> float | None:
    """The number of a scalar tensor of floats or doubles, as newer writers pack it."""
    kinds = {1: _FLOAT, 2: _DOUBLE}
    kind, held = 0, b""
    for number, value, first, last in _fields(data, start, end):
        if number == 1:
            kind = value
        elif number in (4, 5, 6):
            held = data[first:last]
    form = kinds.get(kind)
    return form.unpack(held)[0] if form is not None and len(held) == form.size else None


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, whole value where it is one, first byte, byte behind) of each field. Ends at what is no protobuf."""
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80:
            key, at = _varint(data, at - 1, end)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at, end)
            yield key >> 3, value, at, at
            continue
        if wire == _BYTES:
            length, at = _varint(data, at, end)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            return
        if at + length > end:
            return
        yield key >> 3, 0, at, at + length
        at += length


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return value, end


# Checksums ------------------------------------------------------------------------------------------------------------


def _first_damaged(data: bytes, spans: list[tuple[int, int]]) -> int:
    """The number of records up to the first one with a wrong checksum. Records of one length are checked together:
    100,000 of them in a few hundredths of a second."""
    if not spans:
        return 0
    import numpy as np

    held = np.frombuffer(data, np.uint8)
    starts = np.array([start for start, _ in spans])
    lengths = np.array([length for _, length in spans])
    wrong = _masked(held, starts - _HEAD, 8) != _stored(held, starts - _FOOT)
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        ends = starts[same] + length
        wrong[same] |= _masked(held, starts[same], int(length)) != _stored(held, ends)
    return int(np.argmax(wrong)) if wrong.any() else len(spans)


def _header_is_whole(data: bytes, at: int) -> bool:
    """Whether the length of the record that is still being written can be believed."""
    import numpy as np

    held = np.frombuffer(data, np.uint8)
    place = np.array([at])
    return bool((_masked(held, place, 8) == _stored(held, place + 8)).all())


def _masked(held: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The masked CRC-32C of `length` bytes at each start."""
    import numpy as np

    table = _table()
    crc = np.full(len(starts), 0xFFFFFFFF, np.uint32)
    for index in range(length):
        crc = table[(crc ^ held[starts + index]) & 0xFF] ^ (crc >> np.uint32(8))
    crc = ~crc
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


def _stored(held: np.ndarray, at: np.ndarray) -> np.ndarray:
    import numpy as np

    byte = [held[at + index].astype(np.uint32) << np.uint32(8 * index) for index in range(4)]
    stored: np.ndarray = byte[0] | byte[1] | byte[2] | byte[3]
    return stored


@cache
def _table() -> np.ndarray:
    """Castagnoli's polynomial, a byte at a time."""
    import numpy as np

    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return np.array(table, np.uint32)
