"""What the app does behind every screen: it notices jobs that end, and does what was asked to follow a training."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import App

from workbench.errors import WorkbenchError
from workbench.screens.afterwards import AfterMoved, AfterWatch
from workbench.screens.frame import Frame
from workbench.terminal import workarounds
from workbench.terminal.escape import visible_line

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from workbench.workflow.context import Context

AFTER_START_S = 1.0
"""What was asked to follow a training is looked for when the first screen stands."""
ENDS_AFTER_S = 3.0
"""Noticing the ends of jobs begins when the first screen stands."""


class Background(App[int], inherit_bindings=False):
    """Base of the app; the screens are not its business, but one that is shown hears what moved."""

    context: Context

    def watch_jobs(self) -> None:
        """Begin, shortly after the first screen is painted."""
        self.set_timer(ENDS_AFTER_S, self.watch_ends)
        self.set_timer(AFTER_START_S, self.watch_after)

    def screen_of(self, mode: str) -> Frame | None:
        """A mode's own screen, if it has been shown already."""
        stack = self._screen_stacks.get(mode, [])
        return stack[0] if stack and isinstance(stack[0], Frame) else None

    @work(exclusive=True, group="after", exit_on_error=False)
    async def watch_after(self) -> None:
        """Do what was asked to follow trainings, whatever is on screen."""
        await AfterWatch(self.context, self.post_message).run()

    @on(AfterMoved)
    def show_after(self, message: AfterMoved) -> None:
        """Say it where the person is when it begins and ends, and let the screen look again."""
        from workbench.workflow.wish import in_words

        wish = message.wish
        ended = not wish.is_pending
        if ended or (wish.state == "running" and not wish.part):
            severity: SeverityLevel = "warning" if wish.state == "could-not" else "information"
            told = visible_line(f"{wish.job}: {in_words(wish)}")
            self.notify(told, severity=severity, timeout=10 if ended else 5, markup=False)
        frame = self.screen_of(self.current_mode)
        if frame is not None:
            frame.after_moved(wish)

    @work(group="ends", exit_on_error=False)
    async def watch_ends(self) -> None:
        """Tell of every job that ends, whatever is on screen. The Jobs screen asks the providers by itself."""
        from workbench.screens.aside import aside, aside_sync
        from workbench.workflow.ends import LOOK_S, Ends
        from workbench.workflow.finish import ended_text, tell

        ends, said = Ends(self.context), ""
        while True:
            try:
                for job in await aside(ends.look(ask=self.screen is not self.screen_of("jobs"))):
                    if await aside_sync(partial(tell, self.context, job, workarounds.terminal_writer(self))):
                        self.notify(f"{ended_text(job)}: 4 shows it", timeout=12, markup=False)
            except WorkbenchError as error:
                if str(error) != said:  # a broken config.toml is broken at each look
                    said = str(error)
                    self.notify(said, severity="warning", timeout=12, markup=False)
            await asyncio.sleep(LOOK_S)
