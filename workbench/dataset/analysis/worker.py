"""A worker process: `python -m workbench.dataset.analysis.worker`, tasks on stdin, answers on stdout."""

from __future__ import annotations

import gc
from typing import BinaryIO

from workbench.dataset.analysis.part import PartAnalyst
from workbench.dataset.analysis.serving import say, serve
from workbench.dataset.analysis.tasks import rows_of
from workbench.dataset.analysis.wire import Done, Start, Task, read

NICENESS = 10
"""The screen goes first."""


def _work(tasks: BinaryIO, answers: BinaryIO) -> None:
    start = read(tasks)
    if not isinstance(start, Start):
        return
    analyst = PartAnalyst(start.spec, sums=start.sums)
    gc.freeze()  # what is there by now stays: looking at all of it after each part took a sixth of the time
    while isinstance(task := read(tasks), Task):
        rows, block = rows_of(start.fd, task)
        say(answers, Done(task.number, task.last - task.first, analyst.part(rows, block)))
        del rows, block
        gc.collect()


if __name__ == "__main__":
    gc.disable()  # rows make no cycles; each part is collected as a whole
    serve(_work, NICENESS)
