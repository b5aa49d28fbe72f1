"""What is known of every row of a dataset, for the screen: found once, by worker processes, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dataset.formats import Format
from workbench.dataset.rows import Rows
from workbench.workflow.context import Context
from workbench.workflow.prepare import counter_of

if TYPE_CHECKING:
    from workbench.dataset.analysis import Analysis, Chunk, Spec
    from workbench.dataset.tokens import Counter


def analysis_spec(
    context: Context,
    fmt: Format,
    *,
    profile: str | None = None,
    model: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    counter: Counter | None = None,
    tokens: bool = True,
    scan: bool = True,
) -> Spec:
    """What to look for in a file of format `fmt`; the same for the file and for single rows (`analysis.facts_of`).

    `profile` is a profile's kind. `counter` counts tokens (see `workflow.counting`), by default what counts those of
    `model`, or the cookbook's encoding; `tokens` and `scan` say whether every row is counted and looked through for
    secrets and personal data.
    """
    from workbench.dataset.analysis import Spec
    from workbench.dataset.counting import counting_of

    counting = counting_of(counter or counter_of(context, model))
    return Spec(fmt, profile, model, tuple(select), tuple(ignore), counting, tokens=tokens, scan=scan)


def analyse_dataset(
    context: Context,
    source: Path | Rows,
    spec: Spec,
    *,
    on_chunk: Callable[[Chunk], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Analysis:
    """Look at every row, as `analysis_spec` says; it blocks, so it is for a thread. At once if it was done before.

    `on_chunk` gets rows as they become known, `progress` bytes done and bytes in all, four times a second at most.
    Raises AnalysisCancelled once `cancelled` says so, and WorkbenchError (see `analysis.analyse`).
    """
    from workbench.dataset.analysis import analyse

    return analyse(source, spec, cache=context.cache, on_chunk=on_chunk, progress=progress, cancelled=cancelled)
