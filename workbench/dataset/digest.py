"""What makes two records the same: their value, whatever the spacing and the order of keys."""

from __future__ import annotations

import hashlib
import json

from workbench.dataset.rows import DecodeError, decode

_SIZE = 16  # bytes: 32 hexadecimal digits, short enough to be read in a recipe


def digest(value: object) -> str:
    """The content hash of a JSON value, 32 hexadecimal digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    return hashlib.blake2b(canonical, digest_size=_SIZE).hexdigest()


def digest_raw(raw: bytes) -> str:
    """The content hash of a row: of its value, or of its bytes where it holds none that can be written again."""
    try:
        return digest(decode(raw))
    except (DecodeError, RecursionError):
        return hashlib.blake2b(raw, digest_size=_SIZE, person=b"bytes").hexdigest()
