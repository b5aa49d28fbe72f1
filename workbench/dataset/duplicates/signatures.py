"""What is kept of each row to find its copies: a digest, a hash of its text, keys under which similar texts meet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.shingles import Hashes, Kind, Shingles, shingles
from workbench.dataset.duplicates.texts import prompt_text, record_text

PERMUTATIONS = 128
_SEED = 42
_BLOCK = 500  # texts cut at once: their arrays stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Plan:
    """How texts are compared."""

    kind: Kind
    bands: int
    """Two texts meet where the minima of one band are all the same; fewer rows a band find more distant texts."""
    scaffolding: Hashes

    @property
    def text(self) -> Callable[[object], str]:
        """What of a record is compared."""
        return record_text if self.kind == "words" else prompt_text


WORD_BANDS = 16
"""Of 8 minima each: texts with 0.8 of their shingles in common meet in 95 of 100 cases, with 0.9 always."""
PROMPT_BANDS = 32
"""Of 4 minima each: no two prompts with 0.8 of their shingles in common are missed, and more are looked at in vain."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Of several rows, in their order."""

    digests: Hashes
    """The same for equal JSON values, whatever the spacing and the order of keys."""
    texts: Hashes
    """The same for texts that are the same once normalised; 0 where a row has no text or cannot be read."""
    keys: NDArray[np.uint32]
    """One column a band."""

    def __len__(self) -> int:
        return len(self.digests)

    @classmethod
    def joined(cls, parts: Sequence[Signatures], bands: int) -> Signatures:
        """Those of several runs of rows as one."""
        none = cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros((0, bands), np.uint32))
        every = parts or [none]
        return cls(
            np.concatenate([part.digests for part in every]),
            np.concatenate([part.texts for part in every]),
            np.concatenate([part.keys for part in every]),
        )


def read(raw: bytes) -> object:
    """The value of a row, or None where it has none."""
    import msgspec

    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        return json.loads(raw)  # what the linter takes for readable, if with a finding: NaN, half a character
    except (ValueError, RecursionError):
        return None


def value_digest(value: object, raw: bytes) -> int:
    """64 bits of a value; of its bytes where it has none or cannot be written."""
    import msgspec

    try:
        canonical = msgspec.json.encode(value, order="sorted") if value is not None else raw
    except (msgspec.MsgspecError, UnicodeEncodeError, ValueError, RecursionError):
        try:
            canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        except RecursionError:
            canonical = raw
    return int.from_bytes(hashlib.blake2b(canonical, digest_size=8).digest(), "little")


def sign(raws: Sequence[bytes], plan: Plan) -> Signatures:
    """The signatures of some rows."""
    values = [read(raw) for raw in raws]
    digests = np.fromiter(map(value_digest, values, raws), np.uint64, len(raws))
    return sign_texts([plan.text(value) for value in values], plan, digests)


def sign_texts(texts: Sequence[str], plan: Plan, digests: Hashes | None = None) -> Signatures:
    """The signatures of texts; their digests are those given, or the texts' own hashes."""
    parts = [_signed(texts[at : at + _BLOCK], plan) for at in range(0, len(texts), _BLOCK)]
    hashes = np.concatenate([part[0] for part in parts] or [np.zeros(0, np.uint64)])
    keys = np.concatenate([part[1] for part in parts] or [np.zeros((0, plan.bands), np.uint32)])
    return Signatures(hashes if digests is None else digests, hashes, keys)


def cut(texts: Sequence[str], plan: Plan) -> Shingles:
    """The shingles of texts as the plan compares them."""
    return shingles(texts, plan.kind).without(plan.scaffolding)


def _signed(texts: Sequence[str], plan: Plan) -> tuple[Hashes, NDArray[np.uint32]]:
    from rensa import RMinHash

    every = shingles(texts, plan.kind)
    counted = every.without(plan.scaffolding)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        counted.hashes, counted.offsets.astype(np.uint64), PERMUTATIONS, _SEED
    )
    return every.keys(), _band_keys(np.array(matrix.to_rows(), np.uint32), plan.bands)


def _band_keys(minima: NDArray[np.uint32], bands: int) -> NDArray[np.uint32]:
    """Each band's minima as one number."""
    width = PERMUTATIONS // bands
    cells = minima.reshape(-1, bands, width)
    total: Any = np.zeros(cells.shape[:2], np.uint32)
    for place in range(width):
        total = (total ^ cells[:, :, place]) * np.uint32(0x9E3779B1)
        total ^= total >> np.uint32(15)
    keys: NDArray[np.uint32] = total
    return keys
