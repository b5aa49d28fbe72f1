"""A worker process: `python -m workbench.dataset.analysis.worker`, tasks on stdin, answers on stdout.

It ends when stdin ends, so it never outlives its parent.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import BinaryIO

from workbench.dataset.analysis.part import PartAnalyst
from workbench.dataset.analysis.tasks import rows_of
from workbench.dataset.analysis.wire import Done, Failed, Start, Task, pack, read
from workbench.errors import WorkbenchError

NICENESS = 10
"""The screen goes first."""


def main() -> int:
    """Work until there is no more to do."""
    with suppress(OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    # What anything prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.disable()  # rows make no cycles; each part is collected as a whole
    with suppress(BrokenPipeError):  # nobody waits for it any more
        _serve(sys.stdin.buffer, answers)
    return 0


def _serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    start = read(tasks)
    if not isinstance(start, Start):
        return
    try:
        analyst = PartAnalyst(start.spec, sums=start.sums)
        gc.freeze()  # what is there by now stays: looking at all of it after each part took a sixth of the time
        while isinstance(task := read(tasks), Task):
            rows, block = rows_of(start.fd, task)
            answers.write(pack(Done(task.number, task.last - task.first, analyst.part(rows, block))))
            answers.flush()
            del rows, block
            gc.collect()
    except BrokenPipeError:
        raise
    except WorkbenchError as error:
        _give_up(answers, Failed(error.what, error.why, error.hint, error.code))
    except Exception as error:  # noqa: BLE001 - the parent says so in one sentence; the traceback is on stderr
        traceback.print_exc()
        _give_up(answers, Failed("the analysis", f"failed ({type(error).__name__}: {error})", "", "failed"))


def _give_up(answers: BinaryIO, failed: Failed) -> None:
    answers.write(pack(failed))
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
