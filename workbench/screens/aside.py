"""The background loop: every workflow step of a screen runs there, so that none can hold the screen up.

A step may import the `openai` SDK (a second of CPU), read a file of a gigabyte or fit a classifier before it awaits
anything. One thread with an event loop of its own takes all of that away from Textual's; what comes back are messages.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    """The one loop, started on first need. Its thread is a daemon: jobs live elsewhere and runs are resumable."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="ftwb-aside", daemon=True).start()
    return loop


async def aside(step: Coroutine[Any, Any, T]) -> T:
    """Run `step` on the background loop and wait for it.

    Cancelling the wait cancels the step, and returns only when it has let go of its files.
    """
    here, there = asyncio.get_running_loop(), _loop()
    outcome: asyncio.Future[T] = here.create_future()

    def settle(task: asyncio.Task[T]) -> None:
        if outcome.done():
            return
        if task.cancelled():
            outcome.cancel()
        elif (error := task.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    def ended(task: asyncio.Task[T]) -> None:
        with suppress(RuntimeError):  # the screen's loop is closed: the app has ended
            here.call_soon_threadsafe(settle, task)

    def start() -> None:
        task = there.create_task(step)
        running.append(task)
        task.add_done_callback(ended)

    running: list[asyncio.Task[T]] = []
    there.call_soon_threadsafe(start)
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        there.call_soon_threadsafe(lambda: running[0].cancel())
        await asyncio.wait([outcome])
        raise


async def aside_sync(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread and wait for it."""
    return await asyncio.to_thread(call)
