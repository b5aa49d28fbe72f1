"""Waiting for an app to have nothing more to do, in place of sleeping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.worker import WorkerState

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.pilot import Pilot

_UNFINISHED = {WorkerState.PENDING, WorkerState.RUNNING}


async def wait_idle(pilot: Pilot[Any], timeout: float = 30.0) -> None:  # noqa: ASYNC109 - the word of pytest users
    """Wait until no worker runs and no message waits; workers of the group `follow` live as long as their screen.

    Raises TimeoutError with the names of the workers that are left.
    """
    from workbench.screens.frame import LONG_LIVED, Frame

    def busy() -> list[str]:
        left = [
            worker.name or worker.group
            for worker in pilot.app.workers
            if worker.state in _UNFINISHED and worker.group not in LONG_LIVED
        ]
        screen = pilot.app.screen
        if isinstance(screen, Frame) and screen.awaits_next_step:
            left.append("next step")
        return left

    await _wait(pilot, busy, timeout)


async def _wait(pilot: Pilot[Any], busy: Callable[[], list[str]], timeout: float) -> None:  # noqa: ASYNC109
    """Two quiet looks in a row: the first one may fall between a message and the worker that it starts."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    quiet = 0
    while quiet < 2:
        await pilot.pause()
        left = busy()
        quiet = 0 if left else quiet + 1
        if left:
            if loop.time() > deadline:
                raise TimeoutError(f"still at work after {timeout:g} s: {', '.join(left)}")
            await asyncio.sleep(0.01)


def settled(app_class: type[App[Any]]) -> type[App[Any]]:
    """A subclass of `app_class` whose `run` with a pilot waits for idleness at every pause.

    `snap_compare` drives an app through `run(auto_pilot=…)`; so a snapshot shows what a person would see in the end,
    not how far a worker was.
    """
    from textual.pilot import Pilot

    class SettledPilot(Pilot[Any]):
        """Pauses until nothing moves."""

        async def pause(self, delay: float | None = None) -> None:
            await super().pause(delay)
            await wait_idle(Pilot(self.app))

        async def press(self, *keys: str) -> None:
            for key in keys:
                await super().press(key)
                await wait_idle(Pilot(self.app))

    class SettledApp(app_class):  # type: ignore[misc, valid-type]
        """The app, driven by a patient pilot."""

        def run(self, **options: Any) -> Any:
            """Run as ever, the pilot exchanged."""
            auto_pilot = options.pop("auto_pilot", None)
            if auto_pilot is not None:
                options["auto_pilot"] = lambda pilot: auto_pilot(SettledPilot(pilot.app))
            return super().run(**options)

    SettledApp.__name__ = app_class.__name__
    return SettledApp
