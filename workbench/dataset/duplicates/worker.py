"""The process that signs rows: `python -m workbench.dataset.duplicates.worker`, spoken to over its stdin and stdout.

First come the plans: how many, and of each the kind and the scaffolding. Then, until stdin ends, blocks of rows: how
many, their sizes, their bytes; each is answered by digests, and after each plan by text hashes and keys. All numbers
are little-endian.
"""

from __future__ import annotations

import gc
import struct
import sys
from collections.abc import Sequence
from typing import IO

import numpy as np

from workbench.dataset.duplicates.scaffold import Scaffolding
from workbench.dataset.duplicates.shingles import Kind
from workbench.dataset.duplicates.signatures import BANDS, Plan, Signatures, sign

_PLAN = struct.Struct("<?qqq")
_COUNT = struct.Struct("<q")


def write_plans(out: IO[bytes], plans: Sequence[Plan]) -> None:
    """Say how texts are compared."""
    out.write(_COUNT.pack(len(plans)))
    for plan in plans:
        parts = (plan.scaffolding.doubtful, plan.scaffolding.told, plan.scaffolding.surely)
        out.write(_PLAN.pack(plan.kind == "words", *map(len, parts)))
        out.write(b"".join(part.tobytes() for part in parts))
    out.flush()


def read_plans(source: IO[bytes]) -> list[Plan]:
    """The other end of `write_plans`."""
    plans = []
    for _ in range(_COUNT.unpack(source.read(_COUNT.size))[0]):
        words, *counts = _PLAN.unpack(source.read(_PLAN.size))
        kind: Kind = "words" if words else "characters"
        parts = [np.frombuffer(source.read(count * 8), np.uint64) for count in counts]
        plans.append(Plan(kind, Scaffolding(*parts)))
    return plans


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


def write_signatures(out: IO[bytes], signed: Sequence[Signatures]) -> None:
    """Answer."""
    out.write(signed[0].digests.tobytes())
    for part in signed:
        out.write(part.texts.tobytes() + part.keys.tobytes())
    out.flush()


def read_signatures(source: IO[bytes], count: int, plans: int) -> tuple[Signatures, ...] | None:
    """The other end of `write_signatures`, for a block of `count` rows; None where the worker has died."""
    each = count * (8 + 2 * BANDS)
    answer = source.read(8 * count + plans * each)
    if len(answer) < 8 * count + plans * each:
        return None
    digests = np.frombuffer(answer, np.uint64, count)
    signed = []
    for start in range(8 * count, len(answer), each):
        texts = np.frombuffer(answer, np.uint64, count, start)
        keys = np.frombuffer(answer, np.uint16, count * BANDS, start + 8 * count)
        signed.append(Signatures(digests, texts, keys.reshape(count, BANDS)))
    return tuple(signed)


def main() -> int:
    """Sign until there is nothing more."""
    gc.disable()  # records are trees: looking for cycles among their parts takes as long as reading them
    source, out = sys.stdin.buffer, sys.stdout.buffer
    plans = read_plans(source)
    while (raws := read_rows(source)) is not None:
        write_signatures(out, sign(raws, plans))
    return 0


if __name__ == "__main__":
    sys.exit(main())
