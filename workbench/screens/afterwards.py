"""The app's watch over what was asked to follow a training: taken up on any screen, told where the person is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.message import Message

from workbench.errors import WorkbenchError
from workbench.screens.aside import aside, aside_sync

if TYPE_CHECKING:
    from workbench.workflow.context import Context
    from workbench.workflow.wish import Wish

log = logging.getLogger("workbench")

LOOK_S: Final = 5.0
"""Between two looks at what was asked. Only records are read; a provider is asked for what is pending."""
HOSTED_S: Final = 30.0
"""Between two questions to a provider elsewhere whether a training has ended."""


class AfterMoved(Message):
    """What was asked to follow a job is further."""

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        self.wish = wish


class AfterWatch:
    """Takes up what is pending, one after the other, and reports what moved, whoever moved it."""

    def __init__(self, context: Context, moved: Callable[[AfterMoved], object]) -> None:
        self._context = context
        self._moved = moved
        self._seen: dict[str, tuple[str, str, str]] = {}
        self._asked_at: dict[str, float] = {}
        self._asked: set[str] = set()
        """Jobs whose provider was asked already."""

    async def run(self, look_s: float = LOOK_S) -> None:
        """Until it is cancelled. What fails is in the log and is looked at again."""
        first = True
        while True:
            try:
                await self.look(first=first)
            except WorkbenchError as error:
                log.warning("what follows a training could not be looked at: %s", error)
            except Exception:
                log.exception("unforeseen, in what follows a training")
            first = False
            await asyncio.sleep(look_s)

    async def look(self, *, first: bool = False) -> None:
        """Once: what others have moved is told, then what is pending is taken up."""
        from workbench.workflow.wish import wishes

        found = await aside_sync(lambda: wishes(self._context))
        for wish in found:
            if first and not wish.is_pending:
                self._seen[wish.job] = _state(wish)  # of a time when this app was not open: nothing has moved
            self.tell(wish)
        for wish in found:
            if wish.is_pending and self._is_due(wish) and await aside_sync(partial(self._may_ask, wish)):
                self._asked.add(wish.job)
                await self._take_up(wish)

    async def _take_up(self, wish: Wish) -> None:
        from workbench.workflow.after_training import Watched, take_up

        self.tell(await aside(take_up(self._context, wish, Watched(moved=self.tell))))

    def _is_due(self, wish: Wish) -> bool:
        now = asyncio.get_running_loop().time()
        profile = self._context.profiles().get(wish.profile)
        pause = 0.0 if profile is not None and profile.capabilities.own_machine and not wish.why else HOSTED_S
        asked_at = self._asked_at.get(wish.job)
        if asked_at is not None and now - asked_at < pause:
            return False
        self._asked_at[wish.job] = now
        return True

    def _may_ask(self, wish: Wish) -> bool:
        """Whether its provider may be asked: at first always, for the training may have ended while nobody looked.

        After that no engine is started that somebody has stopped, and no key command is run again, which may ask the
        person something: then our record of the job has to say that it has ended.
        """
        from workbench.workflow.after_training import has_ended

        profile = self._context.profiles().get(wish.profile)
        if wish.job not in self._asked or profile is None or has_ended(self._context, wish):
            return True
        if profile.capabilities.own_machine:
            return self._context.engine.status().status == "running"
        return not profile.api_key_command

    def tell(self, wish: Wish) -> None:
        """Report it, where it says something new."""
        if self._seen.get(wish.job) != _state(wish):
            self._seen[wish.job] = _state(wish)
            self._moved(AfterMoved(wish))


def _state(wish: Wish) -> tuple[str, str, str]:
    return wish.state, wish.part, wish.why
