"""The pieces that most records share (`Title:`, a form around each question): told from a sample, they do not count.

A part of a file has nearly the same scaffolding as the whole, not exactly: what is a little above the share in one may
be a little below it in the other. So there is a wide and a narrow idea of it beside the one in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.shingles import Hashes, Kind, Shingles, shingles
from workbench.dataset.duplicates.texts import TEXT_OF, read

COMMON = 0.2
"""Shingles in more than this share of the records are scaffolding."""
_DOUBT = 0.1  # as far as a part of a file may be from the whole, in shares
_AT_LEAST = 8  # records that have it
_SAMPLE = 2000  # records that it is told from


@dataclass(frozen=True, slots=True)
class Scaffolding:
    """Three sorted sets of shingles, each within the one before it."""

    perhaps: Hashes
    """Scaffolding of a part of the file, or of a file that this is a part of, may be all of this."""
    told: Hashes
    surely: Hashes
    """Scaffolding of a part of the file, or of a file that this is a part of, too."""

    def classes(self, values: Hashes) -> NDArray[np.int64]:
        """How many of the three sets each shingle is in."""
        total = np.zeros(len(values), np.int64)
        for known in (self.perhaps, self.told, self.surely):
            if len(known):
                total += known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
        return total


def scaffolding(sample: Shingles) -> Scaffolding:
    """What more than a fifth of the texts of a sample share; nothing in a sample of a few."""
    count = len(sample)
    if count < _AT_LEAST:
        return Scaffolding(*[np.zeros(0, np.uint64)] * 3)
    values, found = np.unique(np.concatenate([sample.of(number) for number in range(count)]), return_counts=True)
    return Scaffolding(
        values[(found > (COMMON - _DOUBT) * count) & (found >= _AT_LEAST / 2)],
        values[(found > COMMON * count) & (found >= _AT_LEAST)],
        values[(found > (COMMON + _DOUBT) * count) & (found >= _AT_LEAST + _DOUBT * count)],
    )


def scaffolding_of(raws: Iterable[bytes], kind: Kind) -> Scaffolding:
    """Of the records of a file, or of several.

    The sample is of the different texts of the rows with the smallest checksums, not of every n-th row: the same
    records in another order, or in two files, give the same one.
    """
    # A checksum is shared by copies, and by chance: the row itself decides then.
    chosen = nsmallest(_SAMPLE * 5 // 4, ((crc32(raw), raw) for raw in raws))
    different = dict.fromkeys(TEXT_OF[kind](read(raw)) for _, raw in chosen)
    return scaffolding(shingles(list(islice(different, _SAMPLE)), kind))
