"""The background loop: every workflow step of a screen runs there, so that none can hold the screen up.

A step may import the `openai` SDK (a second of CPU), read a file of a gigabyte or fit a classifier before it awaits
anything. One thread with an event loop of its own takes all of that away from Textual's; what comes back are messages.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
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
    """Run `step` on the background loop and wait for it; cancelling the wait cancels the step."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(step, _loop()))


async def aside_sync(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread and wait for it."""
    return await asyncio.to_thread(call)
