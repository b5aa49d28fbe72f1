"""An analysis conducted by a process of its own, for an app that is to stay small and quick.

What the app has of it are the findings, and the columns in memory that both share, of which only those pages count that
it looked at.
"""

from __future__ import annotations

import os
import selectors
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.dataset.analysis.pool import AnalysisCancelled
from workbench.dataset.analysis.process import LOOK_EVERY_S, Process, way_out
from workbench.dataset.analysis.shared import columns_in, memory_for
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.tasks import SMALL_BYTES
from workbench.dataset.analysis.whole import Analysis, Chunk
from workbench.dataset.analysis.wire import Failed, Finished, Known, OpenRows, Order, Progress
from workbench.dataset.rows import Rows
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.dataset.analysis.carried import Before

_PATIENCE_S = 2.0  # for a process that puts an analysis into the cache when it is told to end


def analyse_apart(
    rows: Rows,
    spec: Spec,
    *,
    cache: Path | None = None,
    before: Before | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:
    """Look at every row of an open file like `analyse`; all of them must be known, and the columns are read-only.

    A small file is looked at here, before a process would have started.

    Raises AnalysisCancelled, and WorkbenchError as `analyse` does, or where the process dies.
    """
    if rows.size <= SMALL_BYTES:
        from workbench.dataset.analysis.run import analyse  # it brings all that looks at rows

        return analyse(
            rows, spec, cache=cache, before=before, progress=progress, on_chunk=on_chunk, cancelled=cancelled
        )
    with ExitStack() as stack:
        complaints = stack.enter_context(tempfile.TemporaryFile())
        memory = memory_for(len(rows))
        stack.callback(os.close, memory)
        columns = columns_in(memory, len(rows))
        old = before if before is not None and before.now is rows else None
        fds = [rows.fd, memory, *([] if old is None else [old.rows.fd])]
        conductor = Process("conductor", fds, complaints)
        stack.callback(conductor.end, _PATIENCE_S)
        was, ids = (None, None) if old is None else (OpenRows.of(old.rows), old.ids)
        conductor.say(Order(OpenRows.of(rows), memory, spec, cache, was, ids))
        for message in _messages(conductor, cancelled):
            match message:
                case Progress(done, size) if progress is not None:
                    progress(done, size)
                case Known(first, count, findings) if on_chunk is not None:
                    some = {name: column[first : first + count] for name, column in columns.arrays().items()}
                    on_chunk(Chunk(first, type(columns)(**some), findings, columns))
                case Failed(what, why, hint, code):
                    raise WorkbenchError(what, why, hint, code=code)
                case Finished(findings, places):
                    return Analysis(spec, columns, findings, places)
        status = conductor.end()
        why = f"the process that conducts its analysis {conductor.why(status)}"
        raise WorkbenchError(str(rows.path), why, way_out(status), code="worker_died")


def _messages(conductor: Process, cancelled: Callable[[], bool] | None) -> Iterator[Any]:
    """What it says, to its end."""
    with selectors.DefaultSelector() as selector:
        selector.register(conductor.answers, selectors.EVENT_READ)
        while True:
            if selector.select(LOOK_EVERY_S):
                heard = conductor.heard()
                if heard is None:
                    return
                yield from heard
            if cancelled is not None and cancelled():
                raise AnalysisCancelled
