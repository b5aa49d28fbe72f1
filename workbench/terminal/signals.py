"""Hang-up and termination: leave as if the person had quit, and say by the exit code what happened."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

GRACE_S = 5.0
"""How long an orderly exit may take. A dead terminal can hold the writer thread for ever, and Textual waits for it."""


def leave_on_signals(
    loop: asyncio.AbstractEventLoop, leave: Callable[[int], None], *, grace_s: float = GRACE_S
) -> Callable[[], None]:
    """Call `leave(128 + n)` on SIGHUP and SIGTERM; returns what takes the handlers away.

    Textual dies of both: SIGTERM leaves the terminal in the alternate screen, and a SIGHUP that the launcher had
    ignored leaves the app spinning on a dead tty.
    """
    caught = (signal.SIGHUP, signal.SIGTERM)

    def on_signal(number: int) -> None:
        last_resort = threading.Timer(grace_s, os._exit, (128 + number,))
        last_resort.daemon = True
        last_resort.start()
        leave(128 + number)

    for number in caught:
        loop.add_signal_handler(number, on_signal, number)

    def take_away() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    return take_away
