"""The process that signs rows: `python -m workbench.dataset.duplicates.worker`, spoken to over its stdin and stdout.

First comes the plan: kind, bands, and the scaffolding. Then, until stdin ends, blocks of rows: how many, their sizes,
their bytes; each is answered by digests, text hashes and band keys. All numbers are little-endian.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from typing import IO

import numpy as np

from workbench.dataset.duplicates.shingles import Kind
from workbench.dataset.duplicates.signatures import Plan, Signatures, sign

_PLAN = struct.Struct("<?qq")
_COUNT = struct.Struct("<q")


def write_plan(out: IO[bytes], plan: Plan) -> None:
    """Say how texts are compared."""
    out.write(_PLAN.pack(plan.kind == "words", plan.bands, len(plan.scaffolding)))
    out.write(plan.scaffolding.tobytes())
    out.flush()


def read_plan(source: IO[bytes]) -> Plan:
    """The other end of `write_plan`."""
    words, bands, count = _PLAN.unpack(source.read(_PLAN.size))
    kind: Kind = "words" if words else "characters"
    return Plan(kind, bands, np.frombuffer(source.read(count * 8), np.uint64))


def write_rows(out: IO[bytes], raws: Sequence[bytes]) -> None:
    """Hand over a block of rows."""
    out.write(_COUNT.pack(len(raws)))
    out.write(np.fromiter(map(len, raws), np.int64, len(raws)).tobytes())
    out.write(b"".join(raws))
    out.flush()


def read_rows(source: IO[bytes]) -> list[bytes] | None:
    """The other end of `write_rows`; None when there is no more."""
    head = source.read(_COUNT.size)
    if len(head) < _COUNT.size:
        return None
    (count,) = _COUNT.unpack(head)
    ends = np.cumsum(np.frombuffer(source.read(count * 8), np.int64)).tolist()
    block = source.read(ends[-1] if ends else 0)
    return [block[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def write_signatures(out: IO[bytes], signed: Signatures) -> None:
    """Answer."""
    out.write(signed.digests.tobytes() + signed.texts.tobytes() + signed.keys.tobytes())
    out.flush()


def read_signatures(source: IO[bytes], count: int, bands: int) -> Signatures | None:
    """The other end of `write_signatures`, for a block of `count` rows; None where the worker has died."""
    size = count * (16 + 4 * bands)
    answer = source.read(size)
    if len(answer) < size:
        return None
    digests, texts = np.frombuffer(answer, np.uint64, count), np.frombuffer(answer, np.uint64, count, 8 * count)
    keys = np.frombuffer(answer, np.uint32, count * bands, 16 * count)
    return Signatures(digests, texts, keys.reshape(count, bands))


def main() -> int:
    """Sign until there is nothing more."""
    source, out = sys.stdin.buffer, sys.stdout.buffer
    plan = read_plan(source)
    while (raws := read_rows(source)) is not None:
        write_signatures(out, sign(raws, plan))
    return 0


if __name__ == "__main__":
    sys.exit(main())
