"""Analysing a file, in worker processes or here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from workbench.dataset.analysis.carried import Before, carry
from workbench.dataset.analysis.columns import Columns
from workbench.dataset.analysis.part import PartAnalyst
from workbench.dataset.analysis.pool import AnalysisCancelled, Pool
from workbench.dataset.analysis.spec import Spec
from workbench.dataset.analysis.stored import Grounds, load, store
from workbench.dataset.analysis.tasks import PART_BYTES, SMALL_BYTES, rows_of, tasks_of
from workbench.dataset.analysis.whole import Analysis, Chunk, Whole
from workbench.dataset.analysis.wire import Done, Start, Task
from workbench.dataset.rows import Rows
from workbench.dataset.rows.open import open_first
from workbench.dataset.rules.facts import Facts
from workbench.dataset.tokens import Counter
from workbench.errors import WorkbenchError

_MOST_WORKERS = 8
_PROGRESS_S = 0.25


def analyse(
    source: Path | Rows,
    spec: Spec,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    before: Before | None = None,
    counter: Counter | None = None,
    part_bytes: int = PART_BYTES,
    into: Columns | None = None,
    prepare: Callable[[Facts], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:
    """Look at every row of a file.

    `workers` is how many processes do it: 0 means this one, None one a processor for all but small files. Below
    `cache` the result is kept, by content and question, and taken from there the next time; with `prepare`, which may
    add to the facts before the rules about the file run, nothing is kept. `before` is the file as it was before a save:
    what is kept of it holds for the rows that are still there, and only the others are looked at. `counter` is what the
    spec's `counting` makes, for use in this process. `into` is where columns are filled, for a file whose rows are all
    known; those that are kept or carried stand elsewhere. `progress` gets bytes done and bytes in all, four times a
    second at most; `on_chunk` gets rows in the order of the file as they become known. All are called in this thread.

    Raises AnalysisCancelled, and WorkbenchError for a file that cannot be read, that changes meanwhile, or whose
    workers die.
    """
    with ExitStack() as stack:
        rows = stack.enter_context(open_first(source)) if isinstance(source, Path) else source
        state = os.fstat(rows.fd)
        kept = cache if prepare is None else None
        stored = None if kept is None else load(kept, rows, spec)
        if stored is not None:
            if on_chunk is not None:
                on_chunk(Chunk(0, stored.columns, stored.findings, stored.columns))
            return stored
        whole = Whole(rows, spec, into)
        tell = _told(progress, rows.size)
        count = _workers(workers, rows.size)
        sums = whole.needs_tokens(counter)
        carried = (
            before is not None
            and kept is not None
            and count > 0
            and not sums
            and carry(whole, before, kept, spec, count, cancelled)
        )
        if not carried:
            tasks = tasks_of(rows, part_bytes)
            if count:
                pool = stack.enter_context(Pool(Start(rows.fd, spec, sums), count, str(rows.path)))
                answers = pool.run(tasks, cancelled)
            else:
                answers = _here(rows, PartAnalyst(spec, counter, sums=sums), tasks, cancelled)
            done = 0
            for answer in answers:
                done += answer.size
                for chunk in whole.take(answer.number, answer.part):
                    if on_chunk is not None:
                        on_chunk(chunk)
                tell(done)
        analysis = whole.finish(prepare)
        _refuse_change(rows, state)
        if kept is not None:
            store(kept, rows, analysis, Grounds(whole.facts, whole.digests))
        if carried:
            tell(rows.size)
            if on_chunk is not None:
                on_chunk(Chunk(0, analysis.columns, analysis.findings, analysis.columns))
        return analysis


def _here(
    rows: Rows, analyst: PartAnalyst, tasks: Iterator[Task], cancelled: Callable[[], bool] | None
) -> Iterator[Done]:
    """The same work in this process."""
    for task in tasks:
        if cancelled is not None and cancelled():
            raise AnalysisCancelled
        part_rows, block = rows_of(rows.fd, task)
        yield Done(task.number, task.last - task.first, analyst.part(part_rows, block))


def _workers(asked: int | None, size: int) -> int:
    if asked is not None:
        return asked
    if size <= SMALL_BYTES:
        return 0
    return max(
        1, min(_MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )


def _told(progress: Callable[[int, int], None] | None, size: int) -> Callable[[int], None]:
    """Passes progress on, at most four times a second and at the end."""
    last = float("-inf")

    def tell(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if progress is not None and (now - last >= _PROGRESS_S or done >= size):
            last = now
            progress(done, size)

    return tell


def in_rows(progress: Callable[[int, int], None] | None, rows: Rows) -> Callable[[int, int], None] | None:
    """A `progress` for `analyse` that passes on rows instead of bytes; how many there are may be an estimate."""
    if progress is None:
        return None
    told, count = progress, rows.estimated

    def tell(done: int, size: int) -> None:
        told(round(count * done / size) if size else count, count)

    return tell


def _refuse_change(rows: Rows, before: os.stat_result) -> None:
    """Raise if the file was written while it was looked at."""
    after = os.fstat(rows.fd)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise WorkbenchError(str(rows.path), "was changed while it was analysed", "do it again", code="changed_on_disk")
