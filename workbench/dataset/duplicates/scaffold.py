"""The pieces that most records share (`Title:`, a form around each question): told from a sample, they do not count.

What is scaffolding in a file and what in a part of it should differ little. So there is no one share above which a
shingle is scaffolding: each has its own, by its hash. Where a whole template comes a little more often in the part, few
of its shingles are taken for something else, not all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from workbench.dataset.duplicates.lookup import Lookup
from workbench.dataset.duplicates.shingles import Hashes, Kind, Shingles, shingles
from workbench.dataset.duplicates.texts import TEXT_OF, read

_SELDOM, _OFTEN = 0.1, 0.3
"""Shares of records: a shingle in more than the second is scaffolding, in fewer than the first never."""
_AT_LEAST = 8  # records that have it
_SAMPLE = 2000  # records that it is told from


@dataclass(frozen=True, slots=True)
class Scaffolding:
    """Three sorted sets of shingles, each within the one before it."""

    doubtful: Hashes
    """What may be scaffolding here, or in a part of the file; all that is."""
    told: Hashes
    """What is taken for scaffolding."""
    surely: Hashes
    """What is scaffolding in any large part of the file too."""
    _depths: NDArray[np.uint8] = field(init=False, repr=False, compare=False)
    _doubtful: Lookup = field(init=False, repr=False, compare=False)
    _told: Lookup = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        doubtful, depths = Lookup(self.doubtful), np.ones(len(self.doubtful), np.uint8)
        for inner in (self.told, self.surely):
            depths[doubtful.find(inner)[1]] += 1
        object.__setattr__(self, "_depths", depths)
        object.__setattr__(self, "_doubtful", doubtful)
        object.__setattr__(self, "_told", Lookup(self.told))

    def classes(self, values: Hashes) -> NDArray[np.uint8]:
        """How many of the three sets each shingle is in."""
        total = np.zeros(len(values), np.uint8)
        places, which = self._doubtful.find(values)
        total[places] = self._depths[which]
        return total

    def stripped(self, every: Shingles) -> Shingles:
        """Texts without what is taken for scaffolding; one that is nothing else keeps it."""
        return every.without(self._told.find(every.hashes)[0])


def scaffolding(sample: Shingles) -> Scaffolding:
    """What so many texts of a sample share that it does not count; nothing in a sample of a few."""
    count = len(sample)
    if count < _AT_LEAST:
        return Scaffolding(*[np.zeros(0, np.uint64)] * 3)
    values, found = np.unique(np.concatenate([sample.of(number) for number in range(count)]), return_counts=True)
    drawn = ((values >> np.uint64(8)) & np.uint64(0xFFFF)).astype(np.float64) / 0x10000
    own = _SELDOM + (_OFTEN - _SELDOM) * drawn
    return Scaffolding(
        values[(found > _SELDOM * count) & (found >= _AT_LEAST / 2)],
        values[(found > own * count) & (found >= _AT_LEAST)],
        values[(found > _OFTEN * count) & (found >= _AT_LEAST)],
    )


def scaffolding_of(raws: Iterable[bytes], *kinds: Kind) -> list[Scaffolding]:
    """Of the records of a file, or of several: one for each kind.

    The sample is of the different texts of the rows with the smallest checksums, not of every n-th row: the same
    records in another order, or in two files, give the same one.
    """
    # A checksum is shared by copies, and by chance: the row itself decides then.
    chosen = [read(raw) for _, raw in nsmallest(_SAMPLE * 5 // 4, ((crc32(raw), raw) for raw in raws))]
    told = []
    for kind in kinds:
        different = dict.fromkeys(map(TEXT_OF[kind], chosen))
        told.append(scaffolding(shingles(list(islice(different, _SAMPLE)), kind)))
    return told
