"""Looking for text in the bytes of a file: which rows could hold it, a block at a time, as they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from workbench.dataset.rows import Rows
from workbench.dataset.search.blocks import Block, blocks, extents, line_numbers
from workbench.dataset.search.patterns import BadPattern, encoded, regex_pattern, text_pattern
from workbench.dataset.search.prefilters import Answer, Expression, Literal, Prefilter, Words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Answer",
    "BadPattern",
    "Block",
    "Expression",
    "Literal",
    "Prefilter",
    "Words",
    "blocks",
    "encoded",
    "extents",
    "line_numbers",
    "regex_pattern",
    "search",
    "text_pattern",
]


def search(
    rows: Rows,
    prefilter: Prefilter,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[NDArray[np.int64]]:
    """Numbers of the rows that may hold it, block by block; ends early when `cancelled()` is true."""
    import numpy as np

    for block in blocks(rows):
        if cancelled():
            return
        yield np.flatnonzero(prefilter.may(block)) + block.first
