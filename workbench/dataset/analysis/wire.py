"""What the parent and its workers say to each other: pickled values, each after its length.

Both ends are ours, started by one another and joined by pipes, so nothing foreign is ever unpickled.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from workbench.dataset.analysis.spec import Spec
from workbench.dataset.rows.elements import ElementIndex
from workbench.dataset.rows.lines import LineIndex
from workbench.dataset.rows.open import Encoding, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Start:
    """The first message to a worker: which open file, and what to look for."""

    fd: int
    spec: Spec
    sums: bool
    """Whether the tokens of the file are summed, see `PartAnalyst`."""


@dataclass(frozen=True, slots=True)
class OpenRows:
    """The rows of a file that is open in both processes."""

    fd: int
    path: Path
    index: LineIndex | ElementIndex
    encoding: Encoding
    size: int

    @classmethod
    def of(cls, rows: Rows) -> OpenRows:
        """To be sent."""
        return cls(rows.fd, rows.path, rows.index, rows.encoding, rows.size)

    def rows(self) -> Rows:
        """As they were sent."""
        return Rows(self.path, self.fd, self.index, self.encoding, self.size)


@dataclass(frozen=True, slots=True)
class Order:
    """All that a conductor is told."""

    rows: OpenRows
    memory: int
    """The file descriptor of what `SharedColumns` stands in."""
    spec: Spec
    cache: Path | None
    before: OpenRows | None
    ids: NDArray[Any] | None
    """Of `carried.Before`."""


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
class Progress:
    """How far a conductor is, in bytes."""

    done: int
    size: int


@dataclass(frozen=True, slots=True)
class Known:
    """Rows whose columns now stand in the shared memory."""

    first_row: int
    count: int
    findings: Any
    """Findings, with the rows and lines of the file."""


@dataclass(frozen=True, slots=True)
class Finished:
    """All is known: the columns stand in the shared memory."""

    findings: Any
    places: Any


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
