"""What is kept of each row to find its copies: a digest, a hash of its text, keys under which similar texts meet."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash
from xxhash import xxh3_64_intdigest

from workbench.dataset.duplicates.scaffold import Scaffolding
from workbench.dataset.duplicates.shingles import Hashes, Kind, shingles
from workbench.dataset.duplicates.texts import TEXT_OF, read

PERMUTATIONS = 128
BANDS = 32
"""Keys of a row; each is made of four minima."""
_SEED = 42
_BLOCK = 500  # texts cut at once: their arrays stay in the processor's cache
_canonical = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Plan:
    """How texts are compared."""

    kind: Kind
    scaffolding: Scaffolding

    def text(self, value: object) -> str:
        """What of a record is compared."""
        return TEXT_OF[self.kind](value)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Of several rows, in their order."""

    digests: Hashes
    """The same for equal JSON values, whatever the spacing and the order of keys."""
    texts: Hashes
    """The same for texts that are the same once normalised; 0 where a row has no text or cannot be read."""
    keys: NDArray[np.uint16]
    """One column a band."""

    def __len__(self) -> int:
        return len(self.digests)

    @classmethod
    def joined(cls, parts: Sequence[Signatures]) -> Signatures:
        """Those of several runs of rows as one."""
        none = cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros((0, BANDS), np.uint16))
        every = parts or [none]
        return cls(
            np.concatenate([part.digests for part in every]),
            np.concatenate([part.texts for part in every]),
            np.concatenate([part.keys for part in every]),
        )


def value_digest(value: object, raw: bytes) -> int:
    """64 bits of a value; of its bytes where it has none or cannot be written."""
    try:
        canonical = _canonical(value) if value is not None else raw
    except (msgspec.MsgspecError, UnicodeEncodeError, ValueError, RecursionError):
        try:
            canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        except RecursionError:
            canonical = raw
    return xxh3_64_intdigest(canonical)


def sign(raws: Sequence[bytes], plans: Sequence[Plan]) -> tuple[Signatures, ...]:
    """The signatures of some rows, one after each plan."""
    values = [read(raw) for raw in raws]
    digests = np.fromiter(map(value_digest, values, raws), np.uint64, len(raws))
    return tuple(sign_texts([plan.text(value) for value in values], plan, digests) for plan in plans)


def sign_texts(texts: Sequence[str], plan: Plan, digests: Hashes | None = None) -> Signatures:
    """The signatures of texts; their digests are those given, or the texts' own hashes."""
    parts = [_signed(texts[at : at + _BLOCK], plan) for at in range(0, len(texts), _BLOCK)]
    hashes = np.concatenate([part[0] for part in parts] or [np.zeros(0, np.uint64)])
    keys = np.concatenate([part[1] for part in parts] or [np.zeros((0, BANDS), np.uint16)])
    return Signatures(hashes if digests is None else digests, hashes, keys)


def _signed(texts: Sequence[str], plan: Plan) -> tuple[Hashes, NDArray[np.uint16]]:
    every = shingles(texts, plan.kind)
    counted = plan.scaffolding.stripped(every)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        counted.hashes, counted.offsets.astype(np.uint64), PERMUTATIONS, _SEED
    )
    minima = array("I")
    for row in matrix.to_rows():
        minima.fromlist(row)  # several times as fast as NumPy takes over lists
    return every.keys, _band_keys(np.frombuffer(minima, np.uint32))


def _band_keys(minima: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Each band's minima as one number: its upper half, as two such numbers are always looked at together."""
    cells = minima.reshape(-1, BANDS, PERMUTATIONS // BANDS)
    total: Any = np.zeros(cells.shape[:2], np.uint32)
    for place in range(cells.shape[2]):
        total = (total ^ cells[:, :, place]) * np.uint32(0x9E3779B1)
        total ^= total >> np.uint32(15)
    keys: NDArray[np.uint16] = (total >> np.uint32(16)).astype(np.uint16)
    return keys
