"""A process of this room, as it sees itself: it reads messages on stdin and answers on stdout.

It ends when stdin ends, so it never outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from workbench.dataset.analysis.wire import Failed, pack
from workbench.errors import WorkbenchError


def serve(work: Callable[[BinaryIO, BinaryIO], None], niceness: int) -> None:
    """Do `work` on what is asked and answered; whatever stops it is the last answer."""
    with suppress(OSError):
        os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    # What anything prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with suppress(BrokenPipeError):  # nobody waits for it any more
        try:
            work(sys.stdin.buffer, answers)
        except BrokenPipeError:
            raise
        except WorkbenchError as error:
            say(answers, Failed(error.what, error.why, error.hint, error.code))
        except Exception as error:  # noqa: BLE001 - the parent says so in one sentence; the traceback is on stderr
            traceback.print_exc()
            say(answers, Failed("the analysis", f"failed ({type(error).__name__}: {error})", "", "failed"))


def say(answers: BinaryIO, message: object) -> None:
    """Answer."""
    answers.write(pack(message))
    answers.flush()
