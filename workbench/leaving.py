"""Leaving the app while a screen holds changes that nobody applied."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from textual.app import App
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed

from workbench.screens.frame import Frame

if TYPE_CHECKING:
    from workbench.screens.dialogs.choice import ChoiceDialog

APPLY: Final = "a"
DROP: Final = "d"
_EDITS: Final = "edit"
"""The group of the workers that make an edit."""


class Unapplied(NamedTuple):
    """A screen with changes, the mode in which it is open, and the changes in words."""

    mode: str
    screen: Frame
    what: str


def unapplied(stacks: Mapping[str, Sequence[Screen[Any]]]) -> Unapplied | None:
    """The first screen of all modes, from the top, that holds changes."""
    for mode, stack in stacks.items():
        for screen in reversed(stack):
            if isinstance(screen, Frame) and (what := screen.unapplied()):
                return Unapplied(mode, screen, what)
    return None


def leave_question(what: str) -> ChoiceDialog:
    """Asks what becomes of the changes; closes with APPLY, DROP, or None to stay."""
    from workbench.screens.dialogs.choice import Answer, ChoiceDialog

    answers = [Answer(APPLY, "apply them and quit"), Answer(DROP, "drop them and quit")]
    return ChoiceDialog(
        "Quit with changes that are not applied?", f"{what}. They are lost if they are dropped.", answers
    )


async def apply(app: App[Any], screen: Frame) -> bool:
    """Have a screen of the present mode hand over its changes; whether they are made then.

    It is for a worker: it waits for messages. Where they cannot be made, the app has said why.
    """
    while app.screen is not screen:  # a dialog of it
        await app.pop_screen()
    await app.run_action("apply", screen)
    if screen in app.screen_stack:
        return False
    below = app.screen
    for pump in (app, below):  # one of them is told the result by the next of its messages
        told = asyncio.Event()
        pump.call_next(told.set)
        await told.wait()
    edits = [worker for worker in app.workers if worker.group == _EDITS]
    try:
        if edits:
            await app.workers.wait_for_complete(edits)
    except (WorkerFailed, WorkerCancelled):
        return False
    return app.screen is below  # not a dialog that says why the edit could not be made
