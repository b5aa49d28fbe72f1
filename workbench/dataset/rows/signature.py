"""How a file is recognised without reading all of it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

_PIECE = 64 * 1024  # bytes read at the front, in the middle and at the end


@dataclass(frozen=True, slots=True)
class Signature:
    """A file as it was at one moment."""

    size: int
    mtime_ns: int
    inode: int
    digest: str
    """Of three pieces of 64 KiB: all of a file up to three times that."""

    @classmethod
    def of(cls, fd: int) -> Signature:
        """That of an open file."""
        status = os.fstat(fd)
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, _digest(fd, status.st_size))

    @classmethod
    def read(cls, saved: dict[str, Any]) -> Signature:
        """What `dump` gave."""
        return cls(**saved)

    def dump(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def unchanged(self, status: os.stat_result) -> bool:
        """Whether a file is as it was, by size, time and inode alone."""
        return (status.st_size, status.st_mtime_ns, status.st_ino) == (self.size, self.mtime_ns, self.inode)

    def same_content(self, other: Signature) -> bool:
        """Whether two files hold the same as far as can be told; a restored copy with its old time does."""
        if (self.size, self.digest) != (other.size, other.digest):
            return False
        return self.size <= 3 * _PIECE or self.mtime_ns == other.mtime_ns

    def begins(self, fd: int) -> bool:
        """Whether the open file begins with the content that this is the signature of, and goes on."""
        return os.fstat(fd).st_size > self.size and _digest(fd, self.size) == self.digest


def _digest(fd: int, size: int) -> str:
    """Of the first `size` bytes of an open file."""
    digest = blake2b(digest_size=16)
    if size <= 3 * _PIECE:
        spans = [(0, size)]
    else:
        spans = [(0, _PIECE), ((size - _PIECE) // 2, _PIECE), (size - _PIECE, _PIECE)]
    for first, length in spans:
        digest.update(os.pread(fd, length, first))
    return digest.hexdigest()
