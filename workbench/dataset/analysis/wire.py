"""What the parent and its workers say to each other: pickled values, each after its length.

Both ends are ours, started by one another and joined by pipes, so nothing foreign is ever unpickled.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from workbench.dataset.analysis.spec import Spec

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Start:
    """The first message to a worker: which open file, and what to look for."""

    fd: int
    spec: Spec
    sums: bool
    """Whether the tokens of the file are summed, see `PartAnalyst`."""


@dataclass(frozen=True, slots=True)
class Elements:
    """Where the elements of an array file are that lie in a part: bytes from its beginning, lines and columns."""

    starts: Sequence[int]
    ends: Sequence[int]
    lines: Sequence[int]
    columns: Sequence[int]


@dataclass(frozen=True, slots=True)
class Task:
    """A part of the file, in bytes; whole lines, or the elements of an array."""

    number: int
    first: int
    last: int
    elements: Elements | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task: a Part."""

    number: int
    size: int
    """Bytes of the part."""
    part: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a worker cannot go on: the four parts of a WorkbenchError."""

    what: str
    why: str
    hint: str
    code: str


def pack(message: object) -> bytes:
    """A message as it goes through the pipe."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def read(stream: BinaryIO) -> Any | None:
    """The next message; None where the stream ends."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    data = stream.read(*_LENGTH.unpack(head))
    return pickle.loads(data)  # noqa: S301 - from the other end of our own pipe


def unpack(buffer: bytearray) -> Iterator[Any]:
    """Take the whole messages off the front of what has arrived so far."""
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            return
        message = pickle.loads(bytes(buffer[_LENGTH.size : end]))  # noqa: S301 - from our own worker
        del buffer[:end]
        yield message
