"""A process that conducts an analysis for an app: `python -m workbench.dataset.analysis.conductor`.

The order comes on stdin, and what becomes known goes to stdout, but for the columns: they stand in memory of both.
"""

from __future__ import annotations

import select
from typing import BinaryIO

from workbench.dataset.analysis.carried import Before
from workbench.dataset.analysis.columns import Columns
from workbench.dataset.analysis.run import analyse
from workbench.dataset.analysis.serving import say, serve
from workbench.dataset.analysis.shared import columns_in
from workbench.dataset.analysis.whole import Chunk
from workbench.dataset.analysis.wire import Finished, Known, Order, Progress, read

NICENESS = 5
"""The screen goes first; the workers, which are nicer still, have all that is left."""


def _conduct(orders: BinaryIO, answers: BinaryIO) -> None:
    order = read(orders)
    if not isinstance(order, Order):
        return
    rows = order.rows.rows()
    before = None if order.before is None else Before(order.before.rows(), rows, order.ids)
    columns = columns_in(order.memory, len(rows), writable=True)

    def known(chunk: Chunk) -> None:
        if chunk.file is columns:
            say(answers, Known(chunk.first_row, len(chunk.columns), chunk.findings))

    analysis = analyse(
        rows,
        order.spec,
        cache=order.cache,
        before=before,
        into=columns,
        progress=lambda done, size: say(answers, Progress(done, size)),
        on_chunk=known,
        cancelled=lambda: bool(select.select([orders], [], [], 0)[0]),  # there is nothing to come but the end
    )
    _put(analysis.columns, columns)
    say(answers, Finished(analysis.findings, analysis.places))


def _put(known: Columns, columns: Columns) -> None:
    """Have all rows there; those of an analysis that was kept or carried stand elsewhere."""
    import numpy as np

    for name, column in columns.arrays().items():
        there = known.arrays()[name]
        if not np.may_share_memory(there, column):
            column[:] = there


if __name__ == "__main__":
    serve(_conduct, NICENESS)
