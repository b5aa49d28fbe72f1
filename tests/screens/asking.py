"""An app of somebody else with nothing but the screen that is asked, and what the screen closed with."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.screen import Screen

from workbench.testing.idle import settled


class Asking(App[None]):
    """Shows one screen; `answer` is what it closes with."""

    answer: Any = "not answered"

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self.asked = screen

    def on_mount(self) -> None:
        """Ask."""

        def answered(answer: Any) -> None:
            self.answer = answer

        self.push_screen(self.asked, answered)


def asking(screen: Screen[Any]) -> Asking:
    """The app; a pilot's pause waits for its workers."""
    made: Asking = settled(Asking)(screen)
    return made
